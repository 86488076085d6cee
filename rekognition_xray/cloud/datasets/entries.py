"""Entries of a dataset as the service lists them, one after the other, filtered by the service."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.failures import named_errors
from rekognition_xray.errors import InvalidRequestError, ManifestFault, ServiceFaultError

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import ListDatasetEntriesRequestPaginateTypeDef

_MOST_LABELS: Final = 10
_LONGEST: Final = 2048
_METADATA: Final = "-metadata"
_REMARKS: Final = "cl-metadata"


@attrs.frozen
class DatasetEntry:
    """One entry of a dataset, as the service holds it.

    Attributes:
        source_ref: address of the image.
        labels: the image's labels; those of this library have one each.
        labelled: whether the service counts it as labelled.
        faults: what the service found wrong with it.
        line: the whole line, as the service gave it.
    """

    source_ref: str
    labels: tuple[str, ...]
    labelled: bool
    faults: tuple[ManifestFault, ...]
    line: str = attrs.field(repr=False)


def read_entries(
    aws: Aws,
    arn: str,
    *,
    labels: Iterable[str] = (),
    labelled: bool | None = None,
    has_errors: bool | None = None,
    contains: str = "",
) -> Iterator[DatasetEntry]:
    """The entries of a dataset that meet all that is asked for; see ``project.entries``.

    Raises:
        InvalidRequestError: at once, not with the first entry: the service would refuse a filter.
    """
    asked: ListDatasetEntriesRequestPaginateTypeDef = {"DatasetArn": arn}
    if wanted := _checked_labels(labels):
        asked["ContainsLabels"] = wanted
    if labelled is not None:
        asked["Labeled"] = labelled
    if has_errors:
        asked["HasErrors"] = True
    if contains:
        asked["SourceRefContains"] = _checked_text(contains)
    return _entries(aws, asked, has_errors)


def _entries(
    aws: Aws,
    asked: ListDatasetEntriesRequestPaginateTypeDef,
    has_errors: bool | None,  # noqa: FBT001 - a filter with three values
) -> Iterator[DatasetEntry]:
    pages = aws.rekognition.get_paginator("list_dataset_entries").paginate(**asked)
    with aws_errors(asked["DatasetArn"]):
        for page in pages:
            for line in page["DatasetEntries"]:
                entry = parse_entry(line)
                # The service takes "no errors" for "all".
                if has_errors is not False or not entry.faults:
                    yield entry


def parse_entry(line: str) -> DatasetEntry:
    """Reads a line as ListDatasetEntries gives it.

    Raises:
        ServiceFaultError: it is no JSON object.
    """
    try:
        content = json.loads(line)
    except ValueError as error:
        raise ServiceFaultError(f"an entry that is no JSON: {line[:200]!r}") from error
    if not isinstance(content, dict):
        raise ServiceFaultError(f"an entry that is no JSON object: {line[:200]!r}")
    remarks = content.get(_REMARKS)
    faults = dict.fromkeys(ManifestFault(None, *named) for named in named_errors(content))
    return DatasetEntry(
        source_ref=str(content.get("source-ref", "")),
        labels=tuple(dict.fromkeys(_labels(content))),
        labelled=bool(isinstance(remarks, dict) and remarks.get("is_labeled")),
        faults=tuple(faults),
        line=line,
    )


def _labels(content: dict[str, object]) -> Iterator[str]:
    for key, part in content.items():
        if key.endswith(_METADATA) and key != _REMARKS and isinstance(part, dict):
            if isinstance(name := part.get("class-name"), str):
                yield name
            if isinstance(boxes := part.get("class-map"), dict):
                yield from map(str, boxes.values())


def _checked_labels(labels: Iterable[str]) -> Sequence[str]:
    wanted = [labels] if isinstance(labels, str) else list(labels)
    if len(wanted) > _MOST_LABELS:
        raise InvalidRequestError(
            f"{len(wanted)} labels to list by; the service takes {_MOST_LABELS}.",
            hint="List with fewer, one after the other.",
        )
    return wanted


def _checked_text(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST:
        raise InvalidRequestError(
            f"No source-ref is searched for by {text[:50]!r}.",
            hint=f"Give 1 to {_LONGEST} characters that are not all spaces.",
        )
    return text
