"""The tables of public sets, each in one line: columns, patients, and what is rejected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray.data import reading
from rekognition_xray.errors import DataError

NIH = """Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender
00000001_000.png,No Finding,0,1,58,M
00000001_001.png,Effusion|Pneumonia,1,1,58,M
00000002_000.png,Hernia,0,2,80,F
"""
PADCHEST = """ImageID,ImageDir,PatientID,Projection,Labels
a.png,1,p1,PA,['normal']
b.png,1,p1,PA,"['pneumonia', 'nodule']"
c.png,2,p2,PA,"['nodule']"
"""
CHEXPERT = """Path,Sex,Age,Frontal/Lateral,No Finding,Pneumonia
CheXpert-v1.0-small/train/patient00001/study1/view1.jpg,F,6,Frontal,,1.0
CheXpert-v1.0-small/train/patient00002/study1/view1.jpg,M,7,Frontal,1.0,0.0
CheXpert-v1.0-small/train/patient00002/study2/view1.jpg,M,7,Frontal,,-1.0
CheXpert-v1.0-small/train/patient00003/study1/view1.jpg,M,7,Frontal,,
"""
RSNA = """patientId,x,y,width,height,Target
0004cfab,,,,,0
00436515,264.0,152.0,213.0,379.0,1
00436515,562.0,152.0,256.0,453.0,1
"""
SIIM = """ImageId, EncodedPixels
1.2.276.0.7230010.3.1, -1
1.2.276.0.7230010.3.2,175349 7 1013 12
"""


def read(folder: Path, rule: Callable[..., rx.TableNames], table: str, *names: str, **options):
    for name in names:
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).write_bytes(b"x")
    (folder / "table.csv").write_text(table, encoding="utf-8")
    found = rx.XrayDataset.from_folder(
        folder / "images", names=rule(folder / "table.csv", **options)
    )
    rows = {image.name: (image.label, image.patient) for image in found}
    return rows, [item.reason for item in found.rejected]


def test_nih_takes_the_finding_or_no_finding(tmp_path: Path) -> None:
    names = ("00000001_000.png", "00000001_001.png", "00000002_000.png")
    rows, reasons = read(tmp_path, reading.nih, NIH, *names)
    assert rows == {names[0]: ("normal", "1"), names[1]: ("pneumonia", "1")}
    assert len(reasons) == 1


def test_nih_takes_another_finding_by_its_name(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, reading.nih, NIH, "00000002_000.png", finding="Hernia")
    assert rows == {"00000002_000.png": ("hernia", "2")}


def test_padchest_takes_the_finding_or_normal(tmp_path: Path) -> None:
    rows, reasons = read(tmp_path, reading.padchest, PADCHEST, "a.png", "b.png", "c.png")
    assert rows == {"a.png": ("normal", "p1"), "b.png": ("pneumonia", "p1")}
    assert len(reasons) == 1


VIEWS = tuple(
    f"train/{place}/view1.jpg"
    for place in (
        "patient00001/study1",
        "patient00002/study1",
        "patient00002/study2",
        "patient00003/study1",
    )
)


@pytest.mark.parametrize(
    ("uncertain", "label"),
    [("reject", None), ("present", "pneumonia"), ("absent", "no pneumonia")],
)
def test_chexpert_says_what_becomes_of_the_uncertain(
    tmp_path: Path, uncertain: str, label: str | None
) -> None:
    rows, reasons = read(tmp_path, reading.chexpert, CHEXPERT, *VIEWS, uncertain=uncertain)
    expected = {
        VIEWS[0]: ("pneumonia", "patient00001"),
        VIEWS[1]: ("no pneumonia", "patient00002"),
    }
    if label:
        expected[VIEWS[2]] = (label, "patient00002")
    assert rows == expected
    assert len(reasons) == 4 - len(rows)


def test_rsna_counts_the_boxes_of_an_image_once(tmp_path: Path) -> None:
    rows, reasons = read(tmp_path, reading.rsna, RSNA, "0004cfab.dcm", "00436515.dcm")
    assert rows == {
        "0004cfab.dcm": ("no pneumonia", "0004cfab"),
        "00436515.dcm": ("pneumonia", "00436515"),
    }
    assert reasons == []


def test_siim_reads_a_mask_as_the_finding(tmp_path: Path) -> None:
    names = ("1.2.276.0.7230010.3.1.dcm", "1.2.276.0.7230010.3.2.dcm")
    rows, _ = read(tmp_path, reading.siim, SIIM, *names)
    assert rows == {names[0]: ("no pneumothorax", None), names[1]: ("pneumothorax", None)}


VINDR = """image_id,rad_id,Nodule/Mass,Pneumonia,No finding
a,R1,0,1,0
a,R2,0,1,0
a,R3,0,0,1
b,R1,0,0,1
b,R2,0,0,1
b,R3,0,0,1
c,R1,1,0,0
c,R2,0,1,0
c,R3,0,0,1
d,R1,0,x,0
"""


def test_vindr_counts_its_three_readers(tmp_path: Path) -> None:
    rows, reasons = read(tmp_path, reading.vindr, VINDR, "a.dicom", "b.dicom", "c.dicom", "d.dicom")
    assert rows == {"a.dicom": ("pneumonia", None), "b.dicom": ("normal", None)}
    assert any(
        "1 readers say 'Pneumonia', 1 'No finding'; 2 have to agree" in reason for reason in reasons
    )
    assert any("labels= names no label for 'x'" in reason for reason in reasons)


def test_vindr_of_children_and_one_reader_is_read_too(tmp_path: Path) -> None:
    table = "image_ID,rad_ID,Pneumonia,No finding\na,R1,1,0\nb,R2,0,1\nc,R2,0,0\n"
    rows, reasons = read(tmp_path, reading.vindr, table, "a.dicom", "b.dicom", "c.dicom", agree=1)
    assert rows == {"a.dicom": ("pneumonia", None), "b.dicom": ("normal", None)}
    assert len(reasons) == 1


def test_covid_radiography_is_labelled_above_its_folders_of_images_without_masks(
    tmp_path: Path,
) -> None:
    for name in (
        "Normal/images/Normal-1.png",
        "Normal/masks/Normal-1.png",
        "COVID/images/COVID-1.png",
        "COVID/masks/COVID-1.png",
        "Viral Pneumonia/images/Viral Pneumonia-1.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = rx.XrayDataset.from_folder(tmp_path, names=reading.covid_radiography())
    assert found.counts == {"normal": 1, "viral": 1, "covid": 1}
    assert found.skipped == {"in folders 'masks'": 2}
    assert found.rejected == ()


def test_a_reader_of_vindr_counts_once_and_a_fault_in_any_row_rejects_the_image(
    tmp_path: Path,
) -> None:
    table = (
        '"image_id","rad_id","Pneumonia","No finding"\n'
        "a,R1,1,0\na,R1,1,0\na,R2,0,1\nb,R1,1,0\nb,R2,1,x\n,R1,1,0\n/abs,R1,1,0\n"
        "c,R1,0,1\nc,R2,0,1\n"
    )
    rows, reasons = read(tmp_path, reading.vindr, table, "a.dicom", "b.dicom", "c.dicom")
    assert rows == {"c.dicom": ("normal", None)}
    assert sum("1 readers say 'Pneumonia'" in reason for reason in reasons) == 1
    assert sum("for 'x'" in reason for reason in reasons) == 1
    assert sum("names no file" in reason or "absolute" in reason for reason in reasons) == 2


def test_a_choice_that_is_misspelt_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(CHEXPERT, encoding="utf-8")
    with pytest.raises(DataError, match="uncertain='Reject'"):
        reading.chexpert(tmp_path / "table.csv", uncertain="Reject")
    with pytest.raises(DataError, match="several='Reject'"):
        rx.TableNames.from_csv(tmp_path / "table.csv", separator="|", several="Reject")
    with pytest.raises(DataError, match="one character"):
        rx.TableNames.from_csv(tmp_path / "table.csv", delimiter="ab")


def test_the_last_part_of_a_uid_is_no_extension(tmp_path: Path) -> None:
    table = "file,label\n1.2.3,normal\n1.2.4.dcm,normal\n"
    names = ("1.2.3.4.dcm", "1.2.4.dcm")
    rows, reasons = read(tmp_path, rx.TableNames.from_csv, table, *names, patient=None)
    assert rows == {"1.2.4.dcm": ("normal", None)}
    assert any("no such image" in reason for reason in reasons)


PRESETS = [reading.padchest, reading.chexpert, reading.rsna, reading.siim, reading.vindr]


@pytest.mark.parametrize("rule", PRESETS)
def test_the_table_of_another_set_is_refused_by_its_columns(
    tmp_path: Path, rule: Callable[..., rx.TableNames]
) -> None:
    (tmp_path / "table.csv").write_text(NIH)
    with pytest.raises(DataError, match="Image Index"):
        rule(tmp_path / "table.csv")
