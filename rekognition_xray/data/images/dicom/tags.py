"""Single DICOM elements as plain values; what is missing or senseless ends in one fault.

Faults hold names of tags and numbers, never text from the file, which may name a patient.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydicom.dataset import Dataset


class Fault(Exception):  # noqa: N818 - never leaves this part: it becomes an ImageError
    """Why a file is no usable image: a code and a reason of ImageError."""

    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


def contradiction(reason: str) -> Fault:
    """The fault of tags that are missing, senseless or at odds."""
    return Fault("unreadable", reason)


def values(dataset: Dataset, keyword: str) -> tuple[object, ...]:
    """All values of an element; none where it is absent or empty."""
    found = dataset.get(keyword)
    if found is None or found == "":
        return ()
    many = isinstance(found, Iterable) and not isinstance(found, str | bytes)
    return tuple(found) if many else (found,)


def text(dataset: Dataset, keyword: str) -> str:
    """The first value in upper case, without blanks around it; empty where there is none."""
    found = values(dataset, keyword)
    return str(found[0]).strip(" \0").upper() if found else ""


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """All values as finite numbers."""
    try:
        read = tuple(float(str(one)) for one in values(dataset, keyword))
    except ValueError:
        raise contradiction(f"{keyword} is no number") from None
    if not all(map(math.isfinite, read)):
        raise contradiction(f"{keyword} is no finite number")
    return read


def wholes(dataset: Dataset, keyword: str) -> tuple[int, ...]:
    """All values as whole numbers."""
    read = numbers(dataset, keyword)
    if not all(number.is_integer() for number in read):
        raise contradiction(f"{keyword} is no whole number")
    return tuple(map(int, read))


def whole(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """The one whole number of an element that has to be there, unless there is a default."""
    read = wholes(dataset, keyword)
    if not read and default is not None:
        return default
    if len(read) != 1:
        raise contradiction(f"{keyword} is missing" if not read else f"{keyword} has many values")
    return read[0]


def items(dataset: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; none where it is absent, empty or no sequence."""
    return tuple(item for item in values(dataset, keyword) if isinstance(item, Dataset))
