"""Nothing that is written in an image's file, name or folder leaves: the whole way, on the wire.

Everything that the library sends goes through a recorder on its way to the local cloud. What was
sent, what lies in S3, and what is kept here is searched for marks that were planted in the images.
"""

from __future__ import annotations

import base64
import gzip
import logging
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
from botocore.exceptions import ClientError
from PIL import Image

pytest.importorskip("pydicom", reason="needs the extra dicom")

import rekognition_xray as rx
from rekognition_xray.cloud.forgetting import ForgetPlan, forget
from rekognition_xray.cloud.storage import store
from rekognition_xray.data.images import read_patient
from rekognition_xray.data.preparing import LEDGER
from rekognition_xray.data.reading import ImageName
from rekognition_xray.errors import AuditError
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

from .support import planting
from .support.learner import MeanLearner
from .support.recording import Recorder, recording

if TYPE_CHECKING:
    from pathlib import PurePath

pytestmark = pytest.mark.heavy

BUCKET = "clinic-xrays"
ARN = "arn:aws:rekognition:us-east-1:123456789012:project/none/version/none/1700000000000"
KINDS: dict[str, Callable[[Image.Image], bytes]] = {
    "jpeg": planting.jpeg,
    "png": planting.png,
    "dcm": planting.dicom,
    "packed.dcm": lambda image: planting.dicom(image, packed=True),
}


@attrs.frozen
class Evidence:
    """All that came of the way.

    Attributes:
        sent: every byte that went out.
        objects: what lies in S3: body, key, metadata and tags of each object.
        prepared: the prepared folder, without the ledger.
        kept: what may name paths: ledger, journal, log and messages.
        answers: how many images were diagnosed.
        control: what an original adds to the wire when it is sent as it is.
    """

    sent: bytes
    objects: dict[str, bytes]
    prepared: dict[str, bytes]
    kept: dict[str, bytes]
    answers: int
    control: dict[str, bytes]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of every kind, of two labels and twelve patients, whose paths bear marks, too."""
    root = tmp_path_factory.mktemp("originals")
    for number in range(24):
        kind = list(KINDS)[number // 2 % 4]
        image = planting.picture(number, bright=number % 2 == 0)
        label = "normal" if number % 2 == 0 else "sick"
        patient = planting.in_path(f"file name of patient {number % 12}")
        path = root / planting.in_path("folder name") / label / f"{patient}-{number:02}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(KINDS[kind](image))
    return root


@pytest.fixture(scope="module")
def evidence(originals: Path, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    place = tmp_path_factory.mktemp("evidence")
    with (
        nothing_of_aws_around(),
        logged(place / "log"),
        LocalCloud(buckets=[BUCKET], learner=MeanLearner()) as cloud,
        recording(cloud.endpoint_url) as recorder,
    ):
        messages, answers = walk(without_waits(recorder), originals, place)
        objects = lying_in_s3(cloud)
        messages.append(forget_one(without_waits(recorder), originals))
        sent = recorder.heard
        control = send_originals(cloud, originals)
    prepared = contents(place / "prepared")
    kept = {
        "ledger": prepared.pop(LEDGER),
        "journal": (place / "journal.jsonl").read_bytes(),
        "log": (place / "log").read_bytes(),
        "messages": "\n".join(messages).encode(),
    }
    return Evidence(sent, objects, prepared, kept, answers, control)


def without_waits(recorder: Recorder) -> rx.Aws:
    return rx.Aws(session=recorder.session(), clock=NoWaitClock())


@contextmanager
def nothing_of_aws_around() -> Iterator[None]:
    """As the fixture for tests; this one is for what lives longer."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("REKOGNITION_XRAY_KEY", "a key for tests only")
        yield


@contextmanager
def logged(file: Path) -> Iterator[None]:
    """Everything that the library logs, in a file."""
    logger, handler = logging.getLogger("rekognition_xray"), logging.FileHandler(file)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
        handler.close()


def walk(aws: rx.Aws, originals: Path, place: Path) -> tuple[list[str], int]:
    """The whole way, from a folder to diagnoses; its messages, and how many answers came."""
    xrays = rx.XrayDataset.from_folder(originals, names=naming(originals))
    xrays.prepare(place / "prepared")
    split = xrays.split(test=0.4, seed=1)
    messages = [repr(xrays), repr(xrays.images), str(xrays.audit()), refused(place)]
    store(xrays, f"s3://{BUCKET}/stored", aws=aws, work=place / "prepared")
    project = rx.CustomLabelsProject.get_or_create("privacy", aws=aws)
    receipt = project.put_datasets(
        train=split.train, test=split.test, store=f"s3://{BUCKET}/images"
    )
    version = project.train("v1", output=f"s3://{BUCKET}/models")
    version.wait_until_trained()
    messages += [str(receipt.plan), str(rx.Evaluation.from_version(version))]
    paths = [xray.path for xray in xrays]
    pictures = [path for path in paths if path.suffix != ".dcm"]
    with version.running(units=1, max_cost="5.00") as model:
        diagnoser = rx.Diagnoser(model)
        reported = [
            *diagnoser.diagnose_many([*paths, *bad(place)], journal=place / "journal.jsonl")
        ]
        reported += [diagnoser.diagnose(path.read_bytes()) for path in paths]
        for path in pictures:
            with Image.open(path) as image:
                reported.append(diagnoser.diagnose(image))
    messages += map(str, reported)
    answers = sum(isinstance(answer, rx.Diagnosis) for answer in reported)
    assert len(reported) - answers == len(bad(place))
    return messages, answers


def naming(root: Path) -> Callable[[PurePath], ImageName]:
    """Label by folder; the patient from the file's name, or from within a DICOM file."""

    def read(path: PurePath) -> ImageName:
        patient = path.stem.split("-")[0]
        if path.suffix == ".dcm":
            patient = f"{read_patient(root / path)} {patient}"
        return ImageName(path.parent.name, patient)

    return read


def bad(place: Path) -> list[Path]:
    """Images that are refused, each for another reason."""
    image = planting.picture(99, bright=True)
    contents = {
        "text.jpeg": planting.inside("text").encode() * 9,
        "cut.jpeg": planting.jpeg(image)[:-2200],
        "cut.png": planting.png(image)[:900],
        "cut.dcm": planting.dicom(image)[:-3000],
        "burned.dcm": planting.dicom(image, BurnedInAnnotation="YES"),
        "modality.dcm": planting.dicom(image, Modality=planting.inside("modality")),
        "colour.dcm": planting.dicom(image, PhotometricInterpretation=planting.inside("colour")),
        "frames.dcm": planting.dicom(image, NumberOfFrames=2),
        "syntax.dcm": planting.dicom(image).replace(
            b"1.2.840.10008.1.2.1", planting.inside("transfer syntax").encode().ljust(19)
        ),
    }
    folder = place / "bad"
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def refused(place: Path) -> str:
    """What is said of images that cannot be used."""
    images = [rx.Xray(path, "normal") for path in bad(place)]
    with pytest.raises(AuditError) as caught:
        rx.XrayDataset(images).prepare(place / "refused")
    assert len(caught.value.paths) == len(images)
    return str(caught.value)


def forget_one(aws: rx.Aws, originals: Path) -> str:
    """What is said of a patient, named in a DICOM file, whose images are removed again."""
    xrays = rx.XrayDataset.from_folder(originals, names=naming(originals))
    image = next(image for image in xrays if image.path.suffix == ".dcm")
    said: list[str] = []

    def confirm(plan: ForgetPlan) -> bool:
        said.append(str(plan))
        return True

    done = forget(image, f"s3://{BUCKET}/images", aws=aws, confirm=confirm)
    assert done.deleted
    return f"{said} {done}"


def lying_in_s3(cloud: LocalCloud) -> dict[str, bytes]:
    """Everything that S3 holds, asked for without the recorder."""
    s3 = cloud.session().client("s3")
    held = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page["Contents"]:
            key = item["Key"]
            reply = s3.get_object(Bucket=BUCKET, Key=key)
            tags = s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
            about = f"{key} {reply['Metadata']} {reply['ContentType']} {tags}"
            held[key] = about.encode() + reply["Body"].read()
    return held


def send_originals(cloud: LocalCloud, originals: Path) -> dict[str, bytes]:
    """What a leak would look like: each kind of original, sent as it is in both ways."""
    heard = {}
    for kind in KINDS:
        content = original(originals, kind).read_bytes()
        with recording(cloud.endpoint_url) as recorder:
            recorder.session().client("s3").put_object(Bucket=BUCKET, Key="leak", Body=content)
            heard[f"{kind} in S3"] = recorder.heard
        with recording(cloud.endpoint_url) as recorder, suppress(ClientError):
            recorder.session().client("rekognition").detect_custom_labels(
                ProjectVersionArn=ARN, Image={"Bytes": content}
            )
        heard[f"{kind} in a question"] = recorder.heard
    return heard


def original(originals: Path, kind: str) -> Path:
    """One image of a kind."""
    return next(originals.rglob(f"*[0-9].{kind}"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def in_files(places: set[str]) -> set[str]:
    """Places within files, without those in paths."""
    return {place for place in places if not place.startswith(("file name", "folder name"))}


# -- what must not be found ----------------------------------------------------------------------


def test_nothing_that_was_planted_went_over_the_wire(evidence):
    assert planting.found(evidence.sent) == set()


def test_nothing_that_was_planted_lies_in_s3(evidence):
    found = {key: planting.found(content) for key, content in evidence.objects.items()}
    assert {key: places for key, places in found.items() if places} == {}


def test_prepared_images_hold_nothing_that_was_planted(evidence):
    found = {
        name: planting.found(name.encode() + content) for name, content in evidence.prepared.items()
    }
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize("what", ["ledger", "journal", "log", "messages"])
def test_what_stays_here_may_name_paths_but_nothing_of_what_is_in_the_files(evidence, what):
    assert in_files(planting.found(evidence.kept[what])) == set()


# -- that it would have been found ----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_search_finds_every_mark_in_an_original(originals, kind):
    planted = set[str]()

    def note(place: str) -> str:
        planted.add(place)
        return was(place)

    with pytest.MonkeyPatch.context() as patch:
        was = planting.inside
        patch.setattr(planting, "inside", note)
        planting.around_pixels.cache_clear()
        content = KINDS[kind](planting.picture(0, bright=True))
    assert planting.found(content) == planted | {"date"}
    assert len(planted) > 25


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["in S3", "in a question"])
def test_an_original_that_is_sent_would_be_found_on_the_wire(evidence, originals, kind, way):
    inside = planting.found(original(originals, kind).read_bytes())
    assert planting.found(evidence.control[f"{kind} {way}"]) >= inside


@pytest.mark.parametrize(
    "spelling",
    [
        str.lower,
        lambda mark: mark.encode("utf-16").hex(),
        lambda mark: "%" + mark.encode().hex("%"),
        lambda mark: base64.b64encode(f"a{mark}".encode()).decode(),
        lambda mark: base64.b64encode(gzip.compress(mark.encode())).decode(),
        lambda mark: base64.b64encode(zlib.compress(base64.b64encode(mark.encode()))).decode(),
    ],
    ids=[
        "lower",
        "utf-16 in hex",
        "percent",
        "base64",
        "gzip in base64",
        "base64 in zlib in base64",
    ],
)
def test_a_mark_is_found_however_it_is_written(spelling):
    mark = planting.inside("somewhere")
    assert planting.found(f'{{"x": "{spelling(mark)}"}}'.encode()) == {"somewhere"}


def test_the_way_was_walked_to_its_end(evidence, originals):
    images = [path for path in originals.rglob("*") if path.is_file()]
    assert evidence.answers == 2 * len(images) + sum(path.suffix != ".dcm" for path in images)
    assert len(evidence.prepared) == len(images)
    for content in evidence.prepared.values():
        assert content in evidence.sent  # to S3
        assert base64.b64encode(content) in evidence.sent  # to DetectCustomLabels
    stored = [key for key in evidence.objects if key.startswith("images/") and "/" in key[6:]]
    assert len([key for key in stored if key.endswith((".jpg", ".png"))]) == len(images)
    assert any(key.endswith(".manifest") for key in evidence.objects)


def test_paths_stand_only_where_they_may(evidence):
    assert planting.found(evidence.kept["ledger"]) >= {"folder name", "file name of patient 0"}
    assert planting.found(evidence.kept["journal"]) >= {"folder name", "file name of patient 0"}
