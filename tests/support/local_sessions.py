"""A session factory as an application has one: a function of a module, found by its name."""

from __future__ import annotations

import os

import boto3

from rekognition_xray.local.session import local_session


def local() -> boto3.Session:
    """A session of the local cloud whose address stands in the environment."""
    return local_session(
        os.environ["TEST_LOCAL_CLOUD"], access_key="123456789012", region="us-east-1"
    )
