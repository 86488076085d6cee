"""The 2020 article replayed: its three labels, its split by image, one by patient, and its prices.

The article took Kaggle's chest X-rays, took bacterial or viral from the file name, let Custom
Labels split the images 80 to 20, trained for 1.308 hours and reported a precision of 0.946. Here
the same steps are calls. They run twice: with the service's split, which ignores patients, and with
whole patients.

Usage: python examples/article.py [path/to/chest_xray]

Without a folder phantoms are drawn. Everything happens on this machine, and the figures are the
local learner's, never AWS's. On AWS the two trainings would cost about 2.60 USD, and the diagnoses
would cost as long as the model runs; see the end of the output. Real images: Kermany, Zhang and
Goldbaum (2018), Mendeley Data V2, doi:10.17632/rscbjbr9sj.2, CC BY 4.0.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import rekognition_xray as rx
from rekognition_xray.costs import ARTICLE_BILL, ARTICLE_TRAINING_HOURS, article_month
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.local import LocalCloud

KEY = "a public key, good for this example alone"  # keep yours secret: REKOGNITION_XRAY_KEY
STORE, MODELS = "s3://clinic-xrays/images", "s3://clinic-xrays/models"

with tempfile.TemporaryDirectory() as scratch, LocalCloud(buckets=["clinic-xrays"]) as cloud:
    aws = rx.Aws(session=cloud.session())

    print("1. Three labels from two folders: the file name says bacterial or viral")
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    folder = folder or make_phantoms(
        Path(scratch), patients=24, images_per_patient=(3, 3), heights=(160, 240), seed=5
    )
    images = rx.XrayDataset.from_folder(folder, names=rx.KERMANY)
    for label, count in images.counts.items():
        print(f"   {label}: {count:,} images of {images.patients[label]:,} patients")
    audit = images.audit()
    audit.raise_for_errors()

    print("\n2. The article's way: the service keeps a fifth of the images for the test")
    by_image = rx.CustomLabelsProject.get_or_create("by-image", aws=aws)
    try:
        by_image.put_datasets(train=images, store=STORE, key=KEY)
    except rx.XrayError as refusal:
        print(f"   {type(refusal).__name__}: {refusal}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        by_image.put_datasets(train=images, store=STORE, key=KEY, allow_leaks=True)
    print(*(f"   {warning.category.__name__}: {warning.message}" for warning in caught), sep="\n")

    print("\n3. The other way: whole patients, and copies together")
    split = images.split(test=0.2, seed=7, audit=audit)
    by_patient = rx.CustomLabelsProject.get_or_create("by-patient", aws=aws)
    by_patient.put_datasets(train=split.train, test=split.test, store=STORE, key=KEY)
    print(f"   {split.fingerprint}, seed {split.seed}")

    print("\n4. Both trained and evaluated; the article has a precision of 0.946, no interval")
    for project in (by_image, by_patient):
        train, test = (
            {pseudonym_in(entry.source_ref) for entry in project.entries(kind)}
            for kind in ("TRAIN", "TEST")
        )
        version = project.train("v1", output=MODELS, allow_leaks=project is by_image)
        version.wait_until_trained()
        evaluation = rx.Evaluation.from_version(version, allow_leaks=project is by_image)
        print(
            f"   {project.name}: {len(train & test)} of {len(test)} test patients known from the "
            f"training; precision {evaluation.service.precision:.3f}, "
            f"accuracy {evaluation.accuracy}"
        )

    print("\n5. Its pictures of predictions, one for each label")
    with version.running(units=1, max_cost="5.00") as model:
        diagnoser = rx.Diagnoser(model)
        for image in {image.label: image for image in split.test}.values():
            print(f"   labelled {image.label}; {diagnoser.diagnose(image.path)}")

prices = rx.PriceBook()
print("\n6. Prices")
for price in (prices.prices["training-hour"], prices.prices["inference-unit-hour"]):
    print(f"   {price.amount} {prices.currency} per {price.unit} ({price.source}, {price.as_of})")
print(f"   {prices.training(ARTICLE_TRAINING_HOURS)}")
print("   the article's own bill:")
for what, amount in ARTICLE_BILL.items():
    print(f"     {what}: {amount} USD")
print(f"     total: {sum(ARTICLE_BILL.values())} USD")
print(f"   its month, 4 hours a day for 28 days:\n   {article_month()}")
print(f"   a model that is left on for a weekend of 60 hours:\n   {prices.inference(60)}")
