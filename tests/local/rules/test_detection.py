from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from rekognition_xray.local import Limits

LABELS = ("bacterial", "normal", "viral")


@pytest.fixture
def running(desk):
    return desk.running(per_label=4, labels=LABELS)


def detect(desk, arn, data=None, *, key=None, **members):
    image = {"Bytes": data} if key is None else {"S3Object": {"Bucket": "images", "Name": key}}
    return desk.call("DetectCustomLabels", ProjectVersionArn=arn, Image=image, **members)[
        "CustomLabels"
    ]


def refusal(desk, arn, data=None, *, key=None, **members):
    image = {"Bytes": data} if key is None else {"S3Object": {"Bucket": "images", "Name": key}}
    return desk.refused("DetectCustomLabels", ProjectVersionArn=arn, Image=image, **members)


@pytest.mark.parametrize("label", LABELS)
def test_the_model_answers_by_the_pixels_that_it_is_sent(desk, running, image, label):
    best = detect(desk, running, image(label, 99), MinConfidence=0)[0]
    assert best["Name"] == label
    assert best["Confidence"] > 50


def test_at_confidence_zero_all_labels_come_best_first_and_sum_to_100(desk, running, image):
    found = detect(desk, running, image("viral", 7), MinConfidence=0)
    shares = [one["Confidence"] for one in found]
    assert {one["Name"] for one in found} == set(LABELS)
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100)


def test_an_image_level_model_gives_no_geometry(desk, running, image):
    assert all(
        one.keys() == {"Name", "Confidence"} for one in detect(desk, running, image("viral"))
    )


def test_bytes_and_the_same_object_in_s3_give_the_same_answer(desk, running, image):
    data = image("bacterial", 5)
    desk.put("in s3/ä+b.png", data)
    assert detect(desk, running, key="in s3/ä+b.png") == detect(desk, running, data)


def test_without_a_confidence_each_label_is_cut_at_its_own_threshold(desk, running, image):
    import json

    place = desk.version(running)["EvaluationResult"]["Summary"]
    summary = json.loads(desk.object(place))
    thresholds = {
        one["Label"]: one["Metrics"]["Threshold"] for one in summary["LabelEvaluationResults"]
    }
    data = image("viral", 1)
    everything = detect(desk, running, data, MinConfidence=0)
    expected = [one for one in everything if one["Confidence"] >= 100 * thresholds[one["Name"]]]
    assert detect(desk, running, data) == expected
    assert len(expected) < len(everything)


def test_a_confidence_replaces_the_thresholds_and_is_inclusive(desk, running, image):
    data = image("viral", 1)
    everything = detect(desk, running, data, MinConfidence=0)
    assert detect(desk, running, data, MinConfidence=everything[1]["Confidence"]) == everything[:2]


def test_nothing_above_the_cut_is_an_empty_list(desk, running, image):
    assert detect(desk, running, image("other"), MinConfidence=100) == []


@pytest.mark.parametrize(("most", "count"), [(1, 1), (2, 2), (9, 3), (0, 3)])
def test_max_results_keeps_the_most_confident(desk, running, image, most, count):
    data = image("viral")
    found = detect(desk, running, data, MinConfidence=0, MaxResults=most)
    assert found == detect(desk, running, data, MinConfidence=0)[:count]


@pytest.mark.parametrize("confidence", [-1, 100.5])
def test_a_confidence_outside_0_to_100_is_refused(desk, running, image, confidence):
    refused = refusal(desk, running, image("viral"), MinConfidence=confidence)
    assert refused == "InvalidParameterException"


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16"])
def test_png_is_taken_in_any_mode(desk, running, mode):
    buffer = io.BytesIO()
    Image.new(mode, (70, 70)).save(buffer, "PNG")
    assert len(detect(desk, running, buffer.getvalue(), MinConfidence=0)) == 3


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_another_format_is_refused(desk, running, image, kind):
    assert refusal(desk, running, image("viral", kind=kind)) == "InvalidImageFormatException"


@pytest.mark.parametrize("data", [b"text", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_bytes_that_are_no_image_are_refused(desk, running, data):
    assert refusal(desk, running, data) == "InvalidImageFormatException"


def test_a_truncated_image_is_refused(desk, running, image):
    data = image("viral", size=(400, 400))[:-2000]
    assert refusal(desk, running, data) == "InvalidImageFormatException"


@pytest.mark.parametrize("size", [(63, 200), (200, 63), (4097, 300), (64, 1281)])
def test_a_size_outside_the_limits_is_refused(desk, running, image, size):
    assert refusal(desk, running, image("viral", size=size)) == "InvalidParameterException"


@pytest.mark.parametrize("size", [(64, 64), (4096, 300), (64, 1280)])
def test_a_size_at_the_limits_is_taken(desk, running, image, size):
    assert detect(desk, running, image("viral", size=size), MinConfidence=0)


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_decompression_bomb_is_refused_unopened(desk, running):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + png_chunk(b"IEND", b"")
    bomb = b"\x89PNG\r\n\x1a\n" + header + pixels
    assert refusal(desk, running, bomb) == "ImageTooLargeException"


def test_more_than_four_mebibytes_are_refused_as_bytes_and_taken_from_s3(desk, running, image):
    data = image("viral") + b"\0" * (4 << 20)
    assert refusal(desk, running, data) == "ImageTooLargeException"
    desk.put("large.jpeg", data)
    assert detect(desk, running, key="large.jpeg", MinConfidence=0)


def test_more_than_fifteen_mebibytes_are_refused_from_s3(desk, running, image):
    desk.put("larger.jpeg", image("viral") + b"\0" * (15 << 20))
    assert refusal(desk, running, key="larger.jpeg") == "ImageTooLargeException"


def test_an_object_that_is_not_there_is_refused(desk, running):
    assert refusal(desk, running, key="ghost") == "InvalidS3ObjectException"


def test_an_image_that_is_neither_bytes_nor_object_is_refused(desk, running):
    refused = desk.refused("DetectCustomLabels", ProjectVersionArn=running, Image={})
    assert refused == "InvalidParameterException"


def test_a_version_that_does_not_run_is_not_ready(desk, image):
    arn = desk.trained()
    assert refusal(desk, arn, image("viral")) == "ResourceNotReadyException"


def test_a_stopped_version_is_not_ready_and_can_be_started_again(desk, image):
    arn = desk.running()
    before = detect(desk, arn, image("viral"), MinConfidence=0)
    assert desk.call("StopProjectVersion", ProjectVersionArn=arn)["Status"] == "STOPPING"
    assert desk.version(arn)["Status"] == "STOPPED"
    assert refusal(desk, arn, image("viral")) == "ResourceNotReadyException"
    desk.call("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=2)
    assert desk.version(arn)["MinInferenceUnits"] == 2
    assert detect(desk, arn, image("viral"), MinConfidence=0) == before


def test_an_unknown_version_is_not_found(desk, image):
    arn = "arn:aws:rekognition:us-east-1:123456789012:project/a/version/b/1234567890123"
    assert refusal(desk, arn, image("viral")) == "ResourceNotFoundException"


def test_the_limit_on_bytes_is_a_setting(open_desk, image):
    desk = open_desk(limits=Limits(image_bytes=1000))
    assert (
        refusal(desk, desk.running(), image("viral", size=(300, 300))) == "ImageTooLargeException"
    )


def test_many_threads_get_the_answers_that_one_gets(desk, running, image):
    from concurrent.futures import ThreadPoolExecutor

    images = [image(LABELS[number % 3], number) for number in range(24)]
    alone = [detect(desk, running, data, MinConfidence=0) for data in images]
    with ThreadPoolExecutor(8) as threads:
        together = list(
            threads.map(lambda data: detect(desk, running, data, MinConfidence=0), images)
        )
    assert together == alone


def test_confidences_have_no_tail_of_binary_arithmetic(desk, running, image):
    found = detect(desk, running, image("viral"), MinConfidence=0)
    assert all(one["Confidence"] == round(one["Confidence"], 5) for one in found)


def test_an_image_in_a_bucket_of_another_region_is_refused(desk, running, image):
    place = {"LocationConstraint": "eu-west-1"}
    desk.s3.create_bucket(Bucket="far-away", CreateBucketConfiguration=place)
    desk.put("a.jpeg", image("viral"), bucket="far-away")
    code = desk.refused(
        "DetectCustomLabels",
        ProjectVersionArn=running,
        Image={"S3Object": {"Bucket": "far-away", "Name": "a.jpeg"}},
    )
    assert code == "InvalidS3ObjectException"
