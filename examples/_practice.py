"""The local cloud with a small model that other examples run on. Nothing reaches AWS.

Inside the block the environment is like that of a real program: AWS_* sends boto3 to the local
cloud, RXRAY_VERSION is the ARN of a trained version, RXRAY_POLICY the file of its policy. The
images are phantoms; IMAGES=path/to/chest_xray takes real ones.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

KEY = "a public key, good for practice alone"


@contextmanager
def practice() -> Iterator[rx.XrayDataset]:
    """Trains a version; yields the images that it has not seen."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalCloud(buckets=["clinic-xrays"]) as cloud,
        mock.patch.dict(os.environ, {**cloud.environment(), "REKOGNITION_XRAY_KEY": KEY}),
    ):
        folder = os.environ.get("IMAGES") or make_phantoms(
            Path(scratch, "images"), patients=90, images_per_patient=(1, 1), heights=(300, 480)
        )
        train, test = rx.XrayDataset.from_folder(folder).split(test=0.2, seed=7)
        project = rx.CustomLabelsProject.get_or_create("chest", aws=rx.Aws())
        project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
        version = project.train("v1", output="s3://clinic-xrays/models")
        version.wait_until_trained()
        # Evaluation.policy() chooses thresholds; for that these images are too few.
        by_hand = rx.Policy(threshold=0.5, refer_from=0.3, refer_to=0.7, version_arn=version.arn)
        policy = Path(scratch, "policy.json")
        policy.write_text(by_hand.to_json(), encoding="utf-8")
        os.environ.update(RXRAY_VERSION=version.arn, RXRAY_POLICY=str(policy))
        yield test
