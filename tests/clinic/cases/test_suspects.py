from __future__ import annotations

import math
import sys

import attrs
import numpy as np
import pytest

import rekognition_xray as rx
from rekognition_xray.clinic.cases.suspects import CODE, confident_labels
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.errors import (
    DataError,
    InvalidRequestError,
    LabelsError,
    MissingExtraError,
    SplitError,
)

_OTHER = {"normal": "pneumonia", "pneumonia": "normal"}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Drawn images of 60 patients, normal or pneumonia."""
    folder = tmp_path_factory.mktemp("suspects") / "images"
    make_phantoms(folder, patients=60, images_per_patient=(2, 3), heights=(96, 160), seed=11)
    drawn = rx.XrayDataset.from_folder(folder)
    images = [
        attrs.evolve(image, label="normal" if image.label == "normal" else "pneumonia")
        for image in drawn
    ]
    return attrs.evolve(drawn, images=images)


def _planted(dataset, share, seed=3):
    """The dataset with wrong labels, and the names of the images that have them."""
    rng = np.random.default_rng(seed)
    wrong = set(rng.choice(len(dataset), round(share * len(dataset)), replace=False).tolist())
    images = [
        attrs.evolve(image, label=_OTHER[image.label]) if place in wrong else image
        for place, image in enumerate(dataset)
    ]
    return attrs.evolve(dataset, images=images), {dataset.images[place].name for place in wrong}


def _shares(dataset, of_own):
    """Confidences by name: ``of_own(place)`` for the image's own label."""
    return {
        image.name: {image.label: of_own(place), _OTHER[image.label]: 1 - of_own(place)}
        for place, image in enumerate(dataset)
    }


# -- finding ---------------------------------------------------------------------------------------


def test_planted_errors_are_found_first(phantoms):
    bad, planted = _planted(phantoms, 0.1)
    found = rx.find_suspect_labels(bad)
    ranked = [suspect.image.name in planted for suspect in found.suspects]
    few = len(planted) // 2
    assert np.mean(ranked[:few]) >= 0.7
    assert sum(ranked) >= 0.6 * len(planted)
    order = [suspect.self_confidence for suspect in found.suspects]
    assert order == sorted(order)


def test_the_same_seed_finds_the_same(phantoms):
    one, other = (rx.find_suspect_labels(phantoms, seed=4, folds=3) for _ in range(2))
    assert one == other


def test_a_suspect_says_why(phantoms):
    certain = _shares(phantoms, lambda place: 0.1 if place == 5 else 0.9)
    (suspect,) = rx.find_suspect_labels(phantoms, confidences=certain).suspects
    assert suspect.image == phantoms.images[5]
    assert (suspect.self_confidence, suspect.confidence) == (0.1, 0.9)
    other = _OTHER[suspect.image.label]
    assert suspect.reason == f"looks like {other} (0.90), its label {suspect.image.label} has 0.10"


def test_the_counts_are_those_of_the_images_that_confidently_belong_somewhere(phantoms):
    certain = _shares(phantoms, lambda place: 0.1 if place < 3 else 0.9)
    found = rx.find_suspect_labels(phantoms, confidences=certain)
    assert sum(found.counts.values()) <= len(phantoms)
    wrong = sum(count for (own, other), count in found.counts.items() if own != other)
    assert wrong == len(found.suspects) == 3


def test_an_image_that_belongs_nowhere_confidently_is_no_suspect():
    given = np.array([0, 0, 1, 1])
    shares = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.2, 0.8]])
    assert confident_labels(given, shares).tolist() == [0, -1, 1, -1]


@pytest.mark.parametrize("seed", range(4))
def test_the_suspects_and_their_order_are_those_of_cleanlab(seed):
    filters = pytest.importorskip("cleanlab.filter", reason="needs make test-peers")
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 600)
    given = np.where(rng.random(600) < 0.1, rng.integers(0, 3, 600), truth)
    odds = rng.normal(size=(600, 3)) + 2 * np.eye(3)[truth]
    shares = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    theirs = filters.find_label_issues(
        given,
        shares,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    likely = confident_labels(given, shares)
    ours = np.flatnonzero((likely >= 0) & (likely != given))
    own = shares[np.arange(600), given]
    assert ours[np.argsort(own[ours], kind="stable")].tolist() == theirs.tolist()


# -- what can be done with them --------------------------------------------------------------------


def test_what_is_left_out_is_recorded(phantoms):
    certain = _shares(phantoms, lambda place: 0.09 + place / 1000 if place < 4 else 0.9)
    found = rx.find_suspect_labels(phantoms, confidences=certain)
    kept, repairs = found.leave_out(2)
    assert [repair.path for repair in repairs] == [image.source for image in phantoms.images[:2]]
    assert {repair.code for repair in repairs} == {CODE}
    assert [repair.what for repair in repairs] == [each.reason for each in found.suspects[:2]]
    assert len(kept) == len(phantoms) - 2
    assert len(found.leave_out().repairs) == 4


def test_the_frame_has_a_row_for_each_suspect(phantoms, monkeypatch):
    pytest.importorskip("pandas", reason="needs the extra frames")
    certain = _shares(phantoms, lambda place: 0.1 if place < 4 else 0.9)
    found = rx.find_suspect_labels(phantoms, confidences=certain)
    frame = found.to_frame()
    assert list(frame["name"]) == [suspect.image.name for suspect in found.suspects]
    assert frame["reason"][0] == found.suspects[0].reason
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="frames"):
        found.to_frame()


def test_the_sheet_shows_the_most_suspect(phantoms):
    certain = _shares(phantoms, lambda place: 0.1 if place < 8 else 0.9)
    found = rx.find_suspect_labels(phantoms, confidences=certain)
    one_row, two_rows = found.sheet(6), found.sheet(8)
    assert one_row.mode == "RGB"
    assert two_rows.height > one_row.height
    assert two_rows.width == one_row.width
    with pytest.raises(InvalidRequestError, match="no suspects"):
        found.sheet(0)


# -- bad input -------------------------------------------------------------------------------------


def test_one_label_cannot_be_compared(phantoms):
    one = attrs.evolve(phantoms, images=[image for image in phantoms if image.label == "normal"])
    with pytest.raises(LabelsError, match="two or more"):
        rx.find_suspect_labels(one)


def test_too_few_patients_for_the_folds_are_refused(phantoms):
    with pytest.raises(SplitError):
        rx.find_suspect_labels(phantoms, folds=50)


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.5, None])
def test_confidences_that_are_missing_or_no_shares_are_all_named(phantoms, bad):
    certain = _shares(phantoms, lambda place: 0.9)
    for image in phantoms.images[:2]:
        certain[image.name] = {} if bad is None else {**certain[image.name], image.label: bad}
    with pytest.raises(DataError, match="2 of") as raised:
        rx.find_suspect_labels(phantoms, confidences=certain)
    for image in phantoms.images[:2]:
        assert image.name in str(raised.value)
