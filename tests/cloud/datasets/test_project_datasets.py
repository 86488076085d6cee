"""Datasets of a project, looked into: entries by filters, labels, and what the service kept."""

from __future__ import annotations

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.data.manifests import Entry, Manifest
from rekognition_xray.data.xrays import Labelling

STORE = "s3://clinic-xrays/images"


@pytest.fixture
def filled(project: rx.CustomLabelsProject) -> rx.CustomLabelsProject:
    """A TRAIN dataset of 6 images by label and number, one without label and one with a fault."""
    labels = ("normal", "viral", "bacterial")
    entries = [Entry(f"{STORE}/{label}-{n}.jpg", label) for label in labels for n in (1, 2)]
    manifest = Manifest(entries, Labelling("test"))
    place = S3Location.parse(STORE)
    datasets.put_manifests(
        project.aws, project.arn, {"TRAIN": manifest}, store=place, replace=False
    )
    client, arn = project.aws.rekognition, project.datasets()["TRAIN"].arn
    bare = f'{{"source-ref":"{STORE}/bare.jpg"}}'
    line = next(iter(manifest.blobs())).decode().splitlines()[0]
    odd = line.replace("bacterial-1", "odd").replace("image-classification", "of-no-kind")
    blob = f"{bare}\n{odd}\n".encode()
    client.update_dataset_entries(DatasetArn=arn, Changes={"GroundTruth": blob})
    datasets.wait_until_ready(project.aws, arn)
    return project


def names(entries) -> list[str]:
    return sorted(entry.source_ref.rpartition("/")[2].partition(".")[0] for entry in entries)


SOUND = ["bacterial-1", "bacterial-2", "normal-1", "normal-2", "viral-1", "viral-2"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["bacterial-1", "bacterial-2", "bare", *SOUND[2:4], "odd", *SOUND[4:]]),
        ({"labels": ["normal"]}, ["normal-1", "normal-2"]),
        ({"labels": "normal"}, ["normal-1", "normal-2"]),
        ({"labels": ("normal", "viral")}, ["normal-1", "normal-2", "viral-1", "viral-2"]),
        ({"contains": "-1."}, ["bacterial-1", "normal-1", "viral-1"]),
        ({"contains": "-1.", "labels": ["viral"]}, ["viral-1"]),
        ({"has_errors": True}, ["odd"]),
        ({"has_errors": False}, sorted([*SOUND, "bare"])),
        ({"contains": "nowhere"}, []),
    ],
)
def test_entries_are_filtered(filled: rx.CustomLabelsProject, filters, expected) -> None:
    assert names(filled.entries("TRAIN", **filters)) == expected


def test_entries_with_and_without_labels_are_distinguished(filled: rx.CustomLabelsProject) -> None:
    without = names(filled.entries("TRAIN", labelled=False))
    assert "bare" in without
    assert names(filled.entries("TRAIN", labelled=True)) == sorted(
        {*SOUND, "bare", "odd"} - set(without)
    )


def test_an_entry_tells_labels_and_faults(filled: rx.CustomLabelsProject) -> None:
    by_name = {names([entry])[0]: entry for entry in filled.entries("TRAIN")}
    assert by_name["viral-1"].labels == ("viral",)
    assert (by_name["viral-1"].labelled, by_name["viral-1"].faults) == (True, ())
    assert (by_name["bare"].labels, by_name["bare"].labelled) == ((), False)
    assert "ERROR_UNSUPPORTED_USE_CASE_TYPE" in {fault.code for fault in by_name["odd"].faults}


def test_entries_are_read_as_they_are_asked_for(project: rx.CustomLabelsProject) -> None:
    entries = [Entry(f"{STORE}/{n:03}.jpg", ("normal", "viral")[n % 2]) for n in range(250)]
    manifest = Manifest(entries, Labelling("test"))
    place = S3Location.parse(STORE)
    datasets.put_manifests(
        project.aws, project.arn, {"TRAIN": manifest}, store=place, replace=False
    )
    asked: list[object] = []
    events, event = (
        project.aws.rekognition.meta.events,
        "before-call.rekognition.ListDatasetEntries",
    )
    events.register(event, lambda **_: asked.append(1), unique_id="count")
    try:
        found = project.entries("TRAIN")
        assert not asked
        next(found)
        assert len(asked) == 1
        assert len(list(found)) == 249
        assert len(asked) == 3
    finally:
        events.unregister(event, unique_id="count")


@pytest.mark.parametrize(
    ("filters", "what"),
    [
        ({"labels": map(str, range(11))}, "11 labels"),
        ({"contains": "   "}, "No source-ref"),
        ({"contains": "x" * 2049}, "No source-ref"),
    ],
)
def test_filters_that_the_service_would_refuse_are_refused_at_once(
    filled: rx.CustomLabelsProject, filters, what: str
) -> None:
    with pytest.raises(errors.InvalidRequestError, match=what):
        filled.entries("TRAIN", **filters)


def test_labels_come_with_their_counts(filled: rx.CustomLabelsProject) -> None:
    counts = filled.labels("TRAIN")
    assert list(counts) == ["normal", "bacterial", "viral"]
    assert (counts["normal"], counts["viral"]) == (2, 2)


def test_a_dataset_that_is_not_there_is_named(filled: rx.CustomLabelsProject) -> None:
    for ask in (filled.labels, filled.entries):
        with pytest.raises(errors.NotFoundError, match="no TEST dataset"):
            ask("TEST")


@pytest.mark.parametrize("line", ["nonsense", "[]", '"text"'])
def test_an_entry_of_another_shape_is_a_fault_of_the_service(line: str) -> None:
    with pytest.raises(errors.ServiceFaultError, match="no JSON"):
        datasets.parse_entry(line)


def test_boxes_tell_their_labels() -> None:
    line = '{"source-ref":"s3://b/k","x":{},"x-metadata":{"class-map":{"0":"clip","1":"tube"}}}'
    assert datasets.parse_entry(line).labels == ("clip", "tube")


# -- what was sent and what was kept -----------------------------------------------------------


def test_a_dataset_that_holds_what_was_put_is_complete(
    project: rx.CustomLabelsProject, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    receipt = project.put_datasets(train=train, test=test, store=STORE)
    for kind, part in (("TRAIN", train), ("TEST", test)):
        found = project.check(kind, part, receipt)
        assert found.complete
        found.raise_for_errors()
        assert str(found) == f"{kind}: {len(part)} entries were sent, {len(part)} are there"
    with pytest.raises(errors.ManifestError, match="do not lie in S3"):
        project.check("TRAIN", train)


def test_what_is_missing_changed_extra_or_flagged_is_named(filled: rx.CustomLabelsProject) -> None:
    sent = Manifest(
        [
            Entry(f"{STORE}/normal-1.jpg", "normal"),
            Entry(f"{STORE}/normal-2.jpg", "viral"),
            Entry(f"{STORE}/bare.jpg", "normal"),
            Entry(f"{STORE}/dropped.jpg", "normal"),
        ],
        Labelling("test"),
    )
    found = filled.check("TRAIN", sent)
    assert (found.sent, found.kept, found.complete) == (4, 8, False)
    assert found.missing == (f"{STORE}/dropped.jpg",)
    assert found.changed == {
        f"{STORE}/bare.jpg": ("normal", ()),
        f"{STORE}/normal-2.jpg": ("viral", ("normal",)),
    }
    assert [name.rpartition("/")[2] for name in found.extra] == [
        "bacterial-1.jpg",
        "bacterial-2.jpg",
        "odd.jpg",
        "viral-1.jpg",
        "viral-2.jpg",
    ]
    assert found.flagged["ERROR_UNSUPPORTED_USE_CASE_TYPE"] == (f"{STORE}/odd.jpg",)
    with pytest.raises(errors.DatasetFailedError) as output:
        found.raise_for_errors()
    for text in (
        f"not there (1):\n  - {STORE}/dropped.jpg",
        f"{STORE}/bare.jpg: normal, there: no label",
        "there and not sent (5):",
        "flagged ERROR_UNSUPPORTED_USE_CASE_TYPE (1):",
    ):
        assert text in str(output.value)


def test_a_manifest_that_lies_in_s3_can_be_checked(filled: rx.CustomLabelsProject) -> None:
    entries = list(
        filled.entries("TRAIN", has_errors=False, labels=["normal", "viral", "bacterial"])
    )
    sent = Manifest.parse([entry.line for entry in entries])
    found = filled.check("TRAIN", sent)
    assert (found.missing, found.changed) == ((), {})
    assert attrs.evolve(found, extra=(), flagged={}).complete
