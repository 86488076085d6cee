"""The gate accepts what is like its training images, and says why it refuses the rest."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

import rekognition_xray as rx
from rekognition_xray.data.gating.fitting import patients_needed
from rekognition_xray.errors import DataError, ImageError, InvalidRequestError, RefusedByGateError

from .conftest import SHARE

Change = Callable[[Image.Image], Image.Image]


def test_new_images_of_the_same_kind_are_accepted(
    gate: rx.ImageGate, strangers: list[Image.Image]
) -> None:
    refused = [answer for one in strangers if not (answer := gate.judge(one)).accepted]
    assert len(refused) <= 3  # 5 % of 24 are expected; four or more are less likely than 3 %


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (ImageOps.invert, "inverted"),
        (lambda one: one.transpose(Image.Transpose.ROTATE_270), "turned"),
        (lambda one: one.transpose(Image.Transpose.ROTATE_180), "turned"),
        (lambda one: ImageOps.invert(one.rotate(180)), "inverted and turned"),
    ],
    ids=["inverted", "turned by 90", "turned by 180", "both"],
)
def test_what_can_be_undone_is_named(
    gate: rx.ImageGate, strangers: list[Image.Image], change: Change, reason: str
) -> None:
    answers = [gate.judge(change(one)) for one in strangers]
    assert not any(answer.accepted for answer in answers)
    assert Counter(answer.reason for answer in answers).most_common(1)[0][0] == reason


def test_a_mirrored_image_is_refused_and_never_repaired(
    gate: rx.ImageGate, strangers: list[Image.Image]
) -> None:
    answers = [gate.judge(ImageOps.mirror(one)) for one in strangers]
    assert sum(not answer.accepted for answer in answers) >= 20
    assert any(answer.reason == "mirrored" for answer in answers)
    assert not any(answer.repairable for answer in answers if answer.reason == "mirrored")


@pytest.mark.parametrize("tone", [0, 128, 255])
def test_a_blank_image_is_refused(gate: rx.ImageGate, tone: int) -> None:
    assert gate.judge(Image.new("L", (100, 100), tone)).reason == "blank"


@given(seed=st.integers(0, 2**32), side=st.sampled_from([4, 16, 64, 200]))
@settings(max_examples=20)
def test_noise_is_refused(gate: rx.ImageGate, seed: int, side: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    assert not gate.judge(Image.fromarray(pixels).resize((200, 200))).accepted


def test_brightness_contrast_and_size_do_not_count(
    gate: rx.ImageGate, strangers: list[Image.Image]
) -> None:
    for one in strangers[:8]:
        dim = one.point([40 + value // 2 for value in range(256)]).resize((300, 260))
        assert gate.judge(dim).score == pytest.approx(gate.judge(one).score, abs=0.6)


def test_repairing_undoes_what_is_certain_and_says_so(
    gate: rx.ImageGate, strangers: list[Image.Image]
) -> None:
    repairing = attrs.evolve(gate, repair=True)
    upright = next(one for one in strangers if gate.judge(one).accepted)
    admission = repairing.admit(ImageOps.invert(upright.transpose(Image.Transpose.ROTATE_270)))
    assert admission.refusal == ""
    assert admission.grey.tobytes() == upright.tobytes()
    assert [step.split(":")[0] for step in admission.steps] == [
        "inverted",
        "turned back by 90 degrees, which the gate found",
    ]
    assert repairing.admit(Image.new("L", (90, 90))).refusal.startswith("blank")


def test_without_repair_the_same_image_is_refused(
    gate: rx.ImageGate, strangers: list[Image.Image]
) -> None:
    admission = gate.admit(ImageOps.invert(strangers[0]))
    assert "refused above" in admission.refusal
    assert admission.steps == ()


def test_the_figures_say_how_it_did_on_patients_that_it_had_not_seen(gate: rx.ImageGate) -> None:
    figures = gate.figures
    assert (figures.images, figures.patients, figures.judged) == (70, 70, 70)
    assert 0 <= figures.low <= figures.refused / figures.judged <= figures.high <= 1
    assert figures.share == SHARE
    kinds = {one.kind: one for one in figures.strange}
    assert {"inverted", "turned by 180 degrees", "mirrored", "noise", "blank"} <= set(kinds)
    assert kinds["inverted"].refused == kinds["inverted"].images == 70


def test_too_few_patients_for_the_share_are_refused_with_the_number_needed(
    chests: rx.XrayDataset,
) -> None:
    with pytest.raises(DataError, match="299 are needed") as caught:
        rx.ImageGate.fit(chests, refuse=0.01)
    assert "refuse=0.043" in caught.value.hint


@pytest.mark.parametrize("share", [0, 0.5, 1, -0.1, float("nan")])
def test_a_share_that_promises_nothing_is_refused(chests: rx.XrayDataset, share: float) -> None:
    with pytest.raises(InvalidRequestError, match=r"between 0 and 0\.5"):
        rx.ImageGate.fit(chests, refuse=share)


@given(share=st.floats(0.001, 0.4))
def test_the_patients_needed_suffice_and_one_less_does_not(share: float) -> None:
    needed = patients_needed(share)
    assert int(share / 3 * (needed + 1) + 1e-9) >= 1
    assert int(share / 3 * needed - 1e-9) < 1


def test_images_that_cannot_be_read_are_named_together(
    chests: rx.XrayDataset, tmp_path: Path
) -> None:
    bad = [tmp_path / name for name in ("a.png", "b.png")]
    for path in bad:
        path.write_bytes(b"text")
    images = [*chests.images, *(rx.Xray(path, "normal", path.stem) for path in bad)]
    with pytest.raises(DataError, match="2 of 72 images") as caught:
        rx.ImageGate.fit(rx.XrayDataset(images), refuse=SHARE)
    assert caught.value.paths == tuple(bad)


def test_a_file_that_says_what_it_is_decides_before_the_gate(
    gate: rx.ImageGate, tmp_path: Path
) -> None:
    pytest.importorskip("pydicom")
    from ...support.dicom_files import image, saved

    path = tmp_path / "hand.dcm"
    path.write_bytes(saved(image(BodyPartExamined="HAND")))
    with pytest.raises(ImageError) as caught:
        gate.check(path)
    assert caught.value.code == "other-body-part"
    assert not isinstance(caught.value, RefusedByGateError)


def test_a_saved_gate_is_the_same_gate(
    gate: rx.ImageGate,
    chests: rx.XrayDataset,
    strangers: list[Image.Image],
    tmp_path: Path,
) -> None:
    read = rx.ImageGate.load(gate.save(tmp_path / "gate"), dataset=chests)
    assert read.fingerprint == gate.fingerprint
    assert read.figures == gate.figures
    assert [read.judge(one) for one in strangers] == [gate.judge(one) for one in strangers]
    copy = pickle.loads(pickle.dumps(gate))
    assert copy.judge(strangers[0]) == gate.judge(strangers[0])
    assert rx.ImageGate.load(tmp_path / "gate", repair=True).fingerprint != gate.fingerprint


def test_a_gate_of_another_dataset_is_refused(
    gate: rx.ImageGate, chests: rx.XrayDataset, tmp_path: Path
) -> None:
    other = rx.XrayDataset(chests.images[:10])
    with pytest.raises(DataError, match="was fitted on the dataset"):
        rx.ImageGate.load(gate.save(tmp_path), dataset=other)


def _change(words: dict[str, object], **fields: object) -> bytes:
    return json.dumps(words | fields).encode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda words: _change(words, rxray_gate=0), "format 0"),
        (lambda words: _change(words, sha256="0"), "was changed"),
        (lambda words: _change(words, threshold="high"), "damaged"),
        (lambda words: _change(words, figures={}), "damaged"),
        (lambda words: b"[]", "damaged"),
        (lambda words: b"{", "damaged"),
    ],
)
def test_a_gate_that_is_damaged_or_of_another_format_is_refused(
    gate: rx.ImageGate,
    tmp_path: Path,
    change: Callable[[dict[str, object]], bytes],
    reason: str,
) -> None:
    gate.save(tmp_path)
    words = json.loads((tmp_path / "gate.json").read_bytes())
    (tmp_path / "gate.json").write_bytes(change(words))
    with pytest.raises(DataError, match=reason) as caught:
        rx.ImageGate.load(tmp_path)
    assert "ImageGate.fit()" in caught.value.hint


def test_a_gate_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        rx.ImageGate.load(tmp_path / "none")


def test_equal_datasets_and_seeds_give_equal_gates(
    gate: rx.ImageGate, chests: rx.XrayDataset
) -> None:
    assert rx.ImageGate.fit(chests, refuse=SHARE).fingerprint == gate.fingerprint


def test_prepare_holds_back_what_the_gate_refuses(
    gate: rx.ImageGate, chests: rx.XrayDataset, tmp_path: Path
) -> None:
    strange = tmp_path / "images" / "inverted.png"
    strange.parent.mkdir()
    with Image.open(chests.images[0].path) as one:
        ImageOps.invert(one.convert("L")).save(strange)
    accepted = next(
        image for image in chests if gate.judge(Image.open(image.path).convert("L")).accepted
    )
    dataset = rx.XrayDataset([accepted, rx.Xray(strange, "normal", "x")])
    prepared = dataset.prepare(tmp_path / "prepared", gate=gate, held="leave-out")
    (held,) = prepared.held
    assert held.reason.startswith("held back by the gate: ")
    assert len(prepared) == 1
    assert dataset.prepare(tmp_path / "prepared").made == 2  # without the gate nothing is known
    (finding,) = [one for one in dataset.audit(gate=gate).errors if one.code == "refused-by-gate"]
    assert finding.paths == (strange,)


def test_a_real_file_whose_tags_lie_about_white_is_found_inverted(xrays: Path) -> None:
    """Fake_MONOHR1 is stored as MONOCHROME2 is and says MONOCHROME1."""
    pytest.importorskip("pydicom")
    images = sorted((xrays / "chest_xray" / "train").glob("*/*.jpeg"))[::6]
    gate = rx.ImageGate.fit(
        rx.XrayDataset([rx.Xray(path, "normal", path.stem) for path in images]), refuse=0.05
    )
    options = rx.ImageOptions(allow_burned_in=True, allow_other_views=True)
    answers = {
        path.stem: gate.check(path, options=options)
        for path in (xrays / "dicom").glob("*.dcm")
        if path.stem != "RG3_JPLY_tibia"
    }
    assert answers["Fake_MONOHR1"].reason == "inverted"
    assert not answers["RG2_JPLL_hip"].accepted
    assert not answers["RG3_J2KR_tibia"].accepted
    turned = [Image.open(path).convert("L").rotate(180) for path in images[:60]]
    assert sum(not gate.judge(one).accepted for one in turned) >= 58


@pytest.mark.parametrize(
    "change",
    [
        ImageOps.flip,
        lambda one: ImageOps.invert(ImageOps.mirror(one)),
        lambda one: ImageOps.invert(ImageOps.flip(one)),
        lambda one: one.transpose(Image.Transpose.TRANSPOSE),
    ],
    ids=["flipped", "mirrored and inverted", "flipped and inverted", "transposed"],
)
def test_what_is_mirrored_besides_is_refused_and_not_repaired(
    gate: rx.ImageGate, strangers: list[Image.Image], change: Change
) -> None:
    """An upright chest that was repaired to a mirrored one would be the wrong way round."""
    repairing = attrs.evolve(gate, repair=True)
    for one in strangers:
        admission = repairing.admit(change(one))
        assert admission.refusal or gate.judge(admission.grey).accepted
    refused = [one for one in strangers if repairing.admit(change(one)).refusal]
    assert len(refused) >= 20


@pytest.mark.parametrize("limit", ["threshold", "mirror_threshold", "upside_down_threshold"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e9"])
def test_a_threshold_that_was_changed_opens_no_gate(
    gate: rx.ImageGate, tmp_path: Path, limit: str, value: str
) -> None:
    gate.save(tmp_path)
    words = json.loads((tmp_path / "gate.json").read_bytes())
    text = json.dumps(words).replace(f'"{limit}": {words[limit]}', f'"{limit}": {value}')
    (tmp_path / "gate.json").write_text(text)
    with pytest.raises(DataError, match="cannot be used"):
        rx.ImageGate.load(tmp_path)


@pytest.mark.parametrize("patients", [3, 5, 20, 40])
def test_the_hint_for_too_few_patients_can_be_followed(
    chests: rx.XrayDataset, patients: int
) -> None:
    few = rx.XrayDataset(chests.images[:patients])
    with pytest.raises(DataError) as caught:
        rx.ImageGate.fit(few, refuse=0.01)
    allowed = caught.value.hint.partition("refuse=")[2].rstrip(".")
    if patients > 5:
        assert patients_needed(float(allowed)) <= patients
    else:
        assert not allowed
