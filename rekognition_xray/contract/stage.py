"""What a run makes for itself: images, manifests and projects; and how all of it is removed."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

import rekognition_xray as rx
from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.contract.recorder import Recorder, Reply
from rekognition_xray.data.images import prepare_image
from rekognition_xray.errors import AlreadyExistsError, MissingExtraError

PREFIX: Final = "rxray-verify"
TAG: Final = "rxray.verify"
LABELS: Final = ("normal", "pneumonia")
EACH: Final = 12  # images of a label
_TRAINING_BUDGET: Final = 86_400.0
_BUSY: Final = frozenset({"TRAINING_IN_PROGRESS", "COPYING_IN_PROGRESS"})
HEAVY: Final = 4_100_000  # bytes: between 4 MB as 4 * 10**6 and as 4 * 2**20
_DATE: Final = "2026-11-29T00:00:00.000Z"


@attrs.define
class Stage:
    """The images and projects of one run.

    Attributes:
        recorder: makes and writes down the calls.
        bucket: where images, manifests and results lie, under ``rxray-verify/``.
    """

    recorder: Recorder
    bucket: str
    _images: dict[str, list[str]] = attrs.field(factory=dict, init=False)
    _manifests: int = attrs.field(default=0, init=False)

    @property
    def output(self) -> Mapping[str, str]:
        """Where trainings and copies leave their results, as the service takes it."""
        return {"S3Bucket": self.bucket, "S3KeyPrefix": f"{PREFIX}/results"}

    def upload_images(self) -> bytes:
        """Draws phantoms and stores them; gives one of them."""
        body = b""
        for name, label, body in drawn_images():
            key = f"{PREFIX}/images/{name}"
            self.recorder.put(self.bucket, key, body, name=name)
            self._images.setdefault(label, []).append(f"s3://{self.bucket}/{key}")
        return body

    def image(self, label: str, number: int) -> str:
        """The address of an image of a label."""
        return self._images[label][number]

    def lines(self, first: int, last: int, labels: Iterable[str] = LABELS) -> list[str]:
        """Manifest lines of the images of each label from number `first` to before `last`."""
        numbers = range(first, last)
        return [entry(self.image(label, at), label) for at in numbers for label in labels]

    def manifest(self, lines: Iterable[str]) -> Mapping[str, object]:
        """Stores a manifest; gives its place as CreateDataset takes it."""
        self._manifests += 1
        key = f"{PREFIX}/manifests/{self._manifests:02}.manifest"
        text = "".join(f"{line}\n" for line in lines)
        self.recorder.put(self.bucket, key, text.encode())
        return {"GroundTruthManifest": {"S3Object": {"Bucket": self.bucket, "Name": key}}}

    def create_project(self, name: str) -> str:
        """Creates a project, which bears the tag by which its remains are found; gives its ARN."""
        reply = self.recorder.call(
            "CreateProject", ProjectName=f"{PREFIX}-{name}", Tags={TAG: "contract"}
        )
        return str(expect(reply)["ProjectArn"])

    def create_dataset(self, project: str, kind: str, lines: Iterable[str] | None) -> str:
        """Creates a dataset and waits; gives its ARN."""
        source: dict[str, Any] = {} if lines is None else {"DatasetSource": self.manifest(lines)}
        reply = self.recorder.call("CreateDataset", ProjectArn=project, DatasetType=kind, **source)
        arn = str(expect(reply)["DatasetArn"])
        self.settle(arn)
        return arn

    def settle(self, dataset: str) -> str:
        """Waits until a dataset is neither created nor updated; gives its status."""
        settled = ("CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED")
        return self.recorder.wait(
            "DescribeDataset", dataset_status, settled, budget=1800, DatasetArn=dataset
        )

    def delete_dataset(self, dataset: str) -> None:
        """Deletes a dataset and waits until it is gone."""
        expect(self.recorder.call("DeleteDataset", DatasetArn=dataset))
        self.wait_until_gone(dataset)

    def wait_until_gone(self, dataset: str) -> None:
        """Waits until a dataset that is being deleted is gone."""
        self.recorder.wait(
            "DescribeDataset", dataset_status, ("gone",), budget=1800, DatasetArn=dataset
        )


def expect(reply: Reply) -> Mapping[str, Any]:
    """The members of a reply to a call that must go well.

    Raises:
        AwsError: it was refused.
    """
    if reply.error is not None:
        raise reply.error
    return reply.members


def dataset_status(reply: Reply) -> str:
    """The status in a reply of DescribeDataset; ``gone`` where there is none."""
    if reply.code == "ResourceNotFoundException":
        return "gone"
    return str(dict(expect(reply)["DatasetDescription"])["Status"])


def project_status(reply: Reply) -> str:
    """The status in a reply of DescribeProjects that asks for one; ``gone`` for none."""
    found = expect(reply)["ProjectDescriptions"]
    return str(found[0]["Status"]) if found else "gone"


def version_status(reply: Reply) -> str:
    """The status in a reply of DescribeProjectVersions that asks for one; ``gone`` for none."""
    found = expect(reply)["ProjectVersionDescriptions"]
    return str(found[0]["Status"]) if found else "gone"


def entry(address: str, label: str | None) -> str:
    """A manifest line; without a label, that of an image nobody has labelled."""
    line: dict[str, object] = {"source-ref": address}
    if label is not None:
        line["finding"] = 1
        line["finding-metadata"] = {
            "confidence": 1,
            "job-name": "labeling-job/finding",
            "class-name": label,
            "human-annotated": "yes",
            "creation-date": _DATE,
            "type": "groundtruth/image-classification",
        }
    return json.dumps(line)


def drawn_images() -> Iterator[tuple[str, str, bytes]]:
    """Name, label and bytes of the images of a run: phantoms, the same in every run.

    Raises:
        MissingExtraError: they are drawn with the extra ``local``.
    """
    try:
        from rekognition_xray.data.phantoms import make_phantoms  # noqa: PLC0415 (needs an extra)
    except ImportError as error:
        raise MissingExtraError("local", needed_for="Drawing phantoms") from error
    with tempfile.TemporaryDirectory(prefix="rekognition-xray-") as folder:
        make_phantoms(folder, patients=3 * EACH, images_per_patient=(1, 1), heights=(256, 300))
        drawn = rx.XrayDataset.from_folder(folder, names=rx.KERMANY.two_class())
        counted: dict[str, int] = dict.fromkeys(LABELS, 0)
        for image in drawn:
            if counted[image.label] < EACH:
                counted[image.label] += 1
                made = prepare_image(str(image.source))
                name = f"{image.label}-{counted[image.label]:02}.{made.extension}"
                yield name, image.label, made.data


def odd_images() -> dict[str, bytes]:
    """Grey squares near the limits: of 63 and 64 pixels, and one of 4.1 million bytes."""
    from PIL import Image  # noqa: PLC0415 (slow to import)
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415

    def square(side: int, text: str = "") -> bytes:
        weight, made = PngInfo(), io.BytesIO()
        if text:  # weighs without changing a pixel
            weight.add_text("weight", text)
        Image.new("L", (side, side), 90).save(made, "PNG", pnginfo=weight)
        return made.getvalue()

    return {
        "square-63.png": square(63),
        "square-64.png": square(64),
        "heavy.png": square(200, "x" * (HEAVY - len(square(200, "x")))),
    }


def remove_remains(aws: Aws, bucket: str) -> int:
    """Stops and deletes whatever runs of ``verify`` have left; gives the number of projects.

    Finds projects by name and tag, and objects under ``rxray-verify/`` in the bucket. Waits for a
    training that is under way, since AWS cannot cancel one.

    Raises:
        AlreadyExistsError: a project has such a name and not the tag; nothing was removed.
        AwsError: a call was refused.
    """
    projects = _own_projects(aws)
    for project in projects:
        _wait_for_jobs(aws, project)
        _delete_policies(aws, project)
        project.delete(confirm=lambda _: True, stop=True)
    _delete_objects(aws, bucket)
    return len(projects)


def _own_projects(aws: Aws) -> list[rx.CustomLabelsProject]:
    with aws_errors():
        pages = aws.rekognition.get_paginator("describe_projects").paginate()
        described = [each for page in pages for each in page["ProjectDescriptions"]]
    found = [
        rx.CustomLabelsProject(aws, each["ProjectArn"])
        for each in described
        if f":project/{PREFIX}-" in each["ProjectArn"] and each["Status"] != "DELETING"
    ]
    foreign = [project.name for project in found if TAG not in project.tags()]
    if foreign:
        raise AlreadyExistsError(
            f"Projects have names of this command, but it did not make them: {', '.join(foreign)}.",
            hint=f"Delete them, or run in another account. Ours have the tag {TAG}.",
        )
    return found


def _wait_for_jobs(aws: Aws, project: rx.CustomLabelsProject) -> None:
    began = aws.clock.now()
    while any(seen.status in _BUSY for seen in project.describe_versions()):
        if aws.clock.now() - began > _TRAINING_BUDGET:
            return
        aws.clock.sleep(min(30.0, 0.1 + (aws.clock.now() - began) / 4))


def _delete_policies(aws: Aws, project: rx.CustomLabelsProject) -> None:
    with aws_errors(project.arn):
        policies = aws.rekognition.list_project_policies(ProjectArn=project.arn)
        for policy in policies["ProjectPolicies"]:
            aws.rekognition.delete_project_policy(
                ProjectArn=project.arn, PolicyName=policy["PolicyName"]
            )


def _delete_objects(aws: Aws, bucket: str) -> None:
    with aws_errors(f"s3://{bucket}/{PREFIX}/"):
        pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{PREFIX}/")
        for page in pages:
            for found in page.get("Contents", []):
                aws.s3.delete_object(Bucket=bucket, Key=found["Key"])
