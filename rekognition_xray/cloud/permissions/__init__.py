"""The least permissions that a program needs: IAM policies, a bucket policy, KMS statements."""

from __future__ import annotations

from rekognition_xray.cloud.permissions.calls import OPERATIONS, Purpose
from rekognition_xray.cloud.permissions.policies import (
    MAX_SIZE,
    NO_RESOURCE,
    PolicyDocument,
    Statement,
    bucket_policy,
    key_statement,
    missing_statement,
    policy_for,
)

__all__ = [
    "MAX_SIZE",
    "NO_RESOURCE",
    "OPERATIONS",
    "PolicyDocument",
    "Purpose",
    "Statement",
    "bucket_policy",
    "key_statement",
    "missing_statement",
    "policy_for",
]
