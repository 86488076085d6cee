"""The extra ``report`` alone: the evaluation page."""

from __future__ import annotations

import os

import rekognition_xray as rx

version = rx.ModelVersion.from_arn(os.environ["VERSION_ARN"], aws=rx.Aws())
page = rx.Evaluation.from_version(version, resamples=100).to_html("evaluation.html")
assert "medical device" in page.read_text("utf-8")
