"""The extra ``onnx`` alone: the learner ``pretrained`` is there, and a training names its extra."""

from __future__ import annotations

import logging

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.errors import TrainingFailedError
from rekognition_xray.local import LocalCloud

logging.getLogger("rekognition_xray").setLevel(logging.CRITICAL)
make_phantoms("phantoms", patients=30, images_per_patient=(1, 2), heights=(80, 120))
train, test = rx.XrayDataset.from_folder("phantoms").split(test=0.3, seed=7)
with LocalCloud(buckets=["clinic-xrays"], learner="pretrained") as cloud:
    aws = rx.Aws(session=cloud.session())
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    key = "a key of 16 bytes or more"
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images", key=key)
    version = project.train("v1", output="s3://clinic-xrays/models")
    said = ""
    try:
        version.wait_until_trained()
    except TrainingFailedError as error:
        said = str(error)
assert "rekognition-xray[pretrained]" in said, said
