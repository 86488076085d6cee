"""The extra ``science`` alone: an audit that finds a copy, an evaluation and its policy."""

from __future__ import annotations

import os

import rekognition_xray as rx

images = rx.XrayDataset.from_folder("chest_xray", names=rx.KERMANY)
copy = images.images[0].path
copy.with_name("IM-9999-0001.jpeg").write_bytes(copy.read_bytes())
try:
    audit = rx.XrayDataset.from_folder("chest_xray", names=rx.KERMANY).audit()
    assert [found.code for found in audit.findings if found.code == "duplicate-files"]
finally:
    copy.with_name("IM-9999-0001.jpeg").unlink()

version = rx.ModelVersion.from_arn(os.environ["VERSION_ARN"], aws=rx.Aws())
evaluation = rx.Evaluation.from_version(version, resamples=100)
assert evaluation.balanced_accuracy.value is not None
assert evaluation.balanced_accuracy.low is not None
assert 0 <= evaluation.policy(sensitivity=0.8).threshold <= 1
