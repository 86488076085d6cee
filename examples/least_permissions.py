"""The least IAM policy for each of five jobs, and the policies of the bucket and the key.

Nothing is sent to AWS. With a purpose, prints only that policy, as ``aws iam create-policy
--policy-document`` takes it.

Usage: python examples/least_permissions.py [prepare|train|inference|meter|forget]
"""

from __future__ import annotations

import json
import sys

from rekognition_xray.cloud.permissions import (
    MAX_SIZE,
    OPERATIONS,
    bucket_policy,
    key_statement,
    policy_for,
)

where = {
    "account": "123456789012",
    "region": "us-east-1",
    "bucket": "clinic-xrays",
    "prefix": "kermany",
    "output_prefix": "models",
    "project": "pneumonia",
}
key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

if len(sys.argv) > 1:
    print(json.dumps(policy_for(sys.argv[1], **where, kms_key=key), indent=2))
    sys.exit()

for purpose in OPERATIONS:
    scope = {**where, "bucket": None} if purpose in {"inference", "meter"} else where
    policy = policy_for(purpose, **scope, kms_key=key)
    size = len(json.dumps(policy, separators=(",", ":")))
    print(f"{purpose}: {size:,} of IAM's {MAX_SIZE:,} characters")
    for statement in policy["Statement"]:
        print(f"  {statement['Sid']}")
        print(f"    may  {', '.join(statement['Action'])}")
        print(f"    on   {', '.join(statement['Resource'])}")
    print()

print("The policy of the bucket, which refuses:")
print(json.dumps(bucket_policy("clinic-xrays", kms_key=key), indent=2))
print("\nThe statement of the key, for the training role:")
print(
    json.dumps(key_statement("train", principal="arn:aws:iam::123456789012:role/trainer"), indent=2)
)
