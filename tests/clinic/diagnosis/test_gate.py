"""What a gate refuses is referred to a person, and nothing is sent for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
from PIL import Image, ImageOps, ImageStat

import rekognition_xray as rx
from rekognition_xray.clinic.policy import REFERRED, Policy
from rekognition_xray.cloud.storage import store
from rekognition_xray.data.images import Admission, prepare_image
from rekognition_xray.errors import EvaluationError, ImageError, RefusedByGateError


@attrs.frozen
class DarkGate:
    """Refuses pictures that are dark at their corners, or inverts them."""

    repair: bool = False

    @property
    def fingerprint(self) -> str:
        return f"dark-{self.repair}"

    def admit(self, grey: Image.Image) -> Admission:
        mean = ImageStat.Stat(grey).mean[0]
        if mean > 60:
            return Admission(grey, mean)
        if self.repair:
            return Admission(ImageOps.invert(grey), 255 - mean, ("inverted",))
        return Admission(grey, mean, refusal="dark")


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    path = tmp_path / "dark.png"
    Image.linear_gradient("L").resize((90, 90)).point([v // 6 for v in range(256)]).save(path)
    return path


def gated(clinic, *, repair: bool = False, policy: Policy | None = None) -> rx.Diagnoser:
    return rx.Diagnoser(clinic.version, policy, gate=DarkGate(repair))


def test_a_refused_image_is_referred_and_not_sent(clinic, dark):
    policy = Policy(threshold=0.5)
    answer = gated(clinic, policy=policy).diagnose(dark)
    assert clinic.asked == []
    assert (answer.finding, answer.referred, answer.confidences) == (REFERRED, True, {})
    assert answer.reason == answer.gate_reason == "held back by the gate: dark"
    assert (answer.gate, answer.request_id, answer.seconds) == ("dark-False", "", 0)
    assert answer.threshold == 0.5
    assert answer.image_sha256 == prepare_image(dark).sha256
    assert str(answer).startswith(f"{dark}: {REFERRED}\n")


def test_an_accepted_image_bears_its_score(clinic):
    answer = gated(clinic).diagnose(clinic.images[0])
    assert answer.gate == "dark-False"
    assert answer.gate_score > 60
    assert answer.gate_reason == ""
    assert answer.request_id


def test_without_a_gate_nothing_is_said_of_it(diagnoser, clinic):
    answer = diagnoser.diagnose(clinic.images[0])
    assert (answer.gate, answer.gate_score, answer.gate_reason) == (None, None, "")


def test_a_repaired_image_is_sent_as_it_was_repaired(clinic, dark):
    answer = gated(clinic, repair=True).diagnose(dark)
    assert answer.image_sha256 == prepare_image(dark, gate=DarkGate(repair=True)).sha256
    assert answer.image_sha256 != prepare_image(dark).sha256
    assert answer.gate_score > 200


def test_an_image_that_is_prepared_is_judged_and_never_repaired(clinic, dark):
    ready = prepare_image(dark)
    assert gated(clinic).diagnose(ready).gate_reason == "held back by the gate: dark"
    with pytest.raises(ImageError, match="would have to be repaired"):
        gated(clinic, repair=True).diagnose(ready)


def test_an_image_in_s3_is_read_for_the_gate(clinic, dark):
    aws = clinic.version.aws
    dataset = rx.XrayDataset([rx.Xray(dark, "normal", "one")])
    receipt = store(dataset, "s3://clinic/gated", aws=aws, key="a key for tests only")
    (address,) = receipt.addresses.values()
    answer = gated(clinic).diagnose(address)
    assert answer.gate_reason == "held back by the gate: dark"
    assert answer.image_sha256 == prepare_image(dark).sha256


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor])
def test_in_a_bulk_run_refused_images_are_answers_and_no_calls(
    clinic, dark, tmp_path, executor: Callable[..., ThreadPoolExecutor] | None
):
    pool = None if executor is None else executor(2)
    images = [clinic.images[0], dark, clinic.images[1]]
    journal = tmp_path / "journal.jsonl"
    with gated(clinic).diagnose_many(images, journal=journal, executor=pool) as run:
        answers = list(run)
    assert [answer.gate_reason != "" for answer in answers] == [False, True, False]
    summary = run.summary()
    assert (summary.images, summary.calls, summary.failed) == (3, 2, 0)
    assert [json.loads(line)["gate"] for line in journal.read_text().splitlines()] == [
        "dark-False"
    ] * 3


def test_a_journal_is_continued_by_the_same_gate_alone(clinic, dark, tmp_path):
    journal = tmp_path / "journal.jsonl"
    images = [clinic.images[0], dark]

    def calls(diagnoser: rx.Diagnoser) -> int:
        with diagnoser.diagnose_many(images, journal=journal) as run:
            list(run)
        return run.summary().calls

    assert calls(gated(clinic)) == 1
    assert calls(gated(clinic)) == 0
    assert calls(rx.Diagnoser(clinic.version)) == 2
    assert calls(gated(clinic)) == 1


def test_a_refusal_stays_one_under_another_policy(clinic, dark, tmp_path):
    journal = tmp_path / "journal.jsonl"
    list(gated(clinic).diagnose_many([dark], journal=journal))
    (answer,) = gated(clinic, policy=Policy(threshold=0.1)).diagnose_many([dark], journal=journal)
    assert answer.finding == REFERRED
    assert answer.gate_reason


def test_a_refused_answer_turns_to_plain_data_and_back(clinic, dark):
    answer = gated(clinic).diagnose(dark)
    assert rx.Diagnosis.from_dict(json.loads(json.dumps(answer.to_dict()))) == answer


def test_an_older_journal_line_has_no_gate(clinic):
    data = gated(clinic).diagnose(clinic.images[0]).to_dict()
    for field in ("gate", "gate_score", "gate_reason"):
        del data[field]
    assert rx.Diagnosis.from_dict(data).gate is None


def test_a_repaired_answer_says_so_and_is_drawn_as_it_was_sent(clinic, dark):
    answer = gated(clinic, repair=True).diagnose(dark)
    assert answer.repaired == "inverted"
    assert "repaired before it was sent: inverted" in str(answer)
    assert answer.is_of(dark)
    assert answer.draw(dark).size
    assert not answer.is_of(clinic.images[0])


def test_an_image_that_store_wrote_is_sent_as_it_lies_once_it_is_judged(clinic):
    aws = clinic.version.aws
    dataset = rx.XrayDataset([rx.Xray(clinic.images[0], "normal", "one")])
    receipt = store(dataset, "s3://clinic/judged", aws=aws, key="a key for tests only")
    (address,) = receipt.addresses.values()
    plain, judged = rx.Diagnoser(clinic.version).diagnose(address), gated(clinic).diagnose(address)
    assert judged.image_sha256 == plain.image_sha256
    assert judged.confidences == plain.confidences
    assert judged.gate_score > 60


def test_explaining_asks_the_gate_first(clinic, dark):
    with pytest.raises(RefusedByGateError, match="dark"):
        gated(clinic).explain(dark, grid=2)
    assert clinic.asked == []
    why = gated(clinic, repair=True).explain(dark, grid=2)
    assert why.image_sha256 == prepare_image(dark, gate=DarkGate(repair=True)).sha256
    assert why.overlay(dark).size


def test_what_is_no_gate_is_refused_at_once(clinic):
    with pytest.raises(EvaluationError, match="is no gate"):
        rx.Diagnoser(clinic.version, gate="gate")
