"""``export``: a project as a folder, complete or not there, and read again without AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.projects import ProjectExport
from rekognition_xray.local import LocalCloud


@pytest.fixture
def project(trained: rx.ModelVersion) -> rx.CustomLabelsProject:
    return rx.CustomLabelsProject(trained.aws, trained.project_arn)


def test_what_was_exported_is_read_again(
    project: rx.CustomLabelsProject, trained: rx.ModelVersion, tmp_path: Path
) -> None:
    done = project.export(tmp_path / "out")
    assert done == ProjectExport.read(tmp_path / "out")
    (version,) = done.versions
    assert (version.name, version.status) == ("v1", "TRAINING_COMPLETED")
    assert version.tags == trained.tags()
    evaluation = rx.Evaluation.from_version(trained, resamples=100)
    again = rx.Evaluation.from_files(
        version.file("summary"),
        version.file("testing_output"),
        training=version.file("training_output"),
        resamples=100,
    )
    assert again.two_class == evaluation.two_class


def test_datasets_come_back_with_labels_addresses_and_split(
    project: rx.CustomLabelsProject, tmp_path: Path
) -> None:
    done = project.export(tmp_path / "out")
    assert done.parts == ("TRAIN", "TEST")
    for kind in done.parts:
        held = {entry.source_ref: entry.labels[0] for entry in project.entries(kind)}
        read = done.dataset(kind)
        assert {str(image.source): image.label for image in read} == held
        assert read.part is not None


def test_a_project_without_anything_is_exported_too(aws: rx.Aws, tmp_path: Path) -> None:
    empty = rx.CustomLabelsProject.get_or_create("empty", aws=aws)
    done = empty.export(tmp_path / "out")
    assert (done.parts, done.versions) == ((), ())
    assert str(done).startswith("empty (us-east-1, ")
    with pytest.raises(errors.DataError, match="no TRAIN dataset"):
        done.dataset("TRAIN")


def test_files_of_ones_own_go_along(project: rx.CustomLabelsProject, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text("{}")
    done = project.export(tmp_path / "out", also=[tmp_path / "policy.json"])
    assert [path.read_text() for path in done.files] == ["{}"]


def test_a_folder_that_holds_something_is_left_alone(
    project: rx.CustomLabelsProject, tmp_path: Path
) -> None:
    (place := tmp_path / "place").mkdir()
    (place / "mine.txt").write_text("mine")
    with pytest.raises(errors.DataError, match="not empty"):
        project.export(place)
    assert [path.name for path in place.iterdir()] == ["mine.txt"]


def test_a_file_that_is_missing_stops_it_before_anything_is_written(
    project: rx.CustomLabelsProject, tmp_path: Path
) -> None:
    with pytest.raises(errors.DataError, match="are no files"):
        project.export(tmp_path / "place" / "out", also=[tmp_path / "policy.json"])
    assert not (tmp_path / "place").exists()


def test_a_call_that_is_refused_leaves_no_folder(
    project: rx.CustomLabelsProject, cloud: LocalCloud, tmp_path: Path
) -> None:
    cloud.faults.error("ListTagsForResource", "ResourceNotFoundException", percent=100)
    with pytest.raises(errors.AwsError):
        project.export(tmp_path / "place" / "out")
    assert list((tmp_path / "place").iterdir()) == []


@pytest.mark.parametrize(
    ("code", "leaf"),
    [
        ("AccessDeniedException", errors.AccessDeniedError),
        ("ExpiredTokenException", errors.CredentialsError),
    ],
)
def test_a_refusal_keeps_its_kind(
    project: rx.CustomLabelsProject, cloud: LocalCloud, tmp_path: Path, code: str, leaf: type
) -> None:
    cloud.faults.error("ListDatasetEntries", code, percent=100)
    with pytest.raises(leaf):
        project.export(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_result_file_that_is_gone_is_named_and_left_out(
    project: rx.CustomLabelsProject,
    trained: rx.ModelVersion,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = trained.describe().summary
    assert place is not None
    trained.aws.s3.delete_object(Bucket=place.bucket, Key=place.key)
    done = project.export(tmp_path / "out")
    assert done.versions[0].file("summary") is None
    assert str(place) in caplog.text


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"format": 1}', "[" * 9999])
def test_what_is_no_export_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "export.json").write_text(text)
    with pytest.raises(errors.DataError, match="not a readable export"):
        ProjectExport.read(tmp_path)


def test_a_result_file_of_no_such_name_is_refused(
    project: rx.CustomLabelsProject, tmp_path: Path
) -> None:
    (version,) = project.export(tmp_path / "out").versions
    with pytest.raises(errors.DataError, match="summary"):
        version.file("weights")


@pytest.mark.parametrize(
    "change",
    [
        {"files": ["../../secret"]},
        {"files": ["/etc/hostname"]},
        {"files": "abc/"},
        {"parts": ["VALIDATION"]},
        {"versions": [{"name": "..", "arn": "a", "status": "s", "tags": {}}]},
    ],
    ids=["above", "absolute", "text", "part", "version"],
)
def test_an_export_that_leads_elsewhere_is_refused(
    project: rx.CustomLabelsProject, tmp_path: Path, change: dict[str, object]
) -> None:
    index = project.export(tmp_path / "out").folder / "export.json"
    index.write_text(json.dumps(json.loads(index.read_text("utf-8")) | change))
    with pytest.raises(errors.DataError, match="not a readable export"):
        ProjectExport.read(tmp_path / "out")


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text('{"format": 2}')
    with pytest.raises(errors.DataError, match="has format 2, not 1"):
        ProjectExport.read(tmp_path)


def test_a_place_that_cannot_be_written_is_an_error_of_ours(
    project: rx.CustomLabelsProject, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(errors.DataError, match="cannot be written"):
        project.export(tmp_path / "file" / "out")
