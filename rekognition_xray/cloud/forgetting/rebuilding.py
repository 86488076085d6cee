"""Datasets made anew without some entries, so that a crash at any moment loses none of the others.

The service cannot take an entry out of a dataset. What a dataset shall hold is therefore written
to S3 first, then noted in a journal there, and only then is the dataset deleted and made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.datasets import (
    DatasetType,
    create_dataset,
    dataset_arns,
    delete_dataset,
    describe_dataset,
    wait_until_still,
)
from rekognition_xray.cloud.forgetting.traces import MANIFESTS, Patient, PatientDataset, lines
from rekognition_xray.cloud.s3 import S3Location, read_object, write_object
from rekognition_xray.cloud.tags import ENTRIES, read_tags, write_tags
from rekognition_xray.errors import DatasetFailedError, StorageError

log = logging.getLogger(__name__)

_NAME: Final = "rxray-rebuilds-1"
_JOURNAL: Final = "datasets.json"
_REMARKS: Final = ("cl-metadata", "cl-errors")


@attrs.frozen
class Rebuild:
    """A dataset that is to be made anew.

    Attributes:
        project_arn: the project.
        kind: which of its two datasets.
        entries: how many entries it shall hold.
        manifest: key of the manifest that lists them; None where none are left.
        tags: the tags of the dataset, without that on its former entries.
    """

    project_arn: str
    kind: DatasetType
    entries: int
    manifest: str | None
    tags: Mapping[str, str]


def journal_folder(patient: Patient) -> S3Location:
    """Where it is noted which datasets are being made anew. It names nothing but pseudonyms."""
    return patient.where / "forgetting" / patient.pseudonym


def read_journal(aws: Aws, patient: Patient) -> tuple[Rebuild, ...] | None:
    """What an earlier run had begun; None where there was none, or it came to its end."""
    place = journal_folder(patient) / _JOURNAL
    try:
        data = read_object(aws, place)
    except StorageError as error:
        if error.code != "NoSuchKey":
            raise
        return None
    try:
        return tuple(Rebuild(**item) for item in json.loads(data)[_NAME])
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{place} is no journal of this version of the library: {error}",
            hint="Look into it: it says which datasets were being made anew. Delete it if the "
            "projects have both their datasets.",
        ) from error


def write_journal(aws: Aws, patient: Patient, rebuilds: Iterable[Rebuild]) -> None:
    """Notes what is about to be made anew. Calls PutObject."""
    noted = [attrs.asdict(item) for item in rebuilds]
    text = json.dumps({_NAME: noted})
    write_object(
        aws, journal_folder(patient) / _JOURNAL, text.encode(), content_type="application/json"
    )


def draft_rebuild(aws: Aws, patient: Patient, held: PatientDataset) -> Rebuild:
    """Writes the manifest of a dataset without the patient; changes nothing else.

    Lines keep their labels and their job name, and so the split they are from. Calls
    ListDatasetEntries, ListTagsForResource and PutObject.
    """
    kept = [_plain(line) for line in lines(aws, held.arn) if not patient.owns(line)]
    tags = {key: text for key, text in read_tags(aws, held.arn).items() if key != ENTRIES}
    if not kept:
        return Rebuild(held.project_arn, held.kind, 0, None, tags)
    data = "".join(f"{line}\n" for line in kept).encode()
    digest = hashlib.sha256(data).hexdigest()[:12]
    place = patient.where / MANIFESTS / f"{held.kind.lower()}-{digest}.manifest"
    write_object(aws, place, data, content_type="application/x-ndjson")
    return Rebuild(held.project_arn, held.kind, len(kept), place.key, tags)


def _plain(line: str) -> str:
    """A listed line without the remarks that the service adds to it and to its parts."""
    content = json.loads(line)
    for part in (content, *(value for value in content.values() if isinstance(value, dict))):
        for remark in _REMARKS:
            part.pop(remark, None)
    return json.dumps(content, separators=(",", ":"))


def carry_out(aws: Aws, patient: Patient, rebuild: Rebuild) -> str:
    """Makes a dataset anew, unless that is done already; gives its ARN.

    Calls DescribeProjects, DescribeDataset, ListDatasetEntries, DeleteDataset, CreateDataset and
    TagResource; free.

    Raises:
        DatasetFailedError: with the service's message, or because it dropped lines.
        InUseError: the dataset is in use.
    """
    arn = dataset_arns(aws, rebuild.project_arn).get(rebuild.kind)
    if arn is None or _is_to_go(aws, patient, arn):
        if arn is not None:
            delete_dataset(aws, arn)
        arn = _made(aws, patient, rebuild)
    elif (there := describe_dataset(aws, arn).entries) != rebuild.entries:
        log.warning("%s holds %d entries, not %d: somebody filled it", arn, there, rebuild.entries)
        return arn
    if rebuild.tags:
        write_tags(aws, arn, rebuild.tags)
    return arn


def _is_to_go(aws: Aws, patient: Patient, arn: str) -> bool:
    seen = wait_until_still(aws, arn)
    if seen is not None and seen.status == "CREATE_FAILED":
        return True
    return seen is not None and any(map(patient.owns, lines(aws, arn, patient.mark)))


def _made(aws: Aws, patient: Patient, rebuild: Rebuild) -> str:
    place = S3Location(patient.where.bucket, rebuild.manifest) if rebuild.manifest else None
    made = create_dataset(aws, rebuild.project_arn, rebuild.kind, place)
    if made.entries != rebuild.entries:
        raise DatasetFailedError(
            f"The {rebuild.kind} dataset {made.arn} kept {made.entries} of the {rebuild.entries} "
            f"entries of {place}; the service drops lines that it cannot use without a word."
        )
    log.info("%s was made anew with %d entries", made.arn, made.entries)
    return made.arn
