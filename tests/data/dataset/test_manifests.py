"""Datasets from manifests of images that lie in S3."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.dataset import Labelling, XrayDataset
from rekognition_xray.data.dataset.dataset import Part
from rekognition_xray.data.manifests import Entry, Manifest
from rekognition_xray.data.pseudonyms import PseudonymKey, object_key
from rekognition_xray.data.reading import KERMANY
from rekognition_xray.errors import (
    EmptyDatasetError,
    ManifestError,
)

Listed = Callable[[dict[str, str]], Path]


labels = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def store_key(patient: str, content: int, prefix: str = "images") -> str:
    pseudonym = PseudonymKey(b"a key for tests only").pseudonym(patient)
    return f"s3://clinic-xrays/{object_key(prefix, pseudonym, f'{content:064x}', 'jpg')}"


manifests = st.builds(
    Manifest,
    st.dictionaries(
        st.builds(store_key, st.sampled_from("abc"), st.integers(0, 99)), labels, min_size=1
    ).map(lambda found: [Entry(ref, label) for ref, label in found.items()]),
    st.builds(
        Labelling,
        rule=st.text("abc-é &=", max_size=9),
        by=st.text("Dr Who?", max_size=9),
        on=st.none() | st.dates(min_value=datetime.date(1971, 1, 1)),
        human=st.booleans(),
    ),
    st.none() | st.builds(Part, st.sampled_from(["train", "test"]), st.just("0123456789ab")),
)


@given(manifests)
def test_a_manifest_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, manifest: Manifest
) -> None:
    path = manifest.write(tmp_path_factory.getbasetemp() / "round.manifest")
    dataset = XrayDataset.from_manifest(path)
    assert Manifest.of(dataset).text() == path.read_text("utf-8")
    assert (dataset.part, dataset.rejected) == (manifest.part, ())


@pytest.fixture
def listed(tmp_path: Path) -> Listed:
    """Writes a manifest of addresses and labels."""

    def write(entries: dict[str, str]) -> Path:
        found = [Entry(ref, label) for ref, label in entries.items()]
        return Manifest(found, Labelling("kermany")).write(tmp_path / "images.manifest")

    return write


def test_the_images_of_a_manifest_lie_in_s3_under_their_patients(listed: Listed) -> None:
    refs = [store_key("a", 1), store_key("a", 2), store_key("b", 3)]
    dataset = XrayDataset.from_manifest(listed(dict.fromkeys(refs, "viral")))
    assert [image.address for image in dataset] == sorted(refs)
    assert dataset.patient_count == 2
    assert not any("image:" in image.group for image in dataset)


def test_images_without_a_pseudonym_are_groups_of_their_own_and_a_warning(
    listed: Listed, caplog: pytest.LogCaptureFixture
) -> None:
    path = listed({"s3://clinic-xrays/a.jpg": "normal", "s3://clinic-xrays/b.jpg": "normal"})
    with caplog.at_level(logging.WARNING):
        assert XrayDataset.from_manifest(path).patient_count == 2
    assert "2 of 2 images bear no pseudonym" in caplog.text


def test_a_rule_reads_patient_and_split_from_the_keys(listed: Listed) -> None:
    path = listed(
        {
            "s3://clinic-xrays/chest/train/PNEUMONIA/person1_virus_2.jpeg": "viral",
            "s3://clinic-xrays/chest/train/PNEUMONIA/person1_bacteria_3.jpeg": "bacterial",
        }
    )
    dataset = XrayDataset.from_manifest(path, names=KERMANY)
    assert {(image.patient, image.split) for image in dataset} == {("person1", "train")}
    assert dataset.labelling.rule == "kermany"
    assert all(image.name == image.source for image in dataset)


def test_an_entry_whose_label_the_rule_contradicts_is_rejected(listed: Listed) -> None:
    sound, wrong, strange = (
        f"s3://clinic-xrays/{name}.jpeg" for name in ("IM-0001-0001", "person1_virus_2", "holiday")
    )
    path = listed({sound: "normal", wrong: "bacterial", strange: "normal"})
    dataset = XrayDataset.from_manifest(path, names=KERMANY)
    assert [image.source for image in dataset] == [sound]
    assert {(item.path, item.code) for item in dataset.rejected} == {
        (wrong, "contradictory-labels"),
        (strange, "no-label"),
    }


def test_a_manifest_of_which_the_rule_confirms_nothing_is_an_error(listed: Listed) -> None:
    path = listed({"s3://clinic-xrays/holiday.jpg": "normal"})
    with pytest.raises(EmptyDatasetError, match="holiday") as caught:
        XrayDataset.from_manifest(path, names=KERMANY)
    assert caught.value.paths == ("s3://clinic-xrays/holiday.jpg",)


@pytest.mark.parametrize("content", [b"", b"{}\n"])
def test_a_manifest_without_an_image_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images.manifest"
    path.write_bytes(content)
    with pytest.raises((EmptyDatasetError, ManifestError)):
        XrayDataset.from_manifest(path)
