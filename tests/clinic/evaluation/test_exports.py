from __future__ import annotations

import json
import sys

import pytest

from rekognition_xray.clinic.evaluation.exports import figures
from rekognition_xray.clinic.statistics import Figure
from rekognition_xray.errors import MissingExtraError


@pytest.fixture(scope="module")
def evaluation(draw, write):
    images = [image for image in draw(patients=60) if image.truth != "viral"]
    return write(images).evaluation(name="v1", made_by="a scripted learner", split="7f3a")


def test_json_carries_every_figure_with_interval_images_patients_and_method(evaluation):
    output = json.loads(evaluation.to_json())
    figure = output["two_class"]["auroc"]
    assert Figure.from_dict(figure) == evaluation.two_class.auroc
    assert figure["n"] == len(evaluation.images)
    assert figure["patients"] == evaluation.patients
    assert "bootstrap over patients" in figure["method"]
    assert output["figures"]["accuracy"]["value"] == evaluation.accuracy.value
    assert set(output["by_label"]) == set(evaluation.labels)


def test_json_says_what_is_not_estimable_and_why(evaluation):
    figure = json.loads(evaluation.to_json())["by_label"]["viral"]["sensitivity"]
    assert figure["value"] is None
    assert figure["reason"] == "no test image shows viral"


def test_json_stands_with_its_origin_split_and_notices(evaluation):
    output = json.loads(evaluation.to_json())
    assert (output["made_by"], output["split"], output["name"]) == (
        "a scripted learner",
        "7f3a",
        "v1",
    )
    assert any("Not a medical device" in notice for notice in output["notices"])
    assert any("antibiotics" in notice for notice in output["notices"])
    assert any("not a prevalence" in notice for notice in output["notices"])
    assert output["warnings"] == list(evaluation.warnings)


def test_the_services_own_figures_stand_apart(evaluation):
    output = json.loads(evaluation.to_json())["service"]
    assert output["f1"] == evaluation.service.f1
    assert {row["label"]: row["threshold"] for row in output["labels"]}["normal"] == 0.41
    assert {"truth": "normal", "called": "normal", "share": 0.79} in output["confusion"]


def test_a_frame_has_one_row_for_each_figure(evaluation):
    pytest.importorskip("pandas", reason="needs the extra frames")
    frame = evaluation.to_frame()
    curve = evaluation.net_benefit()
    assert len(frame) == len(list(figures(evaluation))) + 3 * len(curve.points)
    row = frame[(frame["view"] == "pneumonia or not") & (frame["figure"] == "auroc")].iloc[0]
    auroc = evaluation.two_class.auroc
    assert (row["value"], row["low"], row["high"]) == (auroc.value, auroc.low, auroc.high)
    assert (row["images"], row["version"], row["split"]) == (auroc.n, "v1", "7f3a")


def test_the_frame_holds_the_decision_curve(evaluation):
    pytest.importorskip("pandas", reason="needs the extra frames")
    frame = evaluation.to_frame().set_index("figure")
    (point,) = evaluation.net_benefit(thresholds=[0.1]).points
    for name, figure in point.by_name().items():
        row = frame.loc[f"{name} at 0.1"]
        assert (row["view"], row["value"]) == ("pneumonia or not", figure.value)


def test_what_is_not_estimable_is_missing_in_the_frame(evaluation):
    pytest.importorskip("pandas", reason="needs the extra frames")
    frame = evaluation.to_frame()
    row = frame[(frame["view"] == "label: viral") & (frame["figure"] == "auroc")].iloc[0]
    assert row[["value", "low", "high"]].isna().all()
    assert row["reason"]
    assert str(frame["value"].dtype) == "float64"


def test_a_frame_without_pandas_names_the_extra(evaluation, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="frames"):
        evaluation.to_frame()
