"""Tables of public sets of chest X-rays: their columns, and what becomes of their labels.

Columns are as the sets document them (November 2026). Where a set gives several findings for an
image, the caller names the one in question; images with other findings alone are rejected, since
they are neither.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import attrs

from rekognition_xray.data.reading.names import FOLDERS, FoldersRule
from rekognition_xray.data.reading.table_rows import Row
from rekognition_xray.data.reading.tables import TableNames
from rekognition_xray.errors import DataError
from rekognition_xray.labels import NORMAL, VIRAL

Uncertain = Literal["reject", "present", "absent"]

_PATIENT: Final = re.compile(r"patient\d+")


def nih(path: str | Path, *, finding: str = "Pneumonia") -> TableNames:
    """NIH ChestX-ray14, ``Data_Entry_2017.csv`` (Wang 2017): labels mined from reports.

    Columns ``Image Index``, ``Finding Labels`` (separated by ``|``) and ``Patient ID``. An image
    with the finding gets it, in small letters; ``No Finding`` is ``normal``; others are rejected.

    Args:
        path: the table.
        finding: as the table writes it.

    Raises:
        DataError: the file cannot be read, or is the table of another set.
    """
    columns = ("Image Index", "Finding Labels", "Patient ID")
    return _listing(path, columns, "|", _Chooser(finding, "No Finding"))


def padchest(path: str | Path, *, finding: str = "pneumonia") -> TableNames:
    """PadChest (Bustos 2020): labels from reports, a quarter of them by physicians.

    Columns ``ImageID``, ``Labels`` (a quoted list) and ``PatientID``. An image with the finding
    gets it; ``normal`` is ``normal``; others are rejected.

    Args:
        path: the table.
        finding: as the table writes it.

    Raises:
        DataError: the file cannot be read, or is the table of another set.
    """
    columns = ("ImageID", "Labels", "PatientID")
    return _listing(path, columns, ",", _Chooser(finding, "normal"))


def chexpert(
    path: str | Path, *, finding: str = "Pneumonia", uncertain: Uncertain = "reject"
) -> TableNames:
    """CheXpert, ``train.csv`` or ``valid.csv`` (Irvin 2019): labels mined from reports.

    Columns ``Path`` and one for each finding: 1 present, 0 absent, -1 uncertain, blank not
    mentioned. The patient is in the path. An image is labelled by the finding, or ``no`` and the
    finding; images that do not mention it are rejected.

    Args:
        path: the table.
        finding: the name of its column.
        uncertain: what becomes of -1: rejected, or taken as present or absent.

    Raises:
        DataError: the file cannot be read, or is the table of another set.
    """
    if uncertain not in ("reject", "present", "absent"):
        raise DataError(
            f"uncertain={uncertain!r} is none of 'reject', 'present' and 'absent'.",
            hint="Say what becomes of labels that the set calls uncertain.",
        )
    name = finding.lower()
    labels = {"1": name, "0": f"no {name}"}
    if uncertain != "reject":
        labels["-1"] = name if uncertain == "present" else f"no {name}"
    read = TableNames.from_csv(path, file="Path", label=finding, patient=None, labels=labels)
    rows = (
        attrs.evolve(row, patient=found[0] if (found := _PATIENT.search(row.file)) else None)
        for row in read.rows
    )
    return attrs.evolve(read, rows=tuple(rows))


def rsna(path: str | Path) -> TableNames:
    """RSNA Pneumonia Detection Challenge, ``stage_2_train_labels.csv`` (Shih 2019).

    Columns ``patientId``, which is the image and the patient, and ``Target``. An image has a row
    for each box; rows that agree count once. Labels are ``pneumonia`` and ``no pneumonia``, since
    the others are not all healthy.

    Args:
        path: the table.

    Raises:
        DataError: the file cannot be read, or is the table of another set.
    """
    labels = {"1": "pneumonia", "0": "no pneumonia"}
    return TableNames.from_csv(
        path, file="patientId", label="Target", patient="patientId", labels=labels
    )


def vindr(path: str | Path, *, finding: str = "Pneumonia", agree: int = 2) -> TableNames:
    """VinDr-CXR and VinDr-PCXR, ``image_labels_train.csv`` (Nguyen 2022): by radiologists.

    Columns ``image_id`` or ``image_ID``, one for each finding, and ``No finding``, with 0 and 1;
    three readers have a row each for an image of VinDr-CXR. An image that enough readers give the
    finding gets it, in small letters; one that enough give ``No finding`` is ``normal``; others are
    rejected. The sets name no patients: each image is a group of its own.

    Args:
        path: the table.
        finding: the name of its column.
        agree: how many readers have to agree; 1 where an image has one row, as in the test's.

    Raises:
        DataError: the file cannot be read, or is the table of another set.
    """
    children = "image_ID" in _header(path)
    file, reader = ("image_ID", "rad_ID") if children else ("image_id", "rad_id")
    by_finding, by_none = (
        TableNames.from_csv(
            path,
            file=file,
            label=column,
            patient=reader if reader in _header(path) else None,
            labels={"1": "1", "0": "0"},
        )
        for column in (finding, "No finding")
    )
    votes: dict[str, _Votes] = {}
    rows = []
    for row, none in zip(by_finding.rows, by_none.rows, strict=True):
        if row.refused:
            rows.append(row)
        else:
            votes.setdefault(row.file, _Votes(row)).take(row, none)
    rows += [vote.row(finding, agree) for vote in votes.values()]
    return attrs.evolve(by_finding, rows=tuple(rows))


@attrs.define
class _Votes:
    """What the readers of one image say; each reader counts once.

    Attributes:
        first: the image's first row.
        present, absent: readers who see the finding, and those who see none at all.
        fault: what is wrong with any of its rows.
    """

    first: Row
    present: set[object] = attrs.field(factory=set)
    absent: set[object] = attrs.field(factory=set)
    fault: str = ""

    def take(self, finding: Row, none: Row) -> None:
        """Takes a reader's row, read once for the finding and once for "No finding"."""
        reader = finding.patient or finding.number
        self.present |= {reader} if finding.label == "1" else set()
        self.absent |= {reader} if none.label == "1" else set()
        self.fault = self.fault or finding.fault or none.fault

    def row(self, finding: str, agree: int) -> Row:
        """The image's row as its readers have voted."""
        row = attrs.evolve(self.first, patient=None, label="", fault=self.fault)
        present, absent = len(self.present), len(self.absent)
        if self.fault:
            return row
        if present >= agree > absent:
            return attrs.evolve(row, label=finding.lower())
        if absent >= agree > present:
            return attrs.evolve(row, label=NORMAL)
        fault = f"{present} readers say {finding!r}, {absent} 'No finding'; {agree} have to agree"
        return attrs.evolve(row, fault=fault)


def _header(path: str | Path) -> Sequence[str]:
    try:
        with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, csv.Error):  # from_csv says why
        return ()


def covid_radiography() -> FoldersRule:
    """COVID-19 Radiography Database (Chowdhury 2020, Rahman 2021): a folder for each label.

    Each holds ``images`` and ``masks``; the masks are skipped and counted. Labels are ``normal``,
    ``viral``, ``covid`` and ``lung opacity``. The set names no patients.
    """
    labels = {
        "Normal": NORMAL,
        "Viral Pneumonia": VIRAL,
        "COVID": "covid",
        "Lung_Opacity": "lung opacity",
    }
    return FOLDERS.above().without("masks").with_labels(labels)


def siim(path: str | Path) -> TableNames:
    """SIIM-ACR Pneumothorax Segmentation, ``train-rle.csv``: -1, or the run lengths of a mask.

    Columns ``ImageId`` and ``EncodedPixels``. Labels are ``pneumothorax`` and ``no pneumothorax``.
    The set names no patients: each image is a group of its own.

    Args:
        path: the table.

    Raises:
        DataError: the file cannot be read, or is the table of another set.
    """
    return TableNames.from_csv(
        path,
        file="ImageId",
        label="EncodedPixels",
        patient=None,
        separator=" ",
        several=_has_mask,
    )


def _has_mask(runs: Sequence[str]) -> str:
    return "no pneumothorax" if list(runs) == ["-1"] else "pneumothorax"


@attrs.frozen
class _Chooser:
    """One label from all findings of an image; empty, which rejects it, if it has others alone."""

    finding: str
    healthy: str

    def __call__(self, found: Sequence[str]) -> str:
        if self.finding in found:
            return self.finding.lower()
        return NORMAL if list(found) == [self.healthy] else ""


def _listing(
    path: str | Path, columns: tuple[str, str, str], separator: str, choose: _Chooser
) -> TableNames:
    """A table whose cells list all findings of an image; columns of file, findings and patient."""
    file, label, patient = columns
    return TableNames.from_csv(
        path, file=file, label=label, patient=patient, separator=separator, several=choose
    )
