"""Films that lie in S3 already: where each lies, and that they can be of one dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.data.films import Xray
from rekognition_xray.errors import LabelsError, StorageError, list_paths


def placed(films: Iterable[Xray], *, beside: str | None) -> Mapping[Xray, S3Location]:
    """Where films lie that lie in S3: exactly at their addresses. Makes no call.

    Args:
        films: films with an address.
        beside: the bucket in which other films of the same dataset will lie, if there are any.

    Raises:
        StorageError: an address is not ``s3://bucket/key``, or the films would end in several
            buckets, of which the service takes one for a dataset.
        LabelsError: one address under two labels.
    """
    found = {film: _location(film) for film in films}
    _refuse_two_labels(found)
    buckets = {place.bucket for place in found.values()} | ({beside} if beside else set())
    if len(buckets) > 1:
        raise StorageError(
            f"The films would lie in {len(buckets)} buckets, {', '.join(sorted(buckets))}; "
            "nothing was uploaded.",
            hint="Custom Labels takes films of one bucket for a dataset: copy them into one "
            "(aws s3 sync), or store the others there.",
        )
    return found


def _location(film: Xray) -> S3Location:
    # The key as it is stored: S3Location.parse would take slashes off its ends.
    bucket, _, key = (film.address or "").removeprefix("s3://").partition("/")
    place = S3Location(bucket, key)
    if not bucket or not key or str(place) != film.address:
        raise StorageError(f"{film.source} is not a film's address, s3://bucket/key.")
    return place


def _refuse_two_labels(found: Mapping[Xray, S3Location]) -> None:
    labels: dict[S3Location, set[str]] = defaultdict(set)
    for film, place in found.items():
        labels[place].add(film.label)
    bad = {place: names for place, names in labels.items() if len(names) > 1}
    if bad:
        raise LabelsError(
            f"{len(bad)} films in S3 stand under different labels; nothing was uploaded:\n"
            + list_paths(f"{place}: {', '.join(sorted(names))}" for place, names in bad.items()),
            paths=[str(place) for place in bad],
            hint="Decide which label is right and leave the other out.",
        )
