"""The core alone: manifests, upload, project, training, running, diagnosing; no numpy anywhere."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import rekognition_xray as rx
from rekognition_xray.cloud import storage
from rekognition_xray.data.manifests import Manifest

logging.getLogger("rekognition_xray").setLevel(logging.CRITICAL)
aws = rx.Aws()
xrays = rx.XrayDataset.from_folder("chest_xray", names=rx.KERMANY)
train, test = xrays.split(test=0.3, seed=7)

receipt = storage.store(train, "s3://clinic-xrays/images", aws=aws, key="a key of 16 bytes or more")
manifest = Manifest.of(train, receipt.addresses)
manifest.write("train.manifest")
assert len(Path("train.manifest").read_text("utf-8").splitlines()) == len(train)
assert len(rx.XrayDataset.from_manifest("train.manifest")) == len(train)

project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
put = {"store": "s3://clinic-xrays/images", "key": "a key of 16 bytes or more"}
project.put_datasets(train=train, test=test, **put)
version = project.train("v1", output="s3://clinic-xrays/models", max_cost="30.00")
version.wait_until_trained()

policy = rx.Policy(threshold=0.5, refer_from=0.4, refer_to=0.6)
paths = [image.path for image in test]
with version.running(max_cost="5.00") as model:
    diagnoser = rx.Diagnoser(model, policy=policy)
    assert diagnoser.diagnose(paths[0]).confidences
    answers = list(diagnoser.diagnose_many(paths, journal="today.jsonl"))
assert [answer.source for answer in answers] == [str(path) for path in paths]
assert all(isinstance(answer, rx.Diagnosis) for answer in answers)

reported = ""
try:
    xrays.audit()
except rx.XrayError as error:
    reported = error.hint
assert reported == "pip install 'rekognition-xray[science]'"
assert not {"numpy", "scipy", "sklearn", "moto", "flask", "pandas"} & set(sys.modules)
