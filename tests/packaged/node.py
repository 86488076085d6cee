"""The extra ``node`` alone: a node opens its port and its folders."""

from __future__ import annotations

import os

import rekognition_xray as rx
from rekognition_xray.clinic.node import run_node

version = rx.ModelVersion.from_arn(os.environ["VERSION_ARN"], aws=rx.Aws())
with run_node(rx.Diagnoser(version), "node", callers=["WARD"], port=0, identified=True) as node:
    assert node.port
    assert node.queue.inbox.is_dir()
