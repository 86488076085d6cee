"""Transcripts name nobody, and replay against the local cloud."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import contract, errors
from rekognition_xray.contract.recorder import Call

from .conftest import BUCKET, Run, brief_cloud

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def transcript(run: Run) -> contract.Transcript:
    return contract.Transcript.of(run.verification, bucket=BUCKET)


def test_account_and_bucket_are_replaced(transcript: contract.Transcript, tmp_path: Path) -> None:
    text = transcript.save(tmp_path / "transcript.json").read_text("utf-8")
    assert "123456789012" not in text
    assert BUCKET not in text
    assert "111122223333" in text
    assert "amzn-s3-demo-bucket" in text
    assert "RequestId" not in text


@pytest.mark.parametrize("bucket", ["request", "text", "clinic"])
def test_names_are_replaced_in_values_alone_and_identities_too(run: Run, bucket: str) -> None:
    message = f"Bad bucket:\n{bucket} of arn:aws:sts::123456789012:assumed-role/Radiology/alice"
    call = Call("DeleteProject", {"request": bucket}, "X", {"Message": message}, 0.1)
    made = attrs.evolve(run.verification, calls=(*run.verification.calls, call))
    last = contract.Transcript.of(made, bucket=bucket).calls[-1]
    assert last.request == {"request": "amzn-s3-demo-bucket"}
    assert last.reply["Message"] == (
        "Bad bucket:\namzn-s3-demo-bucket of arn:aws:sts::111122223333:assumed-role/someone"
    )


def test_a_transcript_needs_the_name_that_it_replaces(run: Run) -> None:
    with pytest.raises(errors.DataError, match="name of the bucket"):
        contract.Transcript.of(run.verification, bucket="")


@pytest.mark.parametrize("operation", ["GetObject", "FlyToTheMoon"])
def test_a_replay_names_a_call_that_it_cannot_make(
    transcript: contract.Transcript, operation: str
) -> None:
    odd = attrs.evolve(transcript, calls=(Call(operation, {}, "", {}, 0.1),))
    with brief_cloud() as cloud, pytest.raises(errors.DataError, match="Call 1"):
        contract.replay(odd, rx.Aws(session=cloud.session()), BUCKET)


def test_each_call_has_operation_code_reply_and_time(transcript: contract.Transcript) -> None:
    assert len(transcript.calls) > 100
    assert all(call.seconds >= 0 for call in transcript.calls)
    refused = [call for call in transcript.calls if call.code]
    assert all(call.reply["Message"] for call in refused)


def test_a_transcript_is_read_back_as_it_was(
    transcript: contract.Transcript, tmp_path: Path
) -> None:
    path = transcript.save(tmp_path / "transcript.json")
    assert contract.Transcript.load(path) == transcript


def test_a_transcript_that_cannot_be_written_is_an_error_of_ours(
    transcript: contract.Transcript, tmp_path: Path
) -> None:
    with pytest.raises(errors.DataError, match="cannot be written"):
        transcript.save(tmp_path / "nowhere" / "transcript.json")


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1}'])
def test_what_is_no_transcript_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "transcript.json"
    path.write_text(text)
    with pytest.raises(errors.DataError):
        contract.Transcript.load(path)


def test_a_replay_on_a_cloud_with_the_same_assumptions_finds_no_difference(
    transcript: contract.Transcript,
) -> None:
    with brief_cloud() as cloud:
        aws = rx.Aws(session=cloud.session())
        assert contract.replay(transcript, aws, BUCKET) == ()


def test_a_replay_names_the_call_that_is_answered_differently(
    transcript: contract.Transcript,
) -> None:
    place = next(n for n, call in enumerate(transcript.calls) if call.code)
    call = attrs.evolve(transcript.calls[place], code="SomethingElseException")
    calls = (*transcript.calls[:place], call)
    changed = attrs.evolve(transcript, calls=calls)
    with brief_cloud() as cloud:
        (found,) = contract.replay(changed, rx.Aws(session=cloud.session()), BUCKET)
    assert found.number == place + 1
    assert "SomethingElseException became" in str(found)


SENT = sorted((Path(__file__).parent / "transcripts").glob("*.json"))


@pytest.mark.skipif(not SENT, reason="nobody has sent a transcript of AWS yet")
@pytest.mark.parametrize("path", SENT, ids=lambda path: path.stem)
def test_the_local_cloud_answers_as_aws_did(path: Path) -> None:
    with brief_cloud() as cloud:
        aws = rx.Aws(session=cloud.session())
        assert contract.replay(contract.Transcript.load(path), aws, BUCKET) == ()


def test_the_findings_are_in_the_file(transcript: contract.Transcript, tmp_path: Path) -> None:
    record = json.loads(transcript.save(tmp_path / "t.json").read_text("utf-8"))
    assert {one["verdict"] for one in record["findings"]} == {"agrees", "not seen"}
