"""One image is diagnosed as it was prepared for training."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis import inputs as module
from rekognition_xray.clinic.policy import REFERRED, TYPE_UNCERTAIN, Policy
from rekognition_xray.cloud.storage import store
from rekognition_xray.data.images import MAX_DETECT_BYTES, prepare_image
from rekognition_xray.errors import (
    EvaluationError,
    ImageError,
    NotReadyError,
    StorageError,
)


def test_making_one_asks_nothing(clinic):
    rx.Diagnoser(attrs.evolve(clinic.version, arn="arn:none"), policy=Policy(threshold=0.5))
    assert clinic.asked == []


@pytest.mark.parametrize("spelling", [str, lambda path: path, lambda path: path.read_bytes()])
def test_a_path_its_text_and_its_bytes_give_the_same_answer(diagnoser, clinic, spelling):
    path = clinic.images[0]
    diagnosis = diagnoser.diagnose(spelling(path))
    assert diagnosis.finding == "normal"
    assert diagnosis.confidences == diagnoser.diagnose(path).confidences
    assert diagnosis.image_sha256 == prepare_image(path).sha256


def test_a_picture_in_memory_is_diagnosed_and_named_by_its_pixels(diagnoser, clinic):
    with Image.open(clinic.images[1]) as picture:
        copy = picture.copy()
    diagnosis = diagnoser.diagnose(copy)
    assert diagnosis.finding == "bacterial"
    assert diagnosis.source == f"image {diagnosis.image_sha256[:12]}"


def test_an_image_that_is_prepared_is_sent_as_it_is_and_not_opened(diagnoser, clinic, monkeypatch):
    ready = prepare_image(clinic.images[1])
    monkeypatch.setattr(module, "prepare_image", None)
    diagnosis = diagnoser.diagnose(ready)
    assert diagnosis.finding == "bacterial"
    assert diagnosis.image_sha256 == ready.sha256
    assert diagnosis.source == f"image {ready.sha256[:12]}"
    assert [answer.finding for answer in diagnoser.diagnose_many([ready])] == ["bacterial"]


def test_a_prepared_image_of_more_than_a_call_carries_is_refused_unsent(diagnoser, clinic):
    ready = attrs.evolve(prepare_image(clinic.images[1]), data=bytes(MAX_DETECT_BYTES + 1))
    with pytest.raises(ImageError, match="max_bytes"):
        diagnoser.diagnose(ready)
    assert clinic.asked == []


def test_many_threads_share_one_diagnoser(clinic):
    aws = rx.Aws(session=clinic.cloud.session())  # its clients are not made yet
    diagnoser = rx.Diagnoser(attrs.evolve(clinic.version, aws=aws), Policy(threshold=0.5))
    expected = [rx.Diagnoser(clinic.version).diagnose(image).confidences for image in clinic.images]
    with ThreadPoolExecutor(12) as pool:
        output = list(pool.map(diagnoser.diagnose, clinic.images * 6))
    assert [one.source for one in output] == [str(image) for image in clinic.images * 6]
    assert [one.confidences for one in output] == expected * 6
    assert len({one.request_id for one in output}) == len(output)


def test_a_diagnosis_tells_where_it_comes_from(diagnoser, clinic):
    diagnosis = diagnoser.diagnose(clinic.images[2])
    assert diagnosis.source == str(clinic.images[2])
    assert diagnosis.version_arn == clinic.version.arn
    assert diagnosis.request_id
    assert diagnosis.seconds > 0
    assert sum(diagnosis.confidences.values()) == pytest.approx(1, abs=1e-3)
    assert list(diagnosis.confidences) == ["normal", "bacterial", "viral"]


def test_without_a_policy_the_finding_is_the_best_label(diagnoser, clinic):
    diagnosis = diagnoser.diagnose(clinic.images[2])
    assert diagnosis.finding == max(diagnosis.confidences, key=diagnosis.confidences.get)
    assert (diagnosis.policy, diagnosis.threshold, diagnosis.referred) == (None, None, False)


def test_a_policy_makes_the_finding_and_is_named(clinic):
    everything = Policy(threshold=0.0, type_share=1.0, name="all sick")
    diagnosis = rx.Diagnoser(clinic.version, everything).diagnose(clinic.images[0])
    assert diagnosis.finding == TYPE_UNCERTAIN
    assert (diagnosis.policy, diagnosis.threshold) == ("all sick", 0.0)


def test_a_referral_carries_its_reason(clinic):
    unsure = Policy(threshold=0.5, refer_from=0.0, refer_to=1.0)
    diagnosis = rx.Diagnoser(clinic.version, unsure).diagnose(clinic.images[0])
    assert diagnosis.referred
    assert diagnosis.finding == REFERRED
    assert "too near" in diagnosis.reason


def test_a_policy_of_another_version_is_refused_at_once(clinic):
    other = Policy(threshold=0.5, version_arn="arn:of:another")
    with pytest.raises(EvaluationError, match="arn:of:another"):
        rx.Diagnoser(clinic.version, other)


def test_training_and_detection_see_the_same_bytes_of_an_image(diagnoser, clinic):
    """prepare_image() is the one function: stored for training, asked alone or among many."""
    images = [rx.Xray(path, "normal", str(number)) for number, path in enumerate(clinic.images[:4])]
    receipt = store(images, "s3://clinic/again", aws=clinic.version.aws, key="k" * 32)
    stored = [receipt.locations[image].key.rpartition("/")[2].partition(".")[0] for image in images]
    paths = [image.path for image in images]
    assert [diagnoser.diagnose(path).image_sha256 for path in paths] == stored
    assert [answer.image_sha256 for answer in diagnoser.diagnose_many(paths)] == stored
    assert [prepare_image(path).sha256 for path in paths] == stored


@pytest.mark.heavy
def test_an_image_over_4_mb_is_scaled_down_for_the_call_only(diagnoser, tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "large.png"
    Image.fromarray(rng.integers(0, 256, (2200, 2200), np.uint8)).save(path, compress_level=1)
    small = prepare_image(path, max_bytes=MAX_DETECT_BYTES)
    assert len(small.data) <= 4 * 2**20 < len(prepare_image(path).data)
    assert diagnoser.diagnose(path).image_sha256 == small.sha256
    (answer,) = diagnoser.diagnose_many([path])
    assert answer.image_sha256 == small.sha256


def test_a_dicom_image_is_diagnosed_and_one_with_burned_in_text_only_when_allowed(clinic, tmp_path):
    pydicom = pytest.importorskip("pydicom")
    with Image.open(clinic.images[1]) as picture:
        grey = picture.convert("L")
    image = pydicom.Dataset()
    image.SOPClassUID, image.SOPInstanceUID = pydicom.uid.ComputedRadiographyImageStorage, "1.2.3"
    image.Modality, image.PhotometricInterpretation = "CR", "MONOCHROME2"
    image.SamplesPerPixel, image.PixelRepresentation = 1, 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    image.Rows, image.Columns, image.BurnedInAnnotation = grey.height, grey.width, "YES"
    image.WindowCenter, image.WindowWidth, image.VOILUTFunction = 127.5, 255, "LINEAR_EXACT"
    image.PixelData = grey.tobytes()
    image["PixelData"].VR = "OB"
    path = tmp_path / "image.dcm"
    image.save_as(path, implicit_vr=False, little_endian=True)
    with pytest.raises(ImageError, match="held back"):
        rx.Diagnoser(clinic.version).diagnose(path)
    diagnosis = rx.Diagnoser(
        clinic.version, options=rx.ImageOptions(allow_burned_in=True)
    ).diagnose(path)
    assert diagnosis.finding == "bacterial"
    assert diagnosis.image_sha256 == prepare_image(grey).sha256


def test_an_image_that_cannot_be_used_is_an_error_and_nothing_is_sent(diagnoser, clinic, tmp_path):
    broken = tmp_path / "text.jpeg"
    broken.write_text("not an image")
    with pytest.raises(ImageError, match=r"text\.jpeg"):
        diagnoser.diagnose(broken)
    assert clinic.asked == []


def test_a_version_that_does_not_run_is_said_so(diagnoser, clinic):
    with clinic.stopped(), pytest.raises(NotReadyError):
        diagnoser.diagnose(clinic.images[0])


def test_a_diagnosis_survives_json(diagnoser, clinic):
    diagnosis = diagnoser.diagnose(clinic.images[0])
    assert rx.Diagnosis.from_dict(json.loads(json.dumps(diagnosis.to_dict()))) == diagnosis


@pytest.mark.parametrize("field", ["finding", "confidences", "referred", "seconds"])
def test_a_diagnosis_without_one_of_its_fields_is_refused_by_name(diagnoser, clinic, field):
    output = diagnoser.diagnose(clinic.images[0]).to_dict() | {field: None}
    with pytest.raises(ValueError, match=field):
        rx.Diagnosis.from_dict(output)


def test_printed_it_ends_with_the_notice(diagnoser, clinic):
    lines = str(diagnoser.diagnose(clinic.images[0])).splitlines()
    assert "normal" in lines[0]
    assert "Not a medical device" in lines[-1]


def test_an_evaluation_reads_the_result_files_where_the_service_says_they_lie(clinic):
    evaluation = rx.Evaluation.from_version(clinic.version, split="patient-wise")
    assert evaluation.name == "v1"
    assert evaluation.version_arn == clinic.version.arn
    assert evaluation.made_by.endswith("not AWS")
    assert evaluation.service.f1 == pytest.approx(clinic.version.describe().f1_score)
    assert evaluation.known_patients == len(evaluation.images)
    assert not evaluation.warnings
    assert evaluation.accuracy.value > 0.8


def test_a_version_without_result_files_is_refused_with_its_status(clinic):
    aws = clinic.version.aws
    aws.s3.put_object(Bucket="clinic", Key="bad.manifest", Body=b"no manifest")
    place = {"GroundTruthManifest": {"S3Object": {"Bucket": "clinic", "Name": "bad.manifest"}}}
    (arn,) = (
        aws.rekognition.create_project_version(
            ProjectArn=aws.rekognition.create_project(ProjectName="hopeless")["ProjectArn"],
            VersionName="v1",
            OutputConfig={"S3Bucket": "clinic", "S3KeyPrefix": "hopeless"},
            TrainingData={"Assets": [place]},
            TestingData={"AutoCreate": True},
        )["ProjectVersionArn"],
    )
    with pytest.raises(EvaluationError, match="TRAINING_FAILED"):
        rx.Evaluation.from_version(rx.ModelVersion.from_arn(arn, aws=aws))


@pytest.fixture
def result_file(clinic):
    """The testing snapshot in S3, put back after the test."""
    place = clinic.version.describe().testing_output
    s3 = clinic.version.aws.s3
    whole = s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    yield place, whole
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=whole)


def test_a_truncated_result_file_is_named_by_its_address(clinic, result_file):
    place, whole = result_file
    clinic.version.aws.s3.put_object(Bucket=place.bucket, Key=place.key, Body=whole[:-200])
    with pytest.raises(EvaluationError, match="cut off") as raised:
        rx.Evaluation.from_version(clinic.version)
    assert str(place) in str(raised.value)


def test_a_missing_result_file_is_named_by_its_address(clinic, result_file):
    place, _ = result_file
    clinic.version.aws.s3.delete_object(Bucket=place.bucket, Key=place.key)
    with pytest.raises(StorageError) as raised:
        rx.Evaluation.from_version(clinic.version)
    assert place.key in str(raised.value)
