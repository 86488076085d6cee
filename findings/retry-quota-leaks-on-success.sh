#!/usr/bin/env bash
# Retries that end well still use up botocore's retry quota, until max_attempts no longer counts.
#
# A good guess: botocore's `standard` mode (the default in 1.44) has a quota that stops retries
#   while a service is down, i.e. when calls fail. botocore's Config documentation says that
#   total_max_attempts is how many attempts a request gets. So a client with total_max_attempts=5,
#   none of whose calls ever failed, should go on giving each call its five attempts.
# What happens: each retry after a 5xx takes 14 of the client's 500 tokens, and a call that ends
#   well gives back only what its LAST retry took. Three retries cost 42 and return 14, so after
#   17 calls that all succeeded, call 18 gives up after its second attempt and each later call
#   after its first, although each would have succeeded at its fourth. Calls that need no
#   retry refill the quota by one token each; time does not.
# Whom it hurts: a worker that keeps one client for a long batch of DetectCustomLabels against a
#   model that answers InternalServerError now and then; raising max_attempts does not help.
# Versions: boto3 1.44.8, botocore 1.44.8. Date: 2026-11-28.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --disable-pip-version-check boto3==1.44.8 botocore==1.44.8 2>/dev/null
AWS_CONFIG_FILE="$tmp/none" AWS_SHARED_CREDENTIALS_FILE="$tmp/none" \
  env -u AWS_PROFILE -u AWS_RETRY_MODE -u AWS_MAX_ATTEMPTS "$tmp/venv/bin/python" - <<'PY'
import io, json, sys
import boto3, botocore
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

ATTEMPTS, FAILURES, CALLS = 5, 3, 22   # each call would succeed at its fourth attempt of five
client = boto3.client("rekognition", region_name="us-east-1", aws_access_key_id="x",
                      aws_secret_access_key="x", config=Config(retries={"total_max_attempts": ATTEMPTS}))
sent = 0

class Body(io.BytesIO):
    def stream(self, **_):
        yield self.getvalue()

def answer(request, **_):   # stands in for the service: nothing leaves the process
    global sent
    sent += 1
    status, body = (500, {"__type": "InternalServerError"}) if sent <= FAILURES else (200, {"CustomLabels": []})
    return AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.1"}, Body(json.dumps(body).encode()))

client.meta.events.register("before-send.rekognition.DetectCustomLabels", answer)
seen = []
for _ in range(CALLS):
    sent = 0
    try:
        client.detect_custom_labels(
            ProjectVersionArn="arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1",
            Image={"Bytes": b"x"})
        seen.append(("ok", sent))
    except ClientError as error:
        meta = error.response["ResponseMetadata"]
        seen.append(("quota" if meta.get("RetryQuotaReached") else "failed", sent))
print(f"version:  botocore {botocore.__version__}, retry mode {client.meta.config.retries['mode']}")
print(f"expected: {CALLS} calls succeed, each at attempt {FAILURES + 1} of {ATTEMPTS}")
print(f"seen:     {seen.count(('ok', 4))} calls succeed, call 18 gives up after {seen[17][1]} attempts, "
      f"calls 19 to {CALLS} after {sorted({n for _, n in seen[18:]})}")
sys.exit(seen != [("ok", 4)] * 17 + [("quota", 2)] + [("quota", 1)] * 4)
PY
