"""An AWS Lambda handler for S3 events: an image arrives, and its diagnosis is written to S3.

Point the bucket's event s3:ObjectCreated:* with the prefix inbox/ at it. Give the function a
minute, 1 GB of memory, the variables RXRAY_VERSION and RXRAY_POLICY (a file of Policy.to_json,
deployed with the code), and the policy of ``permissions.policy_for("inference", ...)`` with the
right to put objects under diagnoses/. It starts no model, since that takes minutes: start it with a
program that keeps ``version.running()`` open while the clinic is open, at 4 USD an hour and unit.

- An error that may pass is raised, such as a model that does not run: Lambda retries twice, then
  passes the event to the function's failure destination, from which it can be sent again.
- An image that can never be used gets a result with the reason.
- Events may come more than once: an image that has its result is not sent again.
- It refuses its own results, so that a wrong trigger does not make it call itself.

Usage, to try it on this machine: python examples/lambda_s3_events.py
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import rekognition_xray as rx
from rekognition_xray.clinic.notices import NOTICE
from rekognition_xray.cloud.s3 import read_object, write_object
from rekognition_xray.errors import ImageError, StorageError

RESULTS = "diagnoses"
log = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Diagnoses each image of an event; returns what was done with each."""
    aws = rx.Aws()
    version = rx.ModelVersion.from_arn(os.environ["RXRAY_VERSION"], aws=aws)
    policy = rx.Policy.from_json(Path(os.environ["RXRAY_POLICY"]).read_text("utf-8"))
    diagnoser = rx.Diagnoser(version, policy=policy)
    return {
        str(image): answer(diagnoser, image, etag) for image, etag in images_of(event["Records"])
    }


def images_of(records: Iterable[Mapping[str, Any]]) -> Iterable[tuple[rx.S3Location, str]]:
    """The images' locations and ETags; S3 encodes keys as in a web form."""
    for record in records:
        bucket, item = record["s3"]["bucket"]["name"], record["s3"]["object"]
        yield rx.S3Location(bucket, unquote_plus(item["key"])), item["eTag"]


def answer(diagnoser: rx.Diagnoser, image: rx.S3Location, etag: str) -> str:
    """Diagnoses one image and writes the result, unless it exists."""
    if image.key.startswith(f"{RESULTS}/"):
        log.error("%s is a result, not an image: correct the trigger", image)
        return "refused"
    aws, arn = diagnoser.version.aws, diagnoser.version.arn
    place = rx.S3Location(image.bucket, f"{RESULTS}/{image.key}.json")
    known = written(aws, place)
    if (known.get("etag"), known.get("version_arn")) == (etag, arn):
        return "known"
    try:
        fields = diagnoser.diagnose(image).to_dict()
    except ImageError as error:
        fields = {"finding": None, "code": error.code, "reason": error.reason, "version_arn": arn}
    result = json.dumps(fields | {"etag": etag, "notice": NOTICE}, indent=2)
    write_object(aws, place, result.encode(), content_type="application/json")
    return str(fields["finding"] or "unusable")


def written(aws: rx.Aws, place: rx.S3Location) -> Mapping[str, object]:
    """An earlier result; empty if there is none."""
    try:
        return json.loads(read_object(aws, place))
    except StorageError as error:
        if error.code != "NoSuchKey":
            raise
        return {}


if __name__ == "__main__":
    from _practice import practice

    with practice() as images:
        aws = rx.Aws()
        inbox = {
            "inbox/first image.jpeg": images.images[0].path.read_bytes(),
            "inbox/notes.txt": b"no image",
            f"{RESULTS}/inbox/old.json": b"{}",
        }
        records = []
        for key, content in inbox.items():
            put = aws.s3.put_object(Bucket="clinic-xrays", Key=key, Body=content)
            item = {"key": key.replace(" ", "+"), "eTag": put["ETag"].strip('"')}
            records.append({"s3": {"bucket": {"name": "clinic-xrays"}, "object": item}})
        event = {"Records": records}
        try:
            handler(event, None)
        except rx.XrayError as error:
            print(f"before the model runs: {type(error).__name__}, so the event is tried again")
        version = rx.ModelVersion.from_arn(os.environ["RXRAY_VERSION"], aws=aws)
        with version.running(max_cost="1.00"):
            print("once it runs:", handler(event, None))
            print("the same event again:", handler(event, None))
        for key in inbox:
            if not key.startswith(RESULTS):
                print(key, read_object(aws, rx.S3Location("clinic-xrays", f"{RESULTS}/{key}.json")))
