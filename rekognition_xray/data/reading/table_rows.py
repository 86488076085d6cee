"""Rows of a table of images, read from CSV bytes or a data frame; a bad row says what is wrong."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath, PurePosixPath
from typing import Any, Final, Literal, Protocol, TypeAlias, cast

import attrs

from rekognition_xray.data.reading.names import SPLITS
from rekognition_xray.errors import DataError

_DRIVE: Final = re.compile(r"[A-Za-z]:/")
_BROKEN: Final = re.compile("[\udc80-\udcff]")  # bytes that are no UTF-8, as decoded below
_WHOLE: Final = re.compile(r"^([+-]?\d+)\.0+$")
_DELIMITERS: Final = (";", "\t", "|", ",")


class Frame(Protocol):
    """What is needed of a data frame; pandas and polars have it."""

    @property
    def columns(self) -> object:
        """The names of the columns, one after the other."""
        raise NotImplementedError

    def __getitem__(self, name: str, /) -> Iterable[object]:
        """One column."""
        raise NotImplementedError


@attrs.frozen
class Columns:
    """The names of a table's columns; None where there is none.

    Attributes:
        file, label, patient, split: a column each.
    """

    file: str
    label: str
    patient: str | None
    split: str | None

    @classmethod
    def named(cls, file: str, label: str, patient: str | None, split: str | None) -> Columns:
        """Columns by their names as a user sees them, with blanks or not."""
        given = (None if name is None else plain_text(str(name)) for name in (patient, split))
        return cls(plain_text(str(file)), plain_text(str(label)), *given)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return tuple(
            name for name in (self.file, self.label, self.patient, self.split) if name is not None
        )


Several: TypeAlias = Literal["reject", "first"] | Callable[[Sequence[str]], str]
"""What becomes of several labels in a cell: reject the image, take the first, or a function."""


@attrs.frozen
class CellLabels:
    """How a cell becomes a label.

    Attributes:
        names: from what a cell holds to the label; None for the cell's own text.
        separator: what stands between several labels in a cell; empty if a cell holds one.
        several: what becomes of several.
    """

    names: Mapping[str, str] | None = None
    separator: str = ""
    several: Several = "reject"

    def __attrs_post_init__(self) -> None:
        if not callable(self.several) and self.several not in ("reject", "first"):
            raise DataError(
                f"several={self.several!r} is neither 'reject' nor 'first', and no function.",
                hint="Say what becomes of several labels in a cell.",
            )
        odd = [to for to in (self.names or {}).values() if not isinstance(to, str)]
        if odd:
            raise DataError(
                f"labels= gives {_list_names(odd)}, which are no text.",
                hint='Give names: labels={"1": "pneumonia", "0": "normal"}.',
            )

    def read(self, cell: str) -> tuple[str, str]:
        """The label, and what is wrong with the cell; one of both is empty."""
        found = [cell]
        if self.separator:
            parts = cell.strip("[]").split(self.separator)
            found = [plain_text(plain_text(part).strip("'\"")) for part in parts]
        found = list(dict.fromkeys(number_text(part) for part in found if part))
        if not found and self.names and "" in self.names:
            found = [""]
        if not found:
            return "", "it gives no label"
        if self.names is not None:
            unknown = sorted({part for part in found if part not in self.names})
            if unknown:
                return "", f"labels= names no label for {_list_names(unknown)}"
            found = [self.names[part] for part in found]
        if len(found) > 1 and self.several == "reject":
            return "", f"it gives {len(found)} labels ({', '.join(found)}); see several="
        if not callable(self.several):
            return found[0], ""
        label = self.several(found)
        return (
            (label, "") if label else ("", f"it gives no label that is meant: {', '.join(found)}")
        )


def number_text(text: str) -> str:
    """A whole number as one text, however it was written: ``-1.0`` and ``-1`` are the same."""
    return _WHOLE.sub(r"\1", text)


@attrs.frozen
class Row:
    """One row.

    Attributes:
        number: as a spreadsheet counts (the header is row 1); in a data frame from 1.
        file: the file as the row names it.
        label, patient: without blanks around them; patient is None where nobody knows.
        split: an official part.
        fault: why the row cannot be used; empty where it can.
        refused: whether the row is so faulty that it names no file.
    """

    number: int
    file: str
    label: str = ""
    patient: str | None = None
    split: str | None = None
    fault: str = ""
    refused: bool = False

    @property
    def key(self) -> str:
        """What the file is found by."""
        return file_key(self.file)


def file_key(name: str) -> str:
    r"""A name relative to a folder, in Unicode's form NFC, with ``/`` for ``\`` and no ``./``."""
    return PurePosixPath(unicodedata.normalize("NFC", name.replace("\\", "/"))).as_posix()


def rows_of_csv(
    data: bytes,
    columns: Columns,
    delimiter: str,
    table: str,
    *,
    cells: CellLabels,
    encoding: str = "utf-8",
) -> Iterator[Row]:
    """The rows of a CSV file.

    Raises:
        DataError: not UTF-8 at all, another encoding than said, wrong columns, or quotes that do
            not close.
    """
    text = _decoded(data, encoding, table)
    records = _records(io.StringIO(text, newline=""), delimiter, table)
    header = next(records, None)
    if header is None:
        raise DataError(f"{table} is empty.", hint="The first row names the columns.")
    names = [plain_text(name) for name in header]
    _require(columns, names, table, delimiter)
    places = {name: names.index(name) for name in columns.wanted}
    for number, found in enumerate(records, 2):
        if any(cell.strip() for cell in found):
            values = {name: found[at] if at < len(found) else "" for name, at in places.items()}
            yield _row(number, values, columns, cells, _misfit(found, len(names)))


def _decoded(data: bytes, encoding: str, table: str) -> str:
    """The text of a file; bytes of UTF-8 that are none are kept, to be met in their row."""
    if encoding.lower().replace("_", "-") not in {"utf-8", "utf8", "utf-8-sig"}:
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except (LookupError, ValueError) as error:
            raise DataError(f"{table} cannot be read as {encoding!r}: {error}.") from error
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in data:
        hint = "Save it as CSV UTF-8, or say its encoding: encoding='utf-16'."
        raise DataError(f"{table} is not UTF-8 but UTF-16, or no text at all.", hint=hint)
    return data.decode("utf-8-sig", "surrogateescape")


def rows_of_frame(
    frame: Frame, columns: Columns, table: str, *, cells: CellLabels
) -> Iterator[Row]:
    """The rows of a data frame.

    Raises:
        DataError: wrong columns.
    """
    names = list(cast("Iterable[Any]", frame.columns))
    shown = [plain_text(str(name)) for name in names]
    _require(columns, shown, table)
    own = dict(zip(shown, names, strict=True))  # a name may have blanks, or be a number
    found = zip(*(map(_text, frame[own[name]]) for name in columns.wanted), strict=True)
    for number, values in enumerate(found, 1):
        yield _row(number, dict(zip(columns.wanted, values, strict=True)), columns, cells, "")


def _records(lines: Iterable[str], delimiter: str, table: str) -> Iterator[list[str]]:
    """What csv reads. It is strict, since an open quote would swallow all rows behind it."""
    if len(delimiter) != 1:
        raise DataError(
            f"delimiter={delimiter!r} is not one character.", hint="Such as ';' or a tab."
        )
    number = 0
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader, 1):  # noqa: B007 - the error below wants it
            yield cells
    except csv.Error as error:
        raise DataError(
            f"{table} cannot be read behind row {number}: {error}.",
            hint='Check the quotes: a cell that holds one is written "so ""quoted"" here".',
        ) from error


def _require(columns: Columns, found: Sequence[str], table: str, delimiter: str = "") -> None:
    lacking = [name for name in columns.wanted if name not in found]
    twice = [name for name in columns.wanted if found.count(name) > 1]
    if not lacking and not twice:
        return
    problem = (
        f"lacks {_list_names(lacking)}" if lacking else f"has {_list_names(twice)} more than once"
    )
    raise DataError(
        f"{table} {problem}. Columns found: {_list_names(found)}; "
        f"wanted: {_list_names(columns.wanted)}.",
        hint=_advice(columns, lacking, found, delimiter),
    )


def _advice(columns: Columns, lacking: list[str], found: Sequence[str], delimiter: str) -> str:
    if delimiter and len(found) == 1:
        for other in _DELIMITERS:
            if other != delimiter and other in found[0]:
                return f"Its header is separated by {other!r}: pass delimiter={other!r}."
    if lacking == [columns.patient]:
        return "Pass patient=None if nobody knows the patients; each image is then its own group."
    return "Say which columns to read: file=..., label=..., patient=..., split=..."


def _row(
    number: int, values: Mapping[str, str], columns: Columns, cells: CellLabels, misfit: str
) -> Row:
    if any(map(_BROKEN.search, values.values())):
        misfit = misfit or "it is not UTF-8"
    file = _escape(values[columns.file])
    refusal = misfit or _refusal(file)
    if refusal:
        return Row(number, file, fault=refusal, refused=True)
    label, fault = cells.read(plain_text(values[columns.label]))
    patient = plain_text(values[columns.patient]) if columns.patient else ""
    split = plain_text(values[columns.split]).lower() if columns.split else ""
    if split and split not in SPLITS:
        fault = fault or f"{split!r} is none of train, test and val"
    return Row(number, file, label, patient or None, split or None, fault)


def _misfit(cells: Sequence[str], columns: int) -> str:
    """What is wrong with a row as a whole; cells that lack at its end count as empty."""
    if any(cell.strip() for cell in cells[columns:]):
        return f"it has {len(cells)} cells, the header {columns}"
    return ""


def _refusal(file: str) -> str:
    path = file.replace("\\", "/")
    if not path.strip():
        return "it names no file"
    if path.startswith("/") or _DRIVE.match(path):
        return "its path is absolute; paths are relative to the folder of images"
    if ".." in path.split("/"):
        return "its path leads out of the folder by '..'"
    return ""


def _escape(text: str) -> str:
    """Broken bytes as escapes: they are shown, never guessed."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def plain_text(text: str) -> str:
    """Without blanks around it, in Unicode's form NFC."""
    return unicodedata.normalize("NFC", text.strip())


def _text(value: object) -> str:
    """A cell of a frame as CSV would hold it; whole floats are what pandas makes of integers."""
    if value is None or _is_missing(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.as_posix() if isinstance(value, PurePath) else str(value)


def _is_missing(value: object) -> bool:
    try:
        return bool(value != value)  # noqa: PLR0124 - NaN and NaT differ from themselves
    except (TypeError, ValueError):  # pandas.NA is neither true nor false
        return True


def _list_names(names: Iterable[object]) -> str:
    return ", ".join(map(repr, names)) or "none"
