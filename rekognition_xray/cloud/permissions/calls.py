"""Which operations each purpose calls, and which IAM actions each operation needs. Data only.

Sources: AWS's service authorization reference for Rekognition and S3, and the guide's list of
rights in a bucket of one's own. A test compares the operations with the calls of real runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Purpose = Literal["prepare", "train", "inference", "meter", "forget"]
Resource = Literal["any", "project", "dataset", "version", "bucket", "images", "results"]
Needs = dict[str, tuple[Resource, ...]]
"""IAM actions, each with the kinds of resources that it is needed on."""

_OBJECTS: Final[tuple[Resource, ...]] = ("images", "results")

_REKOGNITION: Final[Mapping[Resource, tuple[str, ...]]] = {
    "any": ("CreateProject", "DescribeProjects"),
    "project": (
        "CreateDataset",
        "CreateProjectVersion",
        "DeleteProject",
        "DeleteProjectPolicy",
        "DescribeProjectVersions",
        "ListProjectPolicies",
        "PutProjectPolicy",
    ),
    "dataset": (
        "DeleteDataset",
        "DescribeDataset",
        "DistributeDatasetEntries",
        "ListDatasetEntries",
        "ListDatasetLabels",
        "UpdateDatasetEntries",
    ),
    "version": (
        "DeleteProjectVersion",
        "DetectCustomLabels",
        "StartProjectVersion",
        "StopProjectVersion",
    ),
}
_TAGGING: Final = ("ListTagsForResource", "TagResource", "UntagResource")

ACTIONS: Final[Mapping[str, Needs]] = {
    **{
        operation: {f"rekognition:{operation}": (resource,)}
        for resource, operations in _REKOGNITION.items()
        for operation in operations
    },
    **{name: {f"rekognition:{name}": ("project", "dataset", "version")} for name in _TAGGING},
    "CopyProjectVersion": {
        "rekognition:CopyProjectVersion": ("project", "version"),
        "rekognition:CreateProjectVersion": ("project",),
        "rekognition:TagResource": ("version",),
    },
    "HeadBucket": {"s3:ListBucket": ("bucket",)},
    "ListObjectsV2": {"s3:ListBucket": ("bucket",)},
    "ListObjectVersions": {"s3:ListBucketVersions": ("bucket",)},
    "GetBucketAcl": {"s3:GetBucketAcl": ("bucket",)},
    "GetBucketPolicyStatus": {"s3:GetBucketPolicyStatus": ("bucket",)},
    "GetPublicAccessBlock": {"s3:GetBucketPublicAccessBlock": ("bucket",)},
    "GetObject": {"s3:GetObject": _OBJECTS},
    "HeadObject": {"s3:GetObject": _OBJECTS},
    "PutObject": {"s3:PutObject": ("images",)},
    "DeleteObject": {"s3:DeleteObject": ("images",)},
    "DeleteObjects": {"s3:DeleteObject": ("images",), "s3:DeleteObjectVersion": ("images",)},
}
"""What the caller of an operation of Rekognition or S3 has to be allowed."""

_READS: Final[Needs] = {
    "s3:GetBucketAcl": ("bucket",),
    "s3:GetBucketLocation": ("bucket",),
    "s3:ListBucket": ("bucket",),
    "s3:GetObject": ("images",),
    "s3:GetObjectAcl": ("images",),
    "s3:GetObjectTagging": ("images",),
    "s3:GetObjectVersion": ("images",),
}

BEHIND: Final[Mapping[str, Needs]] = {
    "CreateProject": {"rekognition:TagResource": ("project",)},
    "CreateDataset": _READS,
    "UpdateDatasetEntries": _READS,
    "CreateProjectVersion": {
        **_READS,
        "s3:PutObject": ("results",),
        "rekognition:TagResource": ("version",),
    },
    "CopyProjectVersion": {"s3:PutObject": ("results",)},
    "DetectCustomLabels": {"s3:GetObject": ("images",)},
    # With the id of a version of the object, as forgetting asks.
    "ListObjectVersions": {"s3:GetObjectVersion": ("images",)},
}
"""What the service, or a member of the request, needs besides in the caller's name."""

TAGS: Final[Mapping[Purpose, Mapping[str, tuple[Resource, ...]]]] = {
    "train": {
        "ListTagsForResource": ("project", "dataset", "version"),
        "TagResource": ("project", "dataset"),
    },
    "inference": dict.fromkeys(_TAGGING, ("version",)),
    "meter": dict.fromkeys(_TAGGING, ("version",)),
    "forget": {"ListTagsForResource": ("dataset",)},
}
"""What each purpose reads or writes the tags of."""

_STORE: Final = frozenset(
    {
        "GetBucketAcl",
        "GetBucketPolicyStatus",
        "GetObject",
        "GetPublicAccessBlock",
        "HeadBucket",
        "HeadObject",
        "ListObjectsV2",
        "PutObject",
    }
)

OPERATIONS: Final[Mapping[Purpose, frozenset[str]]] = {
    "prepare": _STORE,
    "train": _STORE
    | {
        "CreateDataset",
        "CreateProject",
        "CreateProjectVersion",
        "DescribeDataset",
        "DescribeProjectVersions",
        "DescribeProjects",
        "ListDatasetEntries",
        "ListDatasetLabels",
        "ListTagsForResource",
        "TagResource",
        "UpdateDatasetEntries",
    },
    "inference": frozenset(
        {
            "DescribeProjectVersions",
            "DescribeProjects",
            "DetectCustomLabels",
            "ListTagsForResource",
            "StartProjectVersion",
            "StopProjectVersion",
            "TagResource",
            "UntagResource",
        }
    ),
    "meter": frozenset(
        {
            "DescribeProjectVersions",
            "DescribeProjects",
            "ListTagsForResource",
            "StopProjectVersion",
            "UntagResource",
        }
    ),
    "forget": frozenset(
        {
            "CreateDataset",
            "DeleteDataset",
            "DeleteObjects",
            "DescribeDataset",
            "DescribeProjectVersions",
            "DescribeProjects",
            "GetObject",
            "HeadBucket",
            "ListDatasetEntries",
            "ListObjectVersions",
            "ListTagsForResource",
            "PutObject",
        }
    ),
}
"""The operations that each purpose calls, of Rekognition and of S3."""

IMAGES_IN_S3: Final = frozenset({"GetObject", "HeadBucket"})
"""What ``inference`` calls besides where images that lie in S3 are diagnosed."""
