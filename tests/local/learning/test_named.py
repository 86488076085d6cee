from __future__ import annotations

import sys

import pytest

from rekognition_xray.local import LocalCloud
from rekognition_xray.local.__main__ import main
from rekognition_xray.local.learning import LEARNERS, choose_learner, learner_named

MISSING = r"onnxruntime is missing.*rekognition-xray\[pretrained\].*rekognition-xray\[onnx\]"


@pytest.fixture
def no_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without it."""
    for name in [name for name in sys.modules if ".pretrained" in name or name == "onnxruntime"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)


def test_the_default_is_there_without_further_packages() -> None:
    assert learner_named("fast").name == "fast"
    assert choose_learner("fast") is None
    assert choose_learner(None) is None


def test_a_learner_of_ones_own_is_taken_as_it_is() -> None:
    own = learner_named("fast")
    assert choose_learner(own) is own


def test_an_unknown_name_is_reported_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no learner is named 'slow'.*fast, pretrained"):
        LocalCloud(learner="slow")


def test_a_missing_extra_is_named_at_once(no_onnxruntime: None) -> None:
    with pytest.raises(ImportError, match=MISSING):
        LocalCloud(learner="pretrained")


def test_serve_says_what_is_missing(
    no_onnxruntime: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--learner", "pretrained", "--port", "0"]) == 2
    assert "pip install 'rekognition-xray[pretrained]'" in capsys.readouterr().err


def test_serve_takes_no_other_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--learner", "slow"])
    assert all(name in capsys.readouterr().err for name in LEARNERS[:1])


@pytest.mark.parametrize("learner", [None, "fast", learner_named("fast")])
def test_only_pretrained_takes_a_training_budget(learner: object) -> None:
    with pytest.raises(ValueError, match=r"takes no training budget.*learner='pretrained'"):
        LocalCloud(learner=learner, training_budget=60)  # type: ignore[arg-type]


def test_serve_reads_a_training_budget(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--training-budget", "60", "--port", "0"]) == 2
    assert "takes no training budget" in capsys.readouterr().err
