"""Bulk runs: faults, throttles, twins, memory, S3, the summary."""

from __future__ import annotations

import itertools
from decimal import Decimal

import attrs
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis import BulkProgress, engine, request
from rekognition_xray.cloud.storage import store
from rekognition_xray.data.images import prepare_image
from rekognition_xray.errors import (
    AccessDeniedError,
    ConnectionFailedError,
    CredentialsError,
    NotFoundError,
    NotReadyError,
    StorageError,
)

from ...support.bulk_runs import DETECT, ask_for_faults, entries, many, peak


@pytest.fixture
def hasty(clinic):
    """A diagnoser that does not wait long for a reply."""
    aws = rx.Aws(session=clinic.cloud.session(), read_timeout=0.2)
    return rx.Diagnoser(attrs.evolve(clinic.version, aws=aws))


@pytest.mark.heavy
def test_with_a_fifth_of_faulty_calls_none_is_lost_and_none_comes_twice(hasty, clinic, tmp_path):
    paths, journal = many(tmp_path / "images", 120), tmp_path / "journal.jsonl"
    # With this seed calls 80 and 95 are throttled; what a throttle means is the pacer's matter.
    ask_for_faults(clinic.cloud, throttles=2, others=6, stall=0.5, seed=4)
    run = hasty.diagnose_many(paths, journal=journal)
    assert [answer.source for answer in run] == [str(path) for path in paths]
    assert [one["source"] for one in entries(journal) if one["kind"] == "diagnosis"]
    assert sorted(one["source"] for one in entries(journal)) == [str(path) for path in paths]
    summary = run.summary(units=1)
    assert (summary.diagnosed, summary.failed) == (120, 0)
    assert summary.calls == 120 + summary.throttled + summary.faulted
    assert summary.throttled
    assert summary.faulted


@pytest.mark.usefixtures("brisk")
def test_a_throttled_call_is_no_failure_however_often(diagnoser, clinic):
    code = "ProvisionedThroughputExceededException"
    fault = clinic.cloud.faults.error(DETECT, code, times=2)
    run = diagnoser.diagnose_many(clinic.images[:3])
    assert [answer.finding for answer in run] == ["normal", "bacterial", "viral"]
    assert fault.met == 2
    assert run.summary(units=1).throttled == 2


@pytest.mark.heavy
def test_nothing_but_throttles_ends_the_run_at_last(diagnoser, clinic, monkeypatch):
    monkeypatch.setattr(engine, "_PATIENCE", 0.2)
    clinic.cloud.faults.error(DETECT, "ThrottlingException", percent=100)
    with pytest.raises(rx.XrayError, match="Throttling"):
        list(diagnoser.diagnose_many(clinic.images))


def test_an_image_that_the_service_fails_on_again_and_again_is_a_failure(
    diagnoser, clinic, monkeypatch
):
    monkeypatch.setattr(engine, "_LONGEST_PAUSE", 0.2)
    real = request.call

    def call(diagnoser, ready, *, once=False):
        if ready.source.endswith(clinic.images[1].name):
            raise ConnectionFailedError("no reply")
        return real(diagnoser, ready, once=once)

    monkeypatch.setattr(request, "call", call)
    run = diagnoser.diagnose_many(clinic.images)
    answers = list(run)
    assert isinstance(answers[1], rx.FailedDiagnosis)
    assert answers[1].retryable
    assert sum(isinstance(answer, rx.Diagnosis) for answer in answers) == len(answers) - 1
    assert run.summary(units=1).faulted >= 10


def test_a_service_that_cannot_be_reached_ends_the_run(diagnoser, clinic, monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "_LONGEST_PAUSE", 0.01)
    clinic.cloud.faults.drop(DETECT, percent=100)
    with pytest.raises(ConnectionFailedError):
        list(diagnoser.diagnose_many(clinic.images, journal=tmp_path / "journal.jsonl"))
    assert entries(tmp_path / "journal.jsonl") == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ExpiredTokenException", CredentialsError),
        ("UnrecognizedClientException", CredentialsError),
        ("AccessDeniedException", AccessDeniedError),
        ("ResourceNotFoundException", NotFoundError),  # it was deleted meanwhile
        ("ResourceNotReadyException", NotReadyError),  # it was stopped, or has expired
    ],
)
def test_what_every_image_would_meet_ends_the_run_and_what_was_paid_for_is_kept(
    diagnoser, clinic, tmp_path, code, error
):
    journal, given = tmp_path / "journal.jsonl", []

    def images():
        for number, path in enumerate(clinic.images):
            if number == 10:
                clinic.cloud.faults.error(DETECT, code, status=400, percent=100)
            yield path

    with pytest.raises(error, match=code):
        given.extend(diagnoser.diagnose_many(images(), journal=journal))
    clinic.cloud.faults.clear()
    written = {one["source"]: rx.Diagnosis.from_dict(one) for one in entries(journal)}
    assert {one.source: one for one in given} == written
    kept = len(written)
    clinic.asked.clear()
    assert len(list(diagnoser.diagnose_many(clinic.images, journal=journal))) == len(clinic.images)
    assert len(clinic.asked) == len(clinic.images) - kept


def test_a_version_that_is_gone_ends_the_run(clinic):
    gone = clinic.version.arn.replace("/version/v1/", "/version/v9/")
    with pytest.raises(rx.XrayError):
        list(rx.Diagnoser(attrs.evolve(clinic.version, arn=gone)).diagnose_many(clinic.images))


def test_an_error_of_the_callers_own_iterable_comes_through_and_answers_are_kept(
    diagnoser, clinic, tmp_path
):
    def images():
        yield from clinic.images[:4]
        raise KeyError("lost the list")

    given = []
    with pytest.raises(KeyError, match="lost the list"):
        given.extend(diagnoser.diagnose_many(images(), journal=tmp_path / "journal.jsonl"))
    assert len(given) == len(entries(tmp_path / "journal.jsonl")) == 4


@pytest.mark.heavy
def test_unordered_answers_come_as_they_come_and_all_of_them(hasty, clinic):
    clinic.cloud.faults.delay(DETECT, 0.15, times=1)
    run = hasty.diagnose_many([*clinic.images, clinic.images[0].read_bytes()], ordered=False)
    assert len({answer.source for answer in run}) == len(clinic.images) + 1


def test_one_image_named_twice_is_asked_once_where_there_is_a_journal(diagnoser, clinic, tmp_path):
    images = [clinic.images[0], clinic.images[1], clinic.images[0]] * 3
    run = diagnoser.diagnose_many(images, journal=tmp_path / "journal.jsonl")
    answers = list(run)
    assert [answer.source for answer in answers] == [str(path) for path in images]
    assert len(clinic.asked) == 2
    assert run.summary(units=1).remembered == 7
    assert len(entries(tmp_path / "journal.jsonl")) == 2


def test_an_image_that_is_known_is_not_even_opened_again(diagnoser, clinic, tmp_path, monkeypatch):
    journal = tmp_path / "journal.jsonl"
    first = list(diagnoser.diagnose_many(clinic.images, journal=journal))
    monkeypatch.setattr("rekognition_xray.clinic.diagnosis.inputs.prepare_image", None)
    assert list(diagnoser.diagnose_many(clinic.images, journal=journal)) == first


def test_an_image_that_was_only_touched_is_not_asked_again(diagnoser, clinic, tmp_path):
    journal, path = tmp_path / "journal.jsonl", tmp_path / "image.jpeg"
    path.write_bytes(clinic.images[0].read_bytes())
    (first,) = diagnoser.diagnose_many([path], journal=journal)
    path.touch()
    clinic.asked.clear()
    assert list(diagnoser.diagnose_many([path], journal=journal)) == [first]
    assert clinic.asked == []


@pytest.mark.heavy
def test_memory_stays_flat_however_many_images_there_are(diagnoser, monkeypatch, tmp_path):
    few = peak(diagnoser, monkeypatch, 1000, tmp_path / "few.jsonl")
    assert peak(diagnoser, monkeypatch, 3000, tmp_path / "many.jsonl") < few + 250_000


@pytest.fixture
def stored(clinic):
    images = [rx.Xray(path, "normal", str(n)) for n, path in enumerate(clinic.images[:3])]
    receipt = store(images, "s3://clinic/stored", aws=clinic.version.aws, key="k" * 32)
    return [str(receipt.locations[image]) for image in images]


def count_reads(clinic, monkeypatch):
    read = []
    monkeypatch.setattr(
        "rekognition_xray.clinic.diagnosis.inputs.read_object",
        lambda aws, place: read.append(place) or _read(aws, place),
    )
    return read


def _read(aws, place):
    return aws.s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()


def test_what_was_stored_is_referred_to_and_not_read(diagnoser, clinic, stored, monkeypatch):
    read = count_reads(clinic, monkeypatch)
    output = [diagnoser.diagnose(address) for address in stored]
    assert [one.finding for one in output] == ["normal", "bacterial", "viral"]
    assert [one.source for one in output] == stored
    assert [one.image_sha256 for one in output] == [
        prepare_image(p).sha256 for p in clinic.images[:3]
    ]
    assert read == []


def test_any_other_object_is_read_prepared_and_sent(diagnoser, clinic, monkeypatch):
    read = count_reads(clinic, monkeypatch)
    body = clinic.images[1].read_bytes()
    clinic.version.aws.s3.put_object(Bucket="clinic", Key="raw/image 1.jpeg", Body=body)
    output = diagnoser.diagnose("s3://clinic/raw/image 1.jpeg")
    assert output.finding == "bacterial"
    assert output.image_sha256 == prepare_image(clinic.images[1]).sha256
    assert len(read) == 1


def test_a_stored_object_of_another_region_is_read(diagnoser, clinic, stored, monkeypatch):
    read = count_reads(clinic, monkeypatch)
    monkeypatch.setitem(clinic.version.aws._regions, "clinic", "eu-west-1")
    assert diagnoser.diagnose(stored[0]).finding == "normal"
    assert len(read) == 1


@pytest.mark.parametrize("address", ["s3://clinic/none.png", "s3://clinic", "s3://"])
def test_an_address_without_an_object_is_an_error_alone_and_a_failure_among_many(
    diagnoser, clinic, address
):
    with pytest.raises(StorageError):
        diagnoser.diagnose(address)
    failed, answered = diagnoser.diagnose_many([address, clinic.images[0]])
    assert failed.error == "StorageError"
    assert failed.source == address
    assert answered.finding == "normal"


def test_paths_bytes_pictures_and_addresses_go_together(diagnoser, clinic, stored, tmp_path):
    with Image.open(clinic.images[2]) as picture:
        images = [clinic.images[0], clinic.images[1].read_bytes(), picture.copy(), stored[0]]
    journal = tmp_path / "journal.jsonl"
    first = list(diagnoser.diagnose_many(images, journal=journal))
    assert [one.finding for one in first] == ["normal", "bacterial", "viral", "normal"]
    clinic.asked.clear()
    assert list(diagnoser.diagnose_many(images, journal=journal)) == first
    assert clinic.asked == []


def test_the_summary_counts_and_prices(diagnoser, clinic, tmp_path):
    run = diagnoser.diagnose_many([*clinic.images, tmp_path / "none.jpeg"])
    assert run.summary(units=2).images == 0
    list(run)
    summary = run.summary()
    assert (summary.images, summary.diagnosed, summary.failed) == (19, 18, 1)
    assert summary.calls == 18
    assert summary.price.lines[0].price == Decimal("4.00")
    assert summary.price.lines[0].quantity > 0
    assert summary.per_second == pytest.approx(19 / summary.seconds)
    assert "18 diagnosed, 1 failed" in str(summary)


def test_a_summary_says_whose_prices_it_takes_where_the_regions_are_not_known(clinic, caplog):
    aws = rx.Aws(session=clinic.cloud.session(region="eu-west-1"))
    run = rx.Diagnoser(attrs.evolve(clinic.version, aws=aws)).diagnose_many([])
    assert run.summary(units=1).price is not None
    assert (
        "the prices of eu-west-1 are not known; those of us-east-1 are shown instead" in caplog.text
    )


def test_progress_can_be_a_callable(diagnoser, clinic):
    seen = []
    list(diagnoser.diagnose_many(clinic.images[:4], progress=seen.append))
    assert [one.done for one in seen] == [1, 2, 3, 4]
    assert all(isinstance(one, BulkProgress) and one.total == 4 for one in seen)


def test_a_run_that_is_forgotten_ends_by_itself(diagnoser, clinic):
    def images():
        for number in itertools.count():
            yield clinic.images[number % 18]

    run = diagnoser.diagnose_many(images())
    next(run)
    thread = run._thread
    del run
    thread.join(10)
    assert not thread.is_alive()


def test_closed_it_gives_nothing_more(diagnoser, clinic):
    with diagnoser.diagnose_many(clinic.images) as run:
        next(run)
    assert list(run) == []
    run.close()


def lose_nothing(clinic, folder, images, burst):
    fault = clinic.cloud.faults.error(DETECT, "InternalServerError", percent=30, burst=burst)
    run = rx.Diagnoser(clinic.version).diagnose_many(many(folder, images))
    assert sum(isinstance(answer, rx.Diagnosis) for answer in run) == images
    assert fault.met >= 0.3 * images


@pytest.mark.heavy
def test_no_diagnosis_is_lost_when_faults_come_in_bursts(clinic, tmp_path):
    lose_nothing(clinic, tmp_path / "images", images=60, burst=20)


@pytest.mark.soak
def test_no_diagnosis_of_2000_is_lost_when_faults_come_in_bursts(clinic, tmp_path):
    lose_nothing(clinic, tmp_path / "images", images=2000, burst=60)
