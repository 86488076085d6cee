"""``TableNames``: a CSV file or a data frame that says label and patient of each image."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import attrs

from rekognition_xray.data.reading.folders import IMAGE_EXTENSIONS
from rekognition_xray.data.reading.names import ImageName
from rekognition_xray.data.reading.table_rows import (
    CellLabels,
    Columns,
    Frame,
    Row,
    Several,
    file_key,
    number_text,
    plain_text,
    rows_of_csv,
    rows_of_frame,
)
from rekognition_xray.data.xrays import Labelling
from rekognition_xray.errors import DataError, LabelsError, NoLabelError

logger = logging.getLogger(__name__)


@attrs.frozen
class _Refusal:
    """Why a table gives a file no label."""

    reason: str
    contradiction: bool = False

    def error(self) -> LabelsError:
        return (LabelsError if self.contradiction else NoLabelError)(self.reason)


_RowLabels = ImageName | _Refusal


@attrs.frozen
class TableNames:
    r"""A naming rule that looks each image up in a table.

    A row names a file by its path relative to the folder of images, or by the bare file name where
    only one image bears it. ``\`` counts as ``/``, and Unicode's composed and decomposed forms (a
    table made on a Mac) as equal; upper and lower case do not. An image that no row names, and a
    row that names no image, are both rejected, with the row's number. Equal rows count once;
    contradictory ones reject their image. An image without a patient is a group of its own.

    Attributes:
        rows: the rows, as they stand.
        table: what the table is called in messages.
    """

    rows: tuple[Row, ...] = attrs.field(repr=lambda rows: f"<{len(rows)} rows>")
    table: str

    @classmethod
    def from_csv(
        cls,
        path: str | Path,
        *,
        file: str = "file",
        label: str = "label",
        patient: str | None = "patient",
        split: str | None = None,
        delimiter: str = ",",
        labels: Mapping[str, str] | None = None,
        separator: str = "",
        several: Several = "reject",
        encoding: str = "utf-8",
    ) -> TableNames:
        r"""Reads a CSV file in UTF-8, with or without a byte order mark.

        Args:
            path: the file; its first row names the columns.
            file: the column of the path.
            label: the column of the label.
            patient: the column of the patient; None if there is none.
            split: the column of the official part (train, test or val), if there is one.
            delimiter: what stands between two cells, such as ``;`` or ``\t``.
            labels: from what a cell holds to the label: ``{"1": "pneumonia", "0": "normal"}``;
                whole numbers have one text, so ``1.0`` is ``1``. A row with anything else is
                rejected. Without it a cell holds the label itself.
            separator: what stands between several labels in a cell, such as ``|``; a quoted list
                in brackets is read with ``,``.
            several: what becomes of several: ``reject`` the image, take the ``first``, or a
                function from all of them to one.
            encoding: of the file, such as ``cp1252``; only the columns that are read have to be
                sound in UTF-8.

        Raises:
            DataError: the file cannot be read, holds no row, or lacks a column.
        """
        table = Path(path).name
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise DataError(
                f"{path} cannot be read: {error.strerror}.", paths=[Path(path)]
            ) from error
        columns = Columns.named(file, label, patient, split)
        try:
            rows = rows_of_csv(
                data,
                columns,
                delimiter,
                table,
                cells=CellLabels(_as_texts(labels), separator, several),
                encoding=encoding,
            )
            return cls._of(rows, table)
        except DataError as error:
            error.paths = (Path(path),)
            raise

    @classmethod
    def from_frame(
        cls,
        frame: Frame,
        *,
        file: str = "file",
        label: str = "label",
        patient: str | None = "patient",
        split: str | None = None,
        labels: Mapping[str, str] | None = None,
        separator: str = "",
        several: Several = "reject",
    ) -> TableNames:
        """Reads a data frame of pandas or polars; missing values count as empty cells.

        Args:
            frame: one image a row; its index is not looked at.
            file: the column of the path.
            label: the column of the label.
            patient: the column of the patient; None if there is none.
            split: the column of the official part (train, test or val), if there is one.
            labels: from what a cell holds to the label: ``{"1": "pneumonia", "0": "normal"}``;
                whole numbers have one text, so ``1.0`` is ``1``. A row with anything else is
                rejected. Without it a cell holds the label itself.
            separator: what stands between several labels in a cell, such as ``|``; a quoted list
                in brackets is read with ``,``.
            several: what becomes of several: ``reject`` the image, take the ``first``, or a
                function from all of them to one.

        Raises:
            DataError: the frame holds no row, or lacks a column.
        """
        table = "the data frame"
        columns = Columns.named(file, label, patient, split)
        cells = CellLabels(_as_texts(labels), separator, several)
        return cls._of(rows_of_frame(frame, columns, table, cells=cells), table)

    @classmethod
    def _of(cls, rows: Iterable[Row], table: str) -> TableNames:
        found = tuple(rows)
        if not found:
            raise DataError(f"{table} holds no row.", hint="Give it one row for each image.")
        return cls(found, table)

    @property
    def labelling(self) -> Labelling:
        """The rule ``table``; say who made the labels by ``from_folder(..., labelling=...)``."""
        return Labelling("table")

    def read(self, path: PurePath) -> ImageName:
        """What the table says of one path, taken by itself; see ``NamingRule.read``."""
        rule, _ = self.among([path.as_posix()])
        return rule.read(path)

    def among(self, names: Sequence[str]) -> tuple[_Found, Sequence[tuple[str, str]]]:
        """Finds the rows' images among names; see ``ListedRule.among``."""
        left = dict(self._labels_by_key)
        by_path: dict[str, list[str]] = defaultdict(list)
        for name in names:
            by_path[file_key(name)].append(name)
        found = _match_files(left, by_path)
        by_name: dict[str, list[str]] = defaultdict(list)
        for key, same in by_path.items():
            if key not in found:
                by_name[key.rpartition("/")[2]] += same
        bare = _match_files(left, by_name)
        for last, answer in bare.items():
            found |= {file_key(name): answer for name in by_name[last]}
        found |= _match_stems(left, by_path, found)
        if (folder := _common_folder(self._by_key)) is not None:
            found |= _match_below(folder, left, by_path, found)
        missed = [(row.file, f"{self._at(row)}: {row.fault}") for row in self.rows if row.refused]
        for key in left:
            rows = self._by_key[key]
            missed.append((rows[0].file, f"{self._at(*rows)}: no such image is in the folder"))
        return _Found(self.labelling, self.table, found), missed

    @cached_property
    def _by_key(self) -> Mapping[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            if not row.refused:
                found[row.key].append(row)
        return found

    @cached_property
    def _labels_by_key(self) -> Mapping[str, _RowLabels]:
        """The labels of each file that the table names."""
        repeated = sum(map(len, self._by_key.values())) - len(self._by_key)
        if repeated:
            logger.info(
                "%s: %d rows name a file that another row named before", self.table, repeated
            )
        return {key: self._read_row_labels(rows) for key, rows in self._by_key.items()}

    def _read_row_labels(self, rows: Sequence[Row]) -> _RowLabels:
        first = rows[0]
        if len({(row.label, row.patient, row.split) for row in rows}) > 1:
            rows_text = " and ".join(_describe_row(row) for row in rows)
            return _Refusal(
                f"{self._at(*rows)} contradict each other: {rows_text}", contradiction=True
            )
        if first.fault:
            return _Refusal(f"{self._at(*rows)}: {first.fault}")
        return ImageName(first.label, first.patient, first.split)

    def _at(self, *rows: Row) -> str:
        numbers = " and ".join(str(row.number) for row in rows)
        return f"{'row' if len(rows) == 1 else 'rows'} {numbers} of {self.table}"


@attrs.frozen
class _Found:
    """The labels that a table gives the files of one folder."""

    labelling: Labelling
    table: str
    labels: Mapping[str, _RowLabels]

    def read(self, path: PurePath) -> ImageName:
        found = self.labels.get(file_key(path.as_posix()))
        if found is None:
            raise NoLabelError(f"{self.table} does not name it")
        if isinstance(found, _Refusal):
            raise found.error()
        return found


def _match_files(
    left: dict[str, _RowLabels], files: Mapping[str, Sequence[str]]
) -> dict[str, _RowLabels]:
    """The labels of each key of the files; removed from what is left."""
    found = {}
    for key, same in files.items():
        if key in left:
            labels = left.pop(key)
            found[key] = _ambiguous(key, same) if len(same) > 1 else labels
    return found


def _match_stems(
    left: dict[str, _RowLabels], by_path: Mapping[str, Sequence[str]], found: Collection[str]
) -> dict[str, _RowLabels]:
    """The labels of files that rows name without their extension."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    for key in by_path:
        if key not in found:
            by_stem[_stem(key)].append(key)
    bare = {key: labels for key, labels in left.items() if "/" not in key}
    met = _match_files(bare, by_stem)
    for stem in met:
        del left[stem]
    return {key: labels for stem, labels in met.items() for key in by_stem[stem]}


def _stem(key: str) -> str:
    """The name without an image's extension; the last part of a DICOM UID is none."""
    path = PurePosixPath(key)
    return path.stem if path.suffix.lower() in IMAGE_EXTENSIONS | {".dicom"} else path.name


def _common_folder(keys: Collection[str]) -> str | None:
    """The folder that all rows lead with; None if there is none."""
    above = {key.split("/", 1)[0] if "/" in key else None for key in keys}
    return above.pop() if len(above) == 1 else None


def _match_below(
    folder: str,
    left: dict[str, _RowLabels],
    by_path: Mapping[str, Sequence[str]],
    found: Collection[str],
) -> dict[str, _RowLabels]:
    """The labels of files that all rows name below a folder that is not there, too."""
    below = {key.split("/", 1)[1]: labels for key, labels in left.items()}
    met = {key: labels for key, labels in below.items() if key in by_path and key not in found}
    if met:
        logger.info("the rows name the images below %r; they are read without it", folder)
    for key in met:
        del left[f"{folder}/{key}"]
    return met


def _as_texts(labels: Mapping[Any, str] | None) -> Mapping[str, str] | None:
    """The labels by what cells are compared with: without blanks around, composed, one number."""
    if labels is None:
        return None
    return {number_text(plain_text(str(key))): to for key, to in labels.items()}


def _ambiguous(key: str, names: Sequence[str]) -> _Refusal:
    listed = ", ".join(map(repr, sorted(names)[:3])) + (", …" if len(names) > 3 else "")
    return _Refusal(f"the row for {key!r} may mean any of {len(names)} files: {listed}")


def _describe_row(row: Row) -> str:
    parts = [repr(row.label)]
    parts += [f"patient {row.patient!r}"] if row.patient else []
    parts += [f"part {row.split!r}"] if row.split else []
    return " ".join(parts)
