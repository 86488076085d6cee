from __future__ import annotations

import io
import json
import logging
from decimal import Decimal

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic.explanation import (
    Explanation,
    FailedCell,
    explain,
    plan_explanation,
)
from rekognition_xray.clinic.explanation.heat import scale_of
from rekognition_xray.clinic.explanation.occlusion import Covering, shares
from rekognition_xray.costs import PriceBook
from rekognition_xray.data.images import prepare_image
from rekognition_xray.errors import (
    CostCapError,
    DataError,
    ImageError,
    InvalidImageError,
    InvalidRequestError,
    NotReadyError,
    PriceBookError,
)
from rekognition_xray.local import LocalCloud

SIDE = 96
SHINING = (1, 2)  # row and column, of four each, that decides the label


def drawn(label, seed, *, least=10):
    """Noise; a bacterial image has a checkered patch, now faint, now clear, in one of 16 cells."""
    rng = np.random.default_rng((seed, len(label)))
    pixels = rng.normal(110, 20, (SIDE, SIDE))
    strength = rng.uniform(least, 60)
    if label == "bacterial":
        cell = SIDE // 4
        top, left = (cell * place for place in SHINING)
        rows, columns = np.mgrid[:cell, :cell]
        checks = (rows // 6 + columns // 6) % 2 - 0.5
        pixels[top : top + cell, left : left + cell] += strength * checks
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@attrs.frozen
class Ward:
    """A cloud with a version that runs, one image with the patch and one without."""

    cloud: LocalCloud
    version: rx.ModelVersion
    asked: list[bytes]
    image: Image.Image
    plain: Image.Image


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(24):
        for label, name in (
            ("normal", f"NORMAL/IM-{number + 1:04d}-0001.jpeg"),
            ("bacterial", f"PNEUMONIA/person{number + 500}_bacteria_{number}.jpeg"),
        ):
            (folder / name).parent.mkdir(exist_ok=True)
            drawn(label, number).save(folder / name, quality=95)
    with LocalCloud(buckets=["ward"]) as cloud:
        aws = rx.Aws(session=cloud.session())
        train, test = rx.XrayDataset.from_folder(folder).split(test=0.25, seed=1)
        project = rx.CustomLabelsProject.get_or_create("ward", aws=aws)
        project.put_datasets(train=train, test=test, store="s3://ward/images", key="k" * 32)
        version = project.train("v1", output="s3://ward/models")
        version.wait_until_trained()
        asked = []
        aws.rekognition.meta.events.register(
            "provide-client-params.rekognition.DetectCustomLabels",
            lambda params, **_: asked.append(params["Image"]["Bytes"]),
        )
        with version.running() as model:
            yield Ward(cloud, model, asked, drawn("bacterial", 900, least=40), drawn("normal", 901))


@pytest.fixture
def ward(running):
    running.asked.clear()
    return running


@pytest.fixture
def strike(ward):
    """Makes a progress callback: after so many calls, the next ones fail so often."""

    def at(done, code, times):
        def progress(record):
            if record.done == done:
                ward.cloud.faults.error("DetectCustomLabels", code, times=times)

        return progress

    yield at
    ward.cloud.faults.clear()


# -- the map -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["mean", "blur"])
def test_the_map_peaks_where_the_label_is_decided(ward, fill):
    found = explain(ward.version, ward.image, grid=4, fill=fill)
    assert found.label == "pneumonia"
    assert found.base > 0.6
    assert found.peak == SHINING
    others = np.delete(found.drops.ravel(), 4 * SHINING[0] + SHINING[1])
    assert found.drops[SHINING] > 3 * np.abs(others).max()


def test_every_drop_is_the_difference_of_two_answers(ward):
    found = explain(ward.version, ward.image, grid=2, label="bacterial")
    answers = [ward.version.detect(data).confidences["bacterial"] for data in list(ward.asked)]
    assert found.base == pytest.approx(answers[0])
    np.testing.assert_allclose(found.drops.ravel(), answers[0] - np.array(answers[1:5]), atol=1e-9)


def test_the_whole_image_is_asked_about_in_the_very_bytes_that_diagnose_sends(ward, tmp_path):
    path = tmp_path / "image.jpeg"
    ward.image.save(path, comment=b"John Doe")
    found = explain(ward.version, str(path), grid=2)
    assert ward.asked[0] == prepare_image(path).data
    assert found.image_sha256 == rx.Diagnoser(ward.version).diagnose(path).image_sha256
    assert not any(b"John Doe" in data for data in ward.asked)
    assert len({Image.open(io.BytesIO(data)).format for data in ward.asked}) == 1


def test_a_label_against_which_a_cell_speaks_rises_when_it_is_covered(ward):
    found = explain(ward.version, ward.image, grid=4, label="normal")
    assert found.drops[SHINING] == found.drops.min() < -0.05


def test_an_unknown_label_is_refused_and_the_known_ones_are_named(ward):
    with pytest.raises(InvalidRequestError, match="normal, bacterial"):
        explain(ward.version, ward.image, grid=2, label="viral")
    assert len(ward.asked) == 1


# -- the budget ----------------------------------------------------------------------------------


def test_the_plan_counts_calls_time_and_money():
    plan = plan_explanation(8, per_second=2.78)
    assert plan.calls == 65
    assert plan.seconds == pytest.approx(65 / 2.78)
    assert plan.estimate.total == Decimal("0.03")
    assert "65 calls" in str(plan)
    assert "2.78 calls a second" in str(plan)


def test_more_units_are_faster_and_no_dearer():
    one, four = plan_explanation(16), plan_explanation(16, units=4)
    assert four.seconds == pytest.approx(one.seconds / 4)
    assert abs(four.estimate.total - one.estimate.total) <= Decimal("0.01")


@pytest.mark.parametrize("settings", [{"units": 0}, {"per_second": 0.0}, {"per_second": np.nan}])
def test_a_plan_without_capacity_is_refused(settings):
    with pytest.raises(InvalidRequestError):
        plan_explanation(8, **settings)


@pytest.mark.parametrize("caps", [{"max_calls": 64}, {"max_cost": "0.02"}])
def test_over_a_cap_nothing_is_asked(ward, caps):
    with pytest.raises(CostCapError, match="not begun"):
        explain(ward.version, ward.image, grid=8, **caps)
    assert ward.asked == []


def test_the_price_is_that_of_the_users_own_book(ward):
    book = PriceBook()
    dear = attrs.evolve(book.prices["inference-unit-hour"], amount=Decimal(4000))
    book = attrs.evolve(book, prices={**book.prices, "inference-unit-hour": dear})
    with pytest.raises(CostCapError, match="over the cap of 1"):
        explain(ward.version, ward.image, grid=2, max_cost="1.00", prices=book)


def test_a_cap_in_a_region_without_known_prices_is_refused(ward):
    irish = rx.Aws(ward.cloud.session(region="eu-west-1"))
    version = attrs.evolve(ward.version, aws=irish)
    with pytest.raises(PriceBookError, match="eu-west-1"):
        explain(version, ward.image, grid=2, max_cost="1.00")
    assert ward.asked == []


def test_the_plan_is_shown_before_the_first_call_and_each_call_is_counted(ward, caplog):
    caplog.set_level(logging.INFO, logger="rekognition_xray")
    seen = []
    explain(
        ward.version,
        ward.image,
        grid=2,
        progress=lambda record: seen.append((record.done, record.plan.calls, len(ward.asked))),
    )
    assert seen == [(0, 5, 0), (1, 5, 1), (2, 5, 2), (3, 5, 3), (4, 5, 4), (5, 5, 5)]
    assert "5 calls for a grid of 2 x 2" in caplog.text


# -- bad input and bad luck ----------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"grid": 1}, {"grid": 33}, {"fill": "black"}])
def test_another_grid_or_fill_is_refused_before_anything_is_asked(ward, settings):
    with pytest.raises(InvalidRequestError):
        explain(ward.version, ward.image, max_calls=10_000, **settings)
    assert ward.asked == []


def test_a_file_that_is_no_image_is_refused_before_anything_is_asked(ward, tmp_path):
    (tmp_path / "no-image.png").write_bytes(b"text")
    with pytest.raises(ImageError, match="no-image"):
        explain(ward.version, tmp_path / "no-image.png")
    assert ward.asked == []


def test_a_cell_whose_call_fails_is_nan_and_reported(ward, strike):
    found = explain(
        ward.version, ward.image, grid=4, progress=strike(3, "ImageTooLargeException", 1)
    )
    assert [(cell.row, cell.column) for cell in found.missing] == [(0, 2)]
    assert "ImageTooLargeException" in found.missing[0].reason
    assert np.argwhere(np.isnan(found.drops)).tolist() == [[0, 2]]
    assert found.calls == 17
    assert found.peak == SHINING


def test_three_failures_in_a_row_end_the_asking_and_what_is_known_is_kept(ward, strike):
    found = explain(
        ward.version, ward.image, grid=4, progress=strike(3, "ImageTooLargeException", 99)
    )
    assert found.calls == 6
    assert np.isfinite(found.drops).sum() == 2
    assert len(found.missing) == 14
    assert "not asked" in found.missing[-1].reason


def test_a_version_that_stops_half_way_is_asked_no_more(ward, strike):
    found = explain(
        ward.version, ward.image, grid=4, progress=strike(10, "ResourceNotReadyException", 99)
    )
    assert found.calls == 11
    assert np.isfinite(found.drops).sum() == 9


def test_a_version_that_does_not_answer_for_the_whole_image_raises(ward, strike):
    with pytest.raises(NotReadyError):
        explain(ward.version, ward.image, progress=strike(0, "ResourceNotReadyException", 1))


def test_where_no_cell_has_an_answer_the_error_goes_on(ward, strike):
    with pytest.raises(InvalidImageError):
        explain(ward.version, ward.image, progress=strike(1, "ImageTooLargeException", 99))


def test_a_throttle_is_botocores_to_repeat(ward, strike, no_wait):
    found = explain(
        ward.version,
        ward.image,
        grid=2,
        progress=strike(2, "ProvisionedThroughputExceededException", 2),
    )
    assert found.missing == ()
    assert found.calls == 5


# -- what it gives -------------------------------------------------------------------------------


def test_it_becomes_json_with_null_for_what_is_not_known(ward):
    found = explain(ward.version, ward.image, grid=2)
    drops = found.drops.copy()
    drops[0, 1] = np.nan
    gap = attrs.evolve(found, drops=drops, missing=(FailedCell(0, 1, "why"),))
    reported = json.loads(json.dumps(gap.to_dict(), allow_nan=False))
    assert reported["drops"][0][1] is None
    assert reported["drops"][1][1] == pytest.approx(found.drops[1, 1])
    assert reported["version_arn"] == ward.version.arn
    assert reported["missing"] == [{"row": 0, "column": 1, "reason": "why"}]
    assert "not where disease is" in reported["notice"]


def test_explanations_are_values(ward):
    one, other = (explain(ward.version, ward.image, grid=2) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != explain(ward.version, ward.plain, grid=2)
    with pytest.raises(ValueError, match="read-only"):
        one.drops[0, 0] = 1


def scripted(ward, drops):
    """An explanation with a map of our own."""
    found = explain(ward.version, ward.image, grid=2)
    return attrs.evolve(found, drops=np.array(drops))


def test_heat_is_vermilion_where_the_confidence_falls_and_blue_where_it_rises(ward):
    picture = np.asarray(scripted(ward, [[0.5, -0.5], [0.0, 0.0]]).overlay(ward.image), dtype=float)
    side = picture.shape[1] // 4
    red, _, blue = picture[side // 2 : side, side // 2 : side].mean(axis=(0, 1))
    assert red > blue + 30
    red, _, blue = picture[side // 2 : side, -side:].mean(axis=(0, 1))
    assert blue > red + 30
    red, green, blue = picture[2 * side + 60 : 3 * side, :side].mean(axis=(0, 1))
    assert red == green == blue


def test_cells_without_an_answer_are_crossed_out(ward):
    known = np.asarray(scripted(ward, [[0.1, 0.0], [0.0, 0.0]]).overlay(ward.image))
    gap = np.asarray(scripted(ward, [[0.1, np.nan], [0.0, 0.0]]).overlay(ward.image))
    half = known.shape[1] // 2
    assert not np.array_equal(known[:half, half:], gap[:half, half:])
    np.testing.assert_array_equal(known[: half - 9, : half - 9], gap[: half - 9, : half - 9])


def test_small_changes_are_not_blown_up_to_full_colour():
    assert scale_of(np.array([[0.001, -0.002]])) == 0.05
    assert scale_of(np.array([[0.1, -0.4], [np.nan, 0.2]])) == pytest.approx(0.4)


def test_the_map_is_not_laid_over_another_image(ward):
    found = explain(ward.version, ward.image, grid=2)
    with pytest.raises(DataError, match="not the image"):
        found.overlay(ward.plain)


def test_a_map_that_falls_nowhere_has_no_peak(ward):
    found = scripted(ward, [[-0.1, 0.0], [np.nan, 0.0]])
    assert found.peak is None
    assert "nowhere" in str(found)


def test_the_text_says_what_it_does_not_show(ward):
    reported = str(explain(ward.version, ward.image, grid=4))
    assert "in row 2 of 4, column 3 of 4" in reported
    assert "not where disease is" in reported
    assert "Not a medical device" in reported


def test_a_map_of_one_type_says_that_no_drug_is_chosen_by_it(ward):
    reported = explain(ward.version, ward.image, grid=2, label="bacterial").to_dict()["notice"]
    assert "antibiotics" in reported
    assert "antibiotics" not in explain(ward.version, ward.image, grid=2).to_dict()["notice"]


def test_the_diagnoser_explains_too(ward):
    found = rx.Diagnoser(ward.version).explain(ward.image, grid=2)
    assert isinstance(found, Explanation)
    assert found == explain(ward.version, ward.image, grid=2)


# -- covering ------------------------------------------------------------------------------------


@given(st.integers(2, 32), st.integers(64, 700))
def test_every_pixel_belongs_to_the_cells_in_full(cells, length):
    found = shares(cells, length)
    assert found.shape == (cells, length)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-12)
    np.testing.assert_allclose(found, found[::-1, ::-1], atol=1e-9)


def test_covering_changes_one_cell_and_nothing_beyond_its_soft_edge():
    image = drawn("normal", 3)
    covered = np.asarray(Covering.of(image, grid=4, fill="mean").without(1, 2), dtype=float)
    before = np.asarray(image, dtype=float)
    soft = 4  # 0.15 of a cell of 24 pixels, rounded up
    inside = covered[24 + soft : 48 - soft, 48 + soft : 72 - soft]
    np.testing.assert_array_equal(inside, np.rint(before.mean()))
    before[24 - soft : 48 + soft, 48 - soft : 72 + soft] = 0
    covered[24 - soft : 48 + soft, 48 - soft : 72 + soft] = 0
    np.testing.assert_array_equal(covered, before)


def test_a_blurred_cover_keeps_the_brightness_and_loses_the_detail():
    image = drawn("bacterial", 3, least=60)
    cover = Covering.of(image, grid=4, fill="blur").cover
    before = np.asarray(image, dtype=float)
    cell = (slice(24, 48), slice(48, 72))
    assert cover[cell].std() < 0.4 * before[cell].std()
    assert cover[cell].mean() == pytest.approx(before[cell].mean(), abs=4)
