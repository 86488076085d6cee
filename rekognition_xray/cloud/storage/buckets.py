"""What a place must be before images go there: in a Region of the service, ours, not public."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from rekognition_xray.cloud.aws import Aws, aws_errors, offers_custom_labels
from rekognition_xray.cloud.s3 import check_bucket
from rekognition_xray.errors import AccessDeniedError, AwsError, StorageError

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

_EVERYBODY: Final = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",  # anybody with an AWS account
)
_NOTHING_SET: Final = frozenset({"NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy"})
_NOT_OFFERED: Final = frozenset({"NotImplemented", "MethodNotAllowed"})


def check_place(aws: Aws, bucket: str, *, allow_public: bool = False) -> None:
    """Makes sure that images may go into a bucket; changes nothing.

    Calls HeadBucket, then GetPublicAccessBlock and, where that leaves a door open,
    GetBucketPolicyStatus and GetBucketAcl. The caller needs ``s3:ListBucket``, and
    ``s3:GetBucketPublicAccessBlock``, ``s3:GetBucketPolicyStatus`` and ``s3:GetBucketAcl`` for the
    question whether it is public. Without these three the answer is unknown: a warning says so and
    the images go, since only a bucket that is known to be public is refused.

    Args:
        aws: the AWS session.
        bucket: the bucket.
        allow_public: asks nothing about public access.

    Raises:
        StorageError: Custom Labels is not offered in the Region (asked of AWS itself only: a custom
            endpoint may call its Region what it likes); the bucket is missing, lies in another
            Region, or is public.
        AccessDeniedError: it belongs to somebody else, or ``s3:ListBucket`` is missing.
    """
    check_region(aws)
    check_bucket(aws, bucket)
    if not allow_public:
        check_private(aws, bucket)


def check_region(aws: Aws) -> None:
    """Makes sure that Custom Labels is offered where the clients speak to; makes no call.

    Raises:
        StorageError: it is not, by ``aws.regions``.
    """
    if aws.endpoint_url is None and not offers_custom_labels(aws):
        raise StorageError(
            f"Custom Labels is not offered in {aws.region}, as far as is known: images stored "
            "there are of no use to it.",
            hint=f"Use one of {', '.join(sorted(aws.regions))}; if AWS has added {aws.region} "
            f"since, say Aws(..., regions=[{aws.region!r}]).",
        )


def check_private(aws: Aws, bucket: str) -> None:
    """Makes sure that a bucket is not known to be public.

    The account's own block of public access is not looked at: a bucket that only that keeps
    closed counts as public here.

    Raises:
        StorageError: its policy or its access control list lets everybody in.
    """
    closed = _ask_s3(f"s3://{bucket}", lambda: _public_access_blocked(aws, bucket), (False, False))
    doors = []
    if closed is None or not closed[0]:
        doors.append(_ask_s3(f"s3://{bucket}", lambda: _by_list(aws, bucket), ""))
    if closed is None or not closed[1]:
        doors.append(_ask_s3(f"s3://{bucket}", lambda: _by_policy(aws, bucket), ""))
    public = " and ".join(door for door in doors if door)
    if public:
        raise StorageError(
            f"The bucket {bucket!r} is public by its {public}; nothing was uploaded.",
            hint=f"Close it (aws s3api put-public-access-block --bucket {bucket} "
            "--public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,"
            "BlockPublicPolicy=true,RestrictPublicBuckets=true), or pass allow_public=True if "
            "everybody may see these images.",
        )
    if None in doors:
        log.warning(
            "whether the bucket %s is public is unknown: allow GetBucketPublicAccessBlock, "
            "GetBucketPolicyStatus and GetBucketAcl to have it checked",
            bucket,
        )


def _public_access_blocked(aws: Aws, bucket: str) -> tuple[bool, bool]:
    """Whether public lists are ignored, and whether a public policy is."""
    reply = aws.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    return reply.get("IgnorePublicAcls", False), reply.get("RestrictPublicBuckets", False)


def _by_list(aws: Aws, bucket: str) -> str:
    grants = aws.s3.get_bucket_acl(Bucket=bucket).get("Grants", [])
    public = any(grant.get("Grantee", {}).get("URI") in _EVERYBODY for grant in grants)
    return "access control list" if public else ""


def _by_policy(aws: Aws, bucket: str) -> str:
    reply = aws.s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]
    return "policy" if reply.get("IsPublic") else ""


def _ask_s3(about: str, ask: Callable[[], _Answer], absent: _Answer) -> _Answer | None:
    """What S3 says, ``absent`` where nothing was ever set, None where it does not say."""
    try:
        with aws_errors(about):
            return ask()
    except AwsError as error:
        if error.code in _NOTHING_SET:
            return absent
        if isinstance(error, AccessDeniedError) or error.code in _NOT_OFFERED:
            log.debug("%s", error.message)
            return None
        raise
