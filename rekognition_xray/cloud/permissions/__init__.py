"""The least IAM policy, bucket policy and key statement for what a program does."""

from __future__ import annotations

from rekognition_xray.cloud.permissions.calls import OPERATIONS
from rekognition_xray.cloud.permissions.policies import (
    MAX_SIZE,
    bucket_policy,
    key_statement,
    policy_for,
)

__all__ = [
    "MAX_SIZE",
    "OPERATIONS",
    "bucket_policy",
    "key_statement",
    "policy_for",
]
