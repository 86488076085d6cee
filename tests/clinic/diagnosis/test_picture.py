"""The picture of a diagnosis."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic import captions
from rekognition_xray.clinic.policy import REFERRED, TYPE_UNCERTAIN
from rekognition_xray.data.images import prepare_image
from rekognition_xray.errors import DataError, ImageError

ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/chest/version/v1/1690556751958"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "Doe-John.png"
    shade = np.tile(np.linspace(0, 200, 300), (240, 1)).astype(np.uint8)
    Image.fromarray(shade).save(path)
    return path


@pytest.fixture(scope="module")
def diagnosis(image):
    return rx.Diagnosis(
        source=str(image),
        finding="bacterial",
        confidences={"normal": 0.1, "bacterial": 0.7, "viral": 0.2},
        referred=False,
        reason="pneumonia 0.900 is over the threshold 0.500; bacterial has most of it",
        policy="sensitivity 0.95",
        threshold=0.5,
        version_arn=ARN,
        image_sha256=prepare_image(image).sha256,
        request_id="r",
        seconds=0.1,
    )


def pixels_of(picture, colour):
    return int((np.asarray(picture) == np.array(colour)).all(axis=2).sum())


@pytest.fixture
def written(monkeypatch):
    """What stands on the picture."""
    lines = []
    real = captions.write

    def write(picture, at, text, **style):
        lines.append(text)
        real(picture, at, text, **style)

    monkeypatch.setattr("rekognition_xray.clinic.diagnosis.picture.write", write)
    return lines


@pytest.mark.parametrize(
    "spelling", [str, lambda path: path, lambda path: path.read_bytes(), Image.open, prepare_image]
)
def test_the_image_in_a_frame_of_the_findings_colour(diagnosis, image, spelling):
    picture = diagnosis.draw(spelling(image))
    assert picture.mode == "RGB"
    assert picture.width >= 640
    assert picture.getpixel((2, 200)) == captions.VERMILION
    left, right = picture.getpixel((12, 200)), picture.getpixel((630, 200))
    assert len(set(left)) == len(set(right)) == 1
    assert left[0] < 20
    assert right[0] > 180


def test_finding_reason_confidences_policy_and_notice_stand_on_it(diagnosis, image, written):
    diagnosis.draw(image)
    output = " ".join(written)
    for text in ("bacterial", "0.100", "0.700", "0.200", diagnosis.reason, "sensitivity 0.95",
                 "chest/version/v1", "Not a medical device", "never use it to choose"):  # fmt: skip
        assert text in output


def test_no_path_and_no_name_stands_on_it(diagnosis, image, written):
    diagnosis.draw(image)
    assert "Doe" not in " ".join(written)


def test_a_bar_is_as_long_as_its_confidence(diagnosis, image):
    def blue(share):
        confidences = {"normal": 1 - share, "viral": share}
        changed = attrs.evolve(diagnosis, finding="normal", confidences=confidences)
        return pixels_of(changed.draw(image), captions.BLUE)

    assert blue(0.0) == 0
    assert blue(0.8) == pytest.approx(2 * blue(0.4), rel=0.02)


@pytest.mark.parametrize(
    ("finding", "referred", "colour"),
    [
        (REFERRED, True, captions.GREY),
        (TYPE_UNCERTAIN, False, captions.VERMILION),
        ("normal", False, captions.GREEN),
    ],
)
def test_each_finding_has_its_colour(diagnosis, image, finding, referred, colour):
    output = attrs.evolve(diagnosis, finding=finding, referred=referred)
    assert output.draw(image).getpixel((2, 200)) == colour


def test_another_image_is_refused(diagnosis, tmp_path):
    Image.new("L", (100, 100), 7).save(tmp_path / "other.png")
    with pytest.raises(DataError, match="not the image"):
        diagnosis.draw(tmp_path / "other.png")
    with pytest.raises(DataError, match="not the image"):
        diagnosis.draw(prepare_image(tmp_path / "other.png"))


def test_an_image_that_cannot_be_read_is_an_error(diagnosis, tmp_path):
    with pytest.raises(ImageError):
        diagnosis.draw(tmp_path / "none.png")


def test_an_image_that_was_scaled_down_for_the_call_is_recognised(diagnosis, monkeypatch):
    monkeypatch.setattr("rekognition_xray.clinic.diagnosis.picture.MAX_DETECT_BYTES", 40_000)
    noise = Image.effect_noise((400, 400), 90)
    sent = prepare_image(noise, max_bytes=40_000)
    assert (sent.width, sent.height) != noise.size
    for sha256 in (
        sent.sha256,
        prepare_image(noise).sha256,
    ):  # by a call, and by a reference into S3
        assert attrs.evolve(diagnosis, image_sha256=sha256).draw(noise).width == 650


def test_without_a_policy_it_says_so_and_many_labels_and_long_words_fit(diagnosis, image, written):
    many = {f"a label of a rather long name, number {n}": 0.05 for n in range(20)}
    output = attrs.evolve(
        diagnosis, confidences=many, finding=next(iter(many)) * 3, policy=None, threshold=None
    )
    picture = output.draw(image)
    assert "Without a policy" in " ".join(written)
    assert picture.width < 700
    assert np.asarray(picture)[-6:].min() == 255
