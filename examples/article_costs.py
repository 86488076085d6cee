"""What the 2020 article paid, and what its month of inference would cost, by today's price book."""

from __future__ import annotations

from rekognition_xray.costs import (
    ARTICLE_BILL,
    ARTICLE_TRAINING_HOURS,
    PriceBook,
    article_month,
)

prices = PriceBook()
for item, price in prices.prices.items():
    print(f"{item}: {price.amount} {prices.currency} ({price.source}, {price.as_of})")

print(f"\n{prices.training(ARTICLE_TRAINING_HOURS)}")
print("\nThe article's own bill:")
for what, amount in ARTICLE_BILL.items():
    print(f"  {what}: {amount} USD")
print(f"  total: {sum(ARTICLE_BILL.values())} USD")

print(f"\nIts month of inference, 4 hours a day for 28 days:\n{article_month()}")
print(f"\nA model that is left on for a weekend of 60 hours:\n{prices.inference(60)}")
