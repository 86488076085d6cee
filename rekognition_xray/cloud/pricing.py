"""The price book of a call whose caller gives none: that of its Region."""

from __future__ import annotations

import logging

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.costs import Money, PriceBook
from rekognition_xray.errors import PriceBookError

log = logging.getLogger(__name__)


def book_for(aws: Aws, given: PriceBook | None, cap: Money | None = None) -> PriceBook:
    """The caller's price book, or else the library's for the Region. Makes no call.

    For a Region whose prices the library does not know, those of us-east-1 stand in, and a warning
    says so: the figures are then a guess, and nothing that has to be stopped or listed fails for
    want of a price. A cap in money is no cap by guessed prices, so it is refused.

    Args:
        aws: the AWS session, with its Region.
        given: the caller's price book; it is used as it is, whatever its Region.
        cap: the most that may be spent; None for no limit.

    Raises:
        PriceBookError: there is a cap, and no price for the Region.
    """
    if given is not None:
        return given
    try:
        return PriceBook.for_region(aws.region)
    except PriceBookError as error:
        book = PriceBook()
        text = f"Or pass prices=PriceBook() to use those of {book.region}."
        if cap is not None:
            raise PriceBookError(
                f"A cap of {cap} cannot be kept in {aws.region}: {error.message}",
                hint=f"{error.hint} {text}",
            ) from error
        log.warning(
            "the prices of %s are not known; those of %s are shown instead. %s",
            aws.region,
            book.region,
            error.hint,
        )
        return book
