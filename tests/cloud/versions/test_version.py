"""Versions: trained, described, asked, and the meter that always stops them."""

from __future__ import annotations

import os
import signal

import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import meter
from rekognition_xray.data.images import prepare_image
from rekognition_xray.local import LocalCloud

from ..conftest import running_elsewhere

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def status(version: rx.ModelVersion) -> str:
    return version.describe().status


def test_a_trained_version_tells_its_figures_and_files(trained: rx.ModelVersion) -> None:
    seen = trained.describe()
    assert (seen.name, seen.status) == ("v1", "TRAINING_COMPLETED")
    assert seen.f1_score is not None
    assert seen.billable_training_seconds is not None
    places = [
        seen.summary,
        seen.training_output,
        seen.testing_output,
        seen.training_validation,
        seen.testing_validation,
        seen.manifest_summary,
    ]
    assert all(place and place.bucket == "clinic-xrays" for place in places)
    assert len(set(places)) == 6


def test_a_version_is_opened_by_its_arn(trained: rx.ModelVersion) -> None:
    assert rx.ModelVersion.from_arn(trained.arn, aws=trained.aws) == trained


@pytest.mark.parametrize(
    "arn", ["", "v1", "arn:aws:rekognition:us-east-1:123456789012:project/p/1"]
)
def test_what_is_no_versions_arn_is_refused(aws: rx.Aws, arn: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match="not the ARN of a version"):
        rx.ModelVersion.from_arn(arn, aws=aws)


def test_a_mistyped_name_is_an_answer_and_not_a_wait(trained: rx.ModelVersion) -> None:
    wrong = rx.ModelVersion(trained.aws, trained.arn.replace("/v1/", "/v2/"), trained.project_arn)
    with pytest.raises(errors.NotFoundError, match="'v2'"):
        wrong.wait_until_trained()
    with pytest.raises(errors.NotFoundError), wrong.running():
        pytest.fail("nothing runs")


def test_a_running_model_answers_with_fractions_that_add_up(trained: rx.ModelVersion, draw) -> None:
    image = draw().images[0]
    with trained.running() as model:
        assert status(model) == "RUNNING"
        found = model.detect(prepare_image(image.path).data)
        assert set(found.confidences) == {"normal", "bacterial", "viral"}
        assert sum(found.confidences.values()) == pytest.approx(1, abs=0.01)
        assert found.request_id
        high = model.detect(prepare_image(image.path).data, min_confidence=0.99).confidences
        assert all(value >= 0.99 for value in high.values())
    assert status(trained) == "STOPPED"


def test_an_answer_and_the_result_files_give_the_same_confidences(trained: rx.ModelVersion) -> None:
    images = rx.Evaluation.from_version(trained).images
    with trained.running() as model:
        for image in images:
            found = model.detect(rx.S3Location.parse(image.source_ref)).confidences
            assert found == image.confidences
            assert all(len(repr(value)) <= len("0.12345678") for value in found.values())


@pytest.mark.parametrize("percent", [-0.1, 1.5, 95, float("nan")])
def test_percents_are_refused(trained: rx.ModelVersion, percent: float) -> None:
    with pytest.raises(errors.InvalidRequestError, match="0 to 1"):
        trained.detect(b"", min_confidence=percent)


def test_a_resting_model_says_that_it_is_not_ready(trained: rx.ModelVersion, draw) -> None:
    with pytest.raises(errors.NotReadyError):
        trained.detect(prepare_image(draw().images[0].path).data)


def test_an_exception_stops_the_model(trained: rx.ModelVersion) -> None:
    with pytest.raises(ZeroDivisionError), trained.running():
        1 / 0  # noqa: B018
    assert status(trained) == "STOPPED"


def test_a_model_can_run_again(trained: rx.ModelVersion) -> None:
    for _ in range(2):
        with trained.running(units=2) as model:
            assert model.describe().units == 2
    assert status(trained) == "STOPPED"


def test_too_many_units_are_refused_and_nothing_runs(trained: rx.ModelVersion) -> None:
    with pytest.raises(errors.QuotaError), trained.running(units=6):
        pytest.fail("nothing runs")
    assert status(trained) == "TRAINING_COMPLETED"


@ON_POSIX
def test_ctrl_c_stops_the_model_and_is_still_a_keyboard_interrupt(
    trained: rx.ModelVersion,
) -> None:
    with pytest.raises(KeyboardInterrupt), trained.running():
        signal.raise_signal(signal.SIGINT)
    assert status(trained) == "STOPPED"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@ON_POSIX
def test_a_handler_of_the_program_gets_its_signal_once_the_model_has_stopped(
    trained: rx.ModelVersion,
) -> None:
    got: list[str] = []

    def handler(number: int, frame: object) -> None:
        got.append(status(trained))

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with trained.running():
            signal.raise_signal(signal.SIGTERM)
            pytest.fail("the block is left at once")
        assert got == ["STOPPED"]
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


@ON_POSIX
@pytest.mark.heavy
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_said_to_end_stops_its_model_first(
    cloud, trained: rx.ModelVersion, number: signal.Signals
) -> None:
    with running_elsewhere(cloud, trained) as process:
        assert status(trained) == "RUNNING"
        process.send_signal(number)
        assert process.wait(30) == -number
    assert status(trained) == "STOPPED"


def test_a_stop_that_fails_is_an_error_with_price_and_command(
    cloud: LocalCloud, trained: rx.ModelVersion
) -> None:
    with (
        pytest.raises(
            errors.StopFailedError, match=r"may still be billing 4\.00 per hour"
        ) as output,
        trained.running(),
    ):
        cloud.faults.error("StopProjectVersion", "AccessDeniedException")
    assert trained.arn in output.value.message
    assert f"stop-project-version --project-version-arn {trained.arn}" in output.value.hint
    assert isinstance(output.value.__cause__, errors.AccessDeniedError)
    meter.stop(trained)
    assert status(trained) == "STOPPED"


def test_a_version_that_is_gone_needs_no_stop(trained: rx.ModelVersion) -> None:
    trained.delete()
    meter.stop(trained)


def test_a_cap_that_buys_less_than_a_minute_starts_nothing(trained: rx.ModelVersion) -> None:
    with (
        pytest.raises(errors.CostCapError, match=r"0\.01 buys 9 s"),
        trained.running(max_cost="0.01"),
    ):
        pytest.fail("nothing runs")
    assert status(trained) == "TRAINING_COMPLETED"
