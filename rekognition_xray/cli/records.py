"""Values of the library as plain data for JSON: public attributes, and what they add up to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    import rekognition_xray as rx
    from rekognition_xray.cloud.upload import Receipt

_DERIVED: Final[Mapping[str, tuple[str, ...]]] = {
    "Estimate": ("total",),
    "Line": ("amount",),
    "RunningVersion": ("project", "version", "since", "cost", "owners", "expired"),
    "VersionDescription": ("trained", "retired"),
    "BulkSummary": ("per_second", "per_film"),
    "UploadPlan": ("there",),
    "MonthPlan": ("saved",),
}
"""Properties that belong to a value's record beside its attributes."""


_AS_TEXT: Final = frozenset({"S3Location"})


def plain(value: object) -> object:
    """Plain data: money as text, times in ISO 8601, spans in seconds, places as text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, Sequence):
        return [plain(held) for held in value]
    return _of_value(value)


def _of_value(value: object) -> object:
    kind = type(value)
    if isinstance(value, PurePath | Decimal) or kind.__name__ in _AS_TEXT:
        return str(value)
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return plain(_attributes(value, kind))


def _attributes(value: object, kind: type) -> object:
    to_dict = getattr(value, "to_dict", None)
    if callable(to_dict):
        return to_dict()
    if not attrs.has(kind):
        raise TypeError(f"{kind.__name__} has no record")
    names = [field.name for field in attrs.fields(kind)]
    return {name: getattr(value, name) for name in [*names, *_DERIVED.get(kind.__name__, ())]}


def of_dataset(dataset: rx.XrayDataset) -> dict[str, object]:
    """Films and patients, in all and by label."""
    return {
        "films": len(dataset),
        "patients": dataset.patient_count,
        "films_by_label": dict(dataset.counts),
        "patients_by_label": dict(dataset.patients),
    }


def of_audit(audit: rx.Audit) -> dict[str, object]:
    """The dataset, and each finding with all its files."""
    return {
        **of_dataset(audit.dataset),
        "errors": len(audit.errors),
        "warnings": len(audit.warnings),
        "findings": [plain(found) for found in audit.findings],
    }


def of_split(split: rx.Split) -> dict[str, object]:
    """Fingerprint, seed and the two parts."""
    parts = {"train": of_dataset(split.train), "test": of_dataset(split.test)}
    return {"fingerprint": split.fingerprint, "seed": split.seed, **parts}


def of_receipt(receipt: Receipt) -> dict[str, object]:
    """What was sent, what was there already, and the plan with its price."""
    told = {name: getattr(receipt, name) for name in ("uploaded", "skipped", "bytes_sent")}
    return {**told, "plan": plain(receipt.plan)}
