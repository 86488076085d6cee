"""How long a training may take: by the project's earlier ones, or by what AWS publishes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.tags import IMAGES, read_tags
from rekognition_xray.cloud.version_description import VersionDescription
from rekognition_xray.costs import (
    ARTICLE_IMAGES,
    ARTICLE_TRAINING_HOURS,
    PUBLISHED_TRAINING_HOURS,
    EstimateRange,
    PriceBook,
)

_LOOKED_AT: Final = 5
_MARGIN: Final = 2
_MILLI: Final = Decimal("0.001")
_PUBLISHED: Final = "AWS's guide: a training takes from {:f} to {:f} h"
_ARTICLE: Final = "the article of 2020: {:f} h for {:,} images of this kind"


@attrs.frozen
class EarlierTraining:
    """A training of the project that succeeded.

    Attributes:
        name: the version.
        hours: that it was billed.
        images: that it was trained on; None where nobody noted them.
    """

    name: str
    hours: Decimal
    images: int | None


def earlier_trainings(
    aws: Aws, versions: Sequence[VersionDescription]
) -> tuple[EarlierTraining, ...]:
    """The last five trainings that succeeded. Calls ListTagsForResource for each; free."""
    billed = [seen for seen in versions if seen.billable_training_seconds is not None]
    return tuple(_earlier(aws, seen) for seen in billed[:_LOOKED_AT])


def _earlier(aws: Aws, seen: VersionDescription) -> EarlierTraining:
    noted = read_tags(aws, seen.arn).get(IMAGES, "")
    images = int(noted) if noted.isdecimal() and int(noted) else None
    return EarlierTraining(seen.name, Decimal(seen.billable_training_seconds or 0) / 3600, images)


def training_range(
    images: int, earlier: Sequence[EarlierTraining], prices: PriceBook
) -> EstimateRange:
    """What a training of so many images may cost.

    A former training of this project is taken to last as long again, and longer or shorter in
    proportion to the images; how a training's time really grows is not published, so each gives a
    range from the one to the other. The lower end is the least of these, the upper end twice the
    greatest and at most AWS's 24 hours: the same images do not take the same time twice. Without a
    former training whose images are known, the range is AWS's.
    """
    known = [(one, one.images) for one in earlier if one.images]
    least, most = PUBLISHED_TRAINING_HOURS
    sources = [_PUBLISHED.format(least, most)]
    if known:
        hours = [hour for one, count in known for hour in (one.hours, one.hours * images / count)]
        least, most = min(*hours, most), min(_MARGIN * max(hours), most)
        sources.append(f"the upper end is {_MARGIN} times the longest expected, at most AWS's")
    sources += _sources(images, earlier)
    return prices.training_range(_round_hours(least), _round_hours(most), sources)


def _sources(images: int, earlier: Sequence[EarlierTraining]) -> Iterator[str]:
    for one in earlier:
        on = f"{one.images:,} images" if one.images else "an unknown number of images, not used"
        yield f"version {one.name} of this project: {_round_hours(one.hours):f} h for {on}"
    if not earlier:
        yield _ARTICLE.format(ARTICLE_TRAINING_HOURS, ARTICLE_IMAGES)
    yield f"this training: {images:,} images"


def _round_hours(hours: Decimal) -> Decimal:
    return max(hours.quantize(_MILLI, ROUND_HALF_UP), _MILLI)
