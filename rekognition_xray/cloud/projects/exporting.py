"""A project as one folder: what can be taken along, and read again without AWS."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from rekognition_xray.cloud.s3 import read_object
from rekognition_xray.cloud.tags import read_tags
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.errors import DataError, NotFoundError, StorageError, XrayError
from rekognition_xray.records import plain

if TYPE_CHECKING:
    from rekognition_xray.cloud.datasets import DatasetType
    from rekognition_xray.cloud.projects.project import CustomLabelsProject
    from rekognition_xray.cloud.version_description import VersionDescription

log = logging.getLogger(__name__)

_FORMAT: Final = 1
_INDEX: Final = "export.json"
_PARTS: Final[Mapping[DatasetType, str]] = {"TRAIN": "train.manifest", "TEST": "test.manifest"}
_REMARKS: Final = ("cl-metadata", "cl-errors")
FILES: Final = {
    "summary": "evaluation-summary.json",
    "testing_output": "testing-snapshot.jsonl",
    "training_output": "training-snapshot.jsonl",
    "testing_validation": "testing-validation.jsonl",
    "training_validation": "training-validation.jsonl",
    "manifest_summary": "manifest-summary.json",
}
"""Result files of a version: field of its description, and the file's name in an export."""


@attrs.frozen
class ExportedVersion:
    """A version in an export.

    Attributes:
        name: its name.
        arn: its ARN.
        status: its status when it was exported.
        folder: where its files lie; ``file`` reads them.
        tags: its tags, such as ``rxray.split``.
    """

    name: str
    arn: str
    status: str
    folder: Path
    tags: Mapping[str, str] = attrs.field(hash=False)

    def file(self, field: str) -> bytes | None:
        """A result file by the field of ``VersionDescription``, such as ``summary``; or None.

        Raises:
            DataError: there is no such field, or the file cannot be read.
        """
        if field not in FILES:
            raise DataError(f"There is no result file {field!r}; there are {', '.join(FILES)}.")
        path = self.folder / FILES[field]
        try:
            return path.read_bytes() if path.exists() else None
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.", paths=[path]) from error


@attrs.frozen
class ProjectExport:
    """A project that was exported to a folder.

    Attributes:
        folder: the folder.
        project: the project's name.
        region: where it was.
        made: day of the export.
        versions: the versions, newest first.
        parts: the datasets that are there: ``TRAIN``, ``TEST``.
        files: further files that were put in: policies, cards.
    """

    folder: Path
    project: str
    region: str
    made: str
    versions: tuple[ExportedVersion, ...]
    parts: tuple[DatasetType, ...]
    files: tuple[Path, ...]

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> ProjectExport:
        """Reads what ``CustomLabelsProject.export`` wrote; makes no call.

        Raises:
            DataError: the folder holds no export, or one of another format.
        """
        root = Path(folder)
        try:
            record = json.loads((root / _INDEX).read_text("utf-8"))
            made = None if record["format"] != _FORMAT else cls._made(root, record)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(
                f"{root} is not a readable export: {error!r}.",
                paths=[root],
                hint="Name a folder that `rekognition-xray export` has written.",
            ) from error
        if made is None:
            raise DataError(f"{root} has format {record['format']!r}, not {_FORMAT}.")
        return made

    @classmethod
    def _made(cls, root: Path, record: Mapping[str, Any]) -> ProjectExport:
        """The export of an index; names in it lead nowhere else."""
        parts = tuple(record["parts"])
        if not set(parts) <= set(_PARTS):
            raise ValueError(f"there are no datasets {parts}")
        return cls(
            folder=root,
            project=record["project"],
            region=record["region"],
            made=record["made"],
            versions=tuple(_version(root, each) for each in record["versions"]),
            parts=parts,
            files=tuple(root / "files" / _plain_name(name) for name in list(record["files"])),
        )

    def dataset(self, kind: DatasetType) -> XrayDataset:
        """One of the datasets, as ``XrayDataset.from_manifest`` reads it: images in S3.

        Raises:
            DataError: it is not in the export.
            ManifestError: its lines cannot be used.
        """
        if kind not in self.parts:
            raise DataError(f"The export of {self.project} has no {kind} dataset.")
        return XrayDataset.from_manifest(self.folder / _PARTS[kind])

    def __str__(self) -> str:
        versions = ", ".join(version.name for version in self.versions) or "no version"
        parts = " and ".join(self.parts) or "no dataset"
        return f"{self.project} ({self.region}, {self.made}): {parts}; {versions}"


def export_project(
    project: CustomLabelsProject, folder: Path, also: Iterable[Path]
) -> ProjectExport:
    """Writes a project to a folder; see ``CustomLabelsProject.export``."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(
            f"{folder} exists and is not empty; nothing was written.",
            paths=[folder],
            hint="Name a new folder.",
        )
    extra = _checked(also)
    folder = folder.absolute()
    try:
        return _export(project, folder, extra)
    except XrayError:  # some of them are OSErrors, too
        raise
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written: {error.strerror or error}.",
            paths=[folder],
            hint="Name a new folder in one that you may write to.",
        ) from error


def _export(project: CustomLabelsProject, folder: Path, extra: list[Path]) -> ProjectExport:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
        root = Path(made) / "export"
        root.mkdir()
        parts = [kind for kind in _PARTS if _write_dataset(project, kind, root)]
        versions = [_write_version(project, seen, root) for seen in project.describe_versions()]
        for path in extra:
            (root / "files").mkdir(exist_ok=True)
            shutil.copyfile(path, root / "files" / path.name)
        record = {
            "format": _FORMAT,
            "project": project.name,
            "arn": project.arn,
            "region": project.aws.region,
            "made": dt.datetime.now(dt.UTC).date().isoformat(),
            "tags": dict(project.tags()),
            "parts": parts,
            "versions": versions,
            "files": [path.name for path in extra],
        }
        (root / _INDEX).write_text(json.dumps(record, indent=1, ensure_ascii=False), "utf-8")
        if folder.exists():
            folder.rmdir()  # it is empty
        root.rename(folder)
    return ProjectExport.read(folder)


def _checked(also: Iterable[Path]) -> list[Path]:
    extra = [Path(path) for path in also]
    missing = [path for path in extra if not path.is_file()]
    names = [path.name for path in extra]
    if missing or len(set(names)) < len(names):
        what = "are no files" if missing else "have equal names"
        raise DataError(
            f"{', '.join(map(str, missing or extra))} {what}; nothing was written.",
            paths=missing or extra,
        )
    return extra


def _write_dataset(project: CustomLabelsProject, kind: DatasetType, root: Path) -> bool:
    try:
        entries = project.entries(kind)
        with (root / _PARTS[kind]).open("w", encoding="utf-8") as file:
            file.writelines(f"{_without_remarks(entry.line)}\n" for entry in entries)
    except NotFoundError:
        (root / _PARTS[kind]).unlink(missing_ok=True)
        return False
    return True


def _without_remarks(line: str) -> str:
    content = json.loads(line)
    return json.dumps(
        {name: part for name, part in content.items() if name not in _REMARKS}, ensure_ascii=False
    )


def _write_version(
    project: CustomLabelsProject, seen: VersionDescription, root: Path
) -> dict[str, Any]:
    folder = root / "versions" / seen.name
    folder.mkdir(parents=True)
    lost = list(_write_files(project, seen, folder))
    (folder / "description.json").write_text(
        json.dumps(plain(seen), indent=1, ensure_ascii=False), "utf-8"
    )
    return {
        "name": seen.name,
        "arn": seen.arn,
        "status": seen.status,
        "tags": dict(read_tags(project.aws, seen.arn)),
        "lost": lost,
    }


def _write_files(
    project: CustomLabelsProject, seen: VersionDescription, folder: Path
) -> Iterator[str]:
    """Writes the result files; gives the addresses of those that are no longer in S3."""
    for field, name in FILES.items():
        place = getattr(seen, field)
        if place is None:
            continue
        try:
            (folder / name).write_bytes(read_object(project.aws, place))
        except StorageError as error:
            log.warning("%s is not in the export: %s", place, error.message)
            yield str(place)


def _version(root: Path, record: Mapping[str, Any]) -> ExportedVersion:
    return ExportedVersion(
        name=record["name"],
        arn=record["arn"],
        status=record["status"],
        folder=root / "versions" / _plain_name(record["name"]),
        tags=dict(record["tags"]),
    )


def _plain_name(name: str) -> str:
    """The name, if it is one of a file or folder and no path."""
    if not isinstance(name, str) or name in {"", ".", ".."} or Path(name).name != name:
        raise ValueError(f"{name!r} is no plain name")
    return name


__all__ = ["ExportedVersion", "ProjectExport", "export_project"]
