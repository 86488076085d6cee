"""Uploads: content-addressed, resumed, verified, and private."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import attrs
import boto3
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import storage
from rekognition_xray.cloud.storage import connections
from rekognition_xray.cloud.storage import upload as uploading
from rekognition_xray.cloud.storage.put_pattern import put_pattern
from rekognition_xray.data.preparing import PrepareProgress
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

from ...support.uploads import BUCKET, STORE, boxes, keys

pytestmark = pytest.mark.usefixtures("no_wait")


@pytest.fixture
def own(cloud: LocalCloud) -> rx.Aws:
    """A way to AWS that a test may bend: its clients are nobody else's."""
    return rx.Aws(session=cloud.session())


@pytest.fixture(params=["over connections", "by boto3"])
def sent(
    request: pytest.FixtureRequest, cloud: LocalCloud, known: dict[str, rx.Aws]
) -> Iterator[rx.Aws]:
    """A way to AWS for both ways that images are sent; the other way would fail the test."""
    by_boto3 = request.param == "by boto3"
    name = f"{cloud.endpoint_url} {request.param}"
    if name not in known:
        known[name] = rx.Aws(session=cloud.session(), clock=NoWaitClock())
        if by_boto3:  # whoever watches calls sees all of them
            known[name].s3.meta.events.register("before-send.s3.PutObject", lambda **_: None)
    patterns = []

    def find_pattern(*args: object) -> object:
        patterns.append(put_pattern(*args))
        return patterns[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "put_pattern", find_pattern)
        yield known[name]
    assert patterns, "the test sends several images"
    assert all((pattern is None) == by_boto3 for pattern in patterns)


def test_images_lie_under_pseudonym_and_content_with_their_type(sent: rx.Aws, draw) -> None:
    aws = sent
    dataset = draw(labels=("normal",), patients=2)
    receipt = storage.store(dataset, STORE, aws=aws)
    assert set(receipt.locations) == set(dataset)
    for place in receipt.locations.values():
        seen = aws.s3.get_object(Bucket=BUCKET, Key=place.key, ChecksumMode="ENABLED")
        digest = hashlib.sha256(seen["Body"].read())
        assert place.key.endswith(f"/{digest.hexdigest()}.jpg")
        assert pseudonym_in(place.key)
        assert seen["ContentType"] == "image/jpeg"
        assert seen["ChecksumSHA256"] == base64.b64encode(digest.digest()).decode()


def test_a_second_upload_sends_nothing(aws: rx.Aws, tmp_path: Path) -> None:
    first = storage.store(boxes(tmp_path, 5), STORE, aws=aws)
    again = storage.store(boxes(tmp_path, 7), STORE, aws=aws)
    assert (first.uploaded, first.skipped, first.bytes_sent) == (5, 0, 1000)
    assert (again.uploaded, again.skipped, again.bytes_sent) == (2, 5, 400)
    assert str(again) == "2 images sent, 0.0 MB; 5 were there"
    assert again.to_dict() == {
        "uploaded": 2,
        "skipped": 5,
        "bytes_sent": 400,
        "plan": again.plan.to_dict(),
    }


def test_a_large_file_is_read_as_it_is_sent(own: rx.Aws, tmp_path: Path) -> None:
    bodies: list[object] = []
    own.s3.meta.events.register(
        "before-parameter-build.s3.PutObject", lambda params, **_: bodies.append(params["Body"])
    )
    storage.store(boxes(tmp_path, 1, size=2**20), STORE, aws=own)
    assert [type(body) for body in bodies] == [io.BufferedReader]
    assert all(body.closed for body in bodies)
    assert list(keys(own).values()) == [2**20]


def test_large_files_that_meet_faults_are_sent_again_whole(
    cloud: LocalCloud, sent: rx.Aws, tmp_path: Path
) -> None:
    prepared = boxes(tmp_path, 4, size=2**20 + 1)
    cloud.faults.error("PutObject", "SlowDown", times=2)
    cloud.faults.drop("PutObject", times=2)
    assert storage.store(prepared, STORE, aws=sent).uploaded == 4
    for key in keys(sent):
        read = sent.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert key.endswith(f"/{hashlib.sha256(read).hexdigest()}.jpg")


def test_keys_that_have_expired_end_an_upload_that_can_be_continued(
    cloud: LocalCloud, sent: rx.Aws, tmp_path: Path
) -> None:
    prepared = boxes(tmp_path, 40)

    def expire(seen: object) -> None:
        if seen == storage.UploadProgress(1, 0, 40, 200):
            cloud.faults.error("PutObject", "ExpiredToken", percent=50)

    with pytest.raises(errors.UploadError) as caught:
        storage.store(prepared, STORE, aws=sent, threads=2, progress=expire)
    assert (caught.value.code, caught.value.retryable) == ("ExpiredToken", False)
    there = len(keys(sent))
    assert 0 < there == 40 - len(caught.value.paths)
    cloud.faults.clear()
    again = storage.store(prepared, STORE, aws=sent)
    assert (again.uploaded, again.skipped) == (40 - there, there)


def test_a_plan_tells_count_bytes_and_price_and_sends_nothing(aws: rx.Aws, tmp_path: Path) -> None:
    prepared = boxes(tmp_path, 5, size=2**20)
    planned = storage.plan(prepared, STORE, aws=aws)
    assert not keys(aws)
    assert (planned.images, planned.objects, planned.new, planned.there) == (5, 5, 5, 0)
    assert planned.size == 5 * 2**20
    writes, reads, held = planned.estimate.lines
    assert (writes.quantity, reads.quantity) == (Decimal("0.006"), Decimal("0.001"))
    assert held.quantity * 1024 == pytest.approx(Decimal(5), abs=Decimal("0.001"))
    assert "us-east-1" in str(planned)
    assert storage.store(prepared, STORE, aws=aws).plan == planned


def test_a_plan_from_images_is_that_of_the_upload(aws: rx.Aws, draw, tmp_path: Path) -> None:
    dataset = draw(labels=("normal",), patients=2)
    planned = storage.plan(dataset, STORE, aws=aws, work=tmp_path / "work")
    assert planned == storage.store(dataset, STORE, aws=aws, work=tmp_path / "work").plan


def test_an_upload_dearer_than_the_cap_is_refused(aws: rx.Aws, tmp_path: Path) -> None:
    dear = rx.PriceBook()
    price = attrs.evolve(dear.prices["s3-1000-writes"], amount=Decimal(1000))
    dear = rx.PriceBook({**dear.prices, "s3-1000-writes": price})
    prepared = boxes(tmp_path, 4)
    with pytest.raises(errors.CostCapError, match=r"5\.00 USD"):  # four images and a list
        storage.store(prepared, STORE, aws=aws, prices=dear, max_cost="4.99")
    assert not keys(aws)
    assert storage.store(prepared, STORE, aws=aws, prices=dear, max_cost="5.00").uploaded == 4


def test_progress_gets_images_prepared_then_the_plan_then_images_sent(sent: rx.Aws, draw) -> None:
    seen: list[object] = []
    receipt = storage.store(
        draw(labels=("normal",), patients=2), STORE, aws=sent, progress=seen.append
    )
    kinds = [type(record) for record in seen]
    assert kinds[-5] is storage.UploadPlan
    assert kinds[-4:] == [storage.UploadProgress] * 4
    assert set(kinds[:-5]) == {PrepareProgress}
    assert seen[-5] == receipt.plan
    assert seen[-1] == storage.UploadProgress(4, 0, 4, receipt.bytes_sent)


def test_a_bar_is_shown_when_asked_for(aws: rx.Aws, tmp_path: Path, capsys) -> None:
    storage.store(boxes(tmp_path, 3), STORE, aws=aws, progress=True)
    assert "3/3" in capsys.readouterr().err


def test_images_that_lie_in_s3_stay_where_they_are(aws: rx.Aws, draw, tmp_path: Path) -> None:
    dataset = draw(labels=("normal",), patients=1)
    places = storage.store(dataset, STORE, aws=aws).addresses
    moved = [attrs.evolve(image, source=places[image]) for image in dataset]
    receipt = storage.store(moved, f"s3://{BUCKET}/elsewhere", aws=aws)
    assert receipt.uploaded == 0
    assert receipt.plan.elsewhere == 2
    assert set(receipt.addresses.values()) == set(places.values())


def test_equal_pixels_of_a_patient_are_one_object(aws: rx.Aws, draw) -> None:
    dataset = draw(labels=("normal",), patients=1)
    first, second = (image.path for image in dataset)
    second.write_bytes(first.read_bytes())
    receipt = storage.store(dataset, STORE, aws=aws)
    assert (receipt.uploaded, receipt.plan.images, len(set(receipt.locations.values()))) == (
        1,
        2,
        1,
    )


def test_prepared_images_stay_in_the_work_folder(aws: rx.Aws, draw, tmp_path: Path) -> None:
    dataset = draw(labels=("normal",), patients=2)
    receipt = storage.store(dataset, STORE, aws=aws, work=tmp_path / "work")
    prepared = dataset.prepare(tmp_path / "work")
    assert (prepared.made, prepared.cached) == (0, 4)
    names = {place.key.rsplit("/", 1)[1] for place in receipt.locations.values()}
    assert {item.file.name for item in prepared} == names


def test_a_kms_key_encrypts_what_is_sent(sent: rx.Aws, tmp_path: Path) -> None:
    storage.store(boxes(tmp_path, 3), STORE, aws=sent, kms_key="alias/images")
    for key in keys(sent):
        seen = sent.s3.head_object(Bucket=BUCKET, Key=key)
        assert (seen["ServerSideEncryption"], seen["SSEKMSKeyId"]) == ("aws:kms", "alias/images")


def test_bytes_that_are_not_those_of_their_name_are_refused(sent: rx.Aws, tmp_path: Path) -> None:
    prepared = boxes(tmp_path, 5)
    unlucky = prepared.files[2]
    unlucky.file.write_bytes(b"!" + unlucky.file.read_bytes()[1:])
    with pytest.raises(errors.UploadError, match="1 of 5 images") as output:
        storage.store(prepared, STORE, aws=sent)
    assert output.value.paths == (unlucky.image.path,)
    assert output.value.code in {"BadDigest", "XAmzContentSHA256Mismatch"}
    assert len(keys(sent)) == 4


@pytest.mark.parametrize("change", [b"", b"longer than it was" * 20])
def test_a_prepared_file_that_has_changed_its_length_is_refused(
    sent: rx.Aws, tmp_path: Path, change: bytes
) -> None:
    prepared = boxes(tmp_path, 4)
    prepared.files[1].file.write_bytes(change)
    with pytest.raises(errors.UploadError, match="1 of 4 images") as output:
        storage.store(prepared, STORE, aws=sent)
    assert output.value.paths == (prepared.files[1].image.path,)
    assert len(keys(sent)) == 3


def test_a_byte_that_flips_in_flight_is_refused(own: rx.Aws, tmp_path: Path) -> None:
    prepared = boxes(tmp_path, 4)
    unlucky = prepared.files[2]

    def flip(request, **_: object) -> None:
        if unlucky.sha256 in request.url:
            request.body.getbuffer()[7] ^= 1

    own.s3.meta.events.register("before-send.s3.PutObject", flip)
    with pytest.raises(errors.UploadError, match="1 of 4 images") as output:
        storage.store(prepared, STORE, aws=own)
    assert output.value.paths == (unlucky.image.path,)
    assert output.value.code in {"BadDigest", "XAmzContentSHA256Mismatch"}
    assert len(keys(own)) == 3
    own.s3.meta.events.unregister("before-send.s3.PutObject", flip)
    assert storage.store(prepared, STORE, aws=own).uploaded == 1


def test_an_image_is_sent_without_asking_first(own: rx.Aws, tmp_path: Path) -> None:
    seen = []
    own.s3.meta.events.register(
        "before-send.s3.PutObject", lambda request, **_: seen.append(dict(request.headers))
    )
    storage.store(boxes(tmp_path, 1), STORE, aws=own)
    (headers,) = seen
    assert "Expect" not in headers


def test_an_s3_that_tells_another_checksum_is_not_believed(own: rx.Aws, tmp_path: Path) -> None:
    prepared = boxes(tmp_path, 4)

    def lie(parsed: dict[str, object], **_: object) -> None:
        parsed["ChecksumSHA256"] = "A" * 43 + "="

    own.s3.meta.events.register("after-call.s3.PutObject", lie)
    with pytest.raises(errors.UploadError, match="4 of 4 images") as output:
        storage.store(prepared, STORE, aws=own)
    assert "S3 reports the checksum AAA" in str(output.value)
    assert not keys(own), "a later run would take such an object for the image"
    own.s3.meta.events.unregister("after-call.s3.PutObject", lie)
    assert storage.store(prepared, STORE, aws=own).uploaded == 4


def test_a_prepared_file_that_is_gone_is_named_by_its_image(sent: rx.Aws, tmp_path: Path) -> None:
    aws, prepared = sent, boxes(tmp_path, 4)
    prepared.files[1].file.unlink()
    with pytest.raises(errors.UploadError, match="cannot be read") as output:
        storage.store(prepared, STORE, aws=aws)
    assert output.value.paths == (prepared.files[1].image.path,)
    assert len(keys(aws)) == 3


def test_a_bad_image_is_named_by_its_own_path_and_no_folder_of_ours(aws: rx.Aws, draw) -> None:
    images = draw(patients=1)
    images.images[0].path.write_bytes(b"no image")
    for upload in (storage.store, storage.plan):
        with pytest.raises(errors.AuditError) as caught:
            upload(images, "s3://clinic-xrays/f", aws=aws)
        assert str(images.images[0].path) in str(caught.value)
        assert caught.value.paths == (images.images[0].path,)
        assert "rekognition-xray-" not in str(caught.value)
    assert keys(aws) == {}


@pytest.fixture
def versioned(cloud: LocalCloud, aws: rx.Aws) -> Iterator[rx.Aws]:
    """Each PutObject leaves a version behind: they can be counted."""
    aws.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return aws


WATCH = 'aws.s3.meta.events.register("before-send.s3.PutObject", lambda **_: None)'


@pytest.mark.heavy
@pytest.mark.parametrize("watch", ["", WATCH], ids=["over connections", "by boto3"])
def test_a_killed_upload_is_completed_and_nothing_that_had_arrived_is_sent_again(
    versioned: rx.Aws, cloud: LocalCloud, draw, tmp_path: Path, watch: str
) -> None:
    images, threads = 60, 4
    draw(labels=("normal",), patients=images, images=1)
    code = textwrap.dedent(f"""
        import rekognition_xray as rx
        from rekognition_xray.cloud import storage

        dataset = rx.XrayDataset.from_folder({str(tmp_path / "images")!r})
        aws = rx.Aws()
        {watch}
        storage.store(dataset, {STORE!r}, aws=aws, work={str(tmp_path / "work")!r},
                      threads={threads})
    """)
    slow = cloud.faults.delay("PutObject", 0.05, percent=100)
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        while slow.met < images // 3:
            assert child.poll() is None, "the upload should still be going on"
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.communicate()
    arrived = set(keys(versioned))
    assert 0 < len(arrived) < images
    cloud.faults.clear()
    dataset = rx.XrayDataset.from_folder(tmp_path / "images")
    receipt = storage.store(dataset, STORE, aws=versioned, work=tmp_path / "work")
    assert receipt.uploaded + receipt.skipped == images == len(keys(versioned))
    assert len(arrived) <= receipt.skipped <= len(arrived) + threads, "some were still in flight"
    sent = Counter(
        item["Key"] for item in versioned.s3.list_object_versions(Bucket=BUCKET)["Versions"]
    )
    assert {sent[key] for key in arrived} == {1}, "what had arrived was not sent again"
    assert sent.total() - images <= threads, "of the others at most what was in flight"
    assert dataset.prepare(tmp_path / "work").made == 0


def test_times_of_a_listing_are_those_that_boto3_reads(
    cloud: LocalCloud, aws: rx.Aws, tmp_path: Path
) -> None:
    storage.store(boxes(tmp_path, 1), STORE, aws=aws)
    (ours,) = aws.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    (theirs,) = cloud.session().client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert ours["LastModified"] == theirs["LastModified"]
    place = {"Bucket": BUCKET, "Key": ours["Key"]}
    header = cloud.session().client("s3").head_object(**place)["LastModified"]
    assert aws.s3.head_object(**place)["LastModified"] == header


@pytest.fixture
def notice_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "_notice_given", type(uploading._notice_given)())


@pytest.fixture
def half_real(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> rx.Aws:
    """S3 of the local cloud, Rekognition of AWS itself, which is never called."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_REKOGNITION"):
        monkeypatch.delenv(name)
    return rx.Aws(boto3.Session())


def warnings_of_upload(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    found = [record for record in caplog.records if record.levelno == logging.WARNING]
    return [record for record in found if record.name == uploading.__name__]


def test_the_notice_on_aws_using_content_comes_once(
    half_real: rx.Aws, notice_to_come: None, tmp_path: Path, caplog
) -> None:
    storage.store(boxes(tmp_path, 1), STORE, aws=half_real)
    storage.store(boxes(tmp_path, 2), STORE, aws=half_real)
    (record,) = warnings_of_upload(caplog)
    for output in (
        "improve its services",
        "AISERVICES_OPT_OUT_POLICY",
        '"optOut"',
        "opted_out=True",
    ):
        assert output in record.getMessage()
    assert json.loads(uploading.OPT_OUT_POLICY)


def test_who_has_opted_out_is_not_reported(
    half_real: rx.Aws, notice_to_come: None, tmp_path: Path, caplog
) -> None:
    opted_out = attrs.evolve(half_real, opted_out=True)
    storage.store(boxes(tmp_path, 1), STORE, aws=opted_out)
    assert not warnings_of_upload(caplog)


def test_a_local_cloud_needs_no_notice(
    aws: rx.Aws, notice_to_come: None, tmp_path: Path, caplog
) -> None:
    storage.store(boxes(tmp_path, 1), STORE, aws=aws)
    assert not warnings_of_upload(caplog)
