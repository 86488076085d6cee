"""Our signature is botocore's, whatever is signed."""

from __future__ import annotations

import datetime as dt
import hashlib

import attrs
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.cloud.storage.put_pattern import PutPattern

keys = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1).map("images/".__add__)
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
secrets = st.builds(Credentials, words, words, st.none() | words)
KMS = {"x-amz-server-side-encryption": "aws:kms", "x-amz-tagging": "a=b&c=d"}


def pattern(credentials: Credentials, fixed: dict[str, str]) -> PutPattern:
    own = {"content-type", "host", "x-amz-checksum-sha256", "x-amz-content-sha256", "x-amz-date"}
    signed = own | set(fixed) | ({"x-amz-security-token"} if credentials.token else set())
    return PutPattern(
        host="s3.example",
        port=8443,
        tls=None,
        authority="s3.example:8443",
        folder="/bucket/",
        fixed=fixed,
        signed=tuple(sorted(signed)),
        region="us-east-1",
        credentials=credentials,
    )


def parsed(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert first.startswith("PUT ")
    assert first.endswith(" HTTP/1.1")
    return first.split(" ")[1], dict(line.split(": ", 1) for line in lines)


def signed_by_botocore(
    path: str, headers: dict[str, str], credentials: Credentials
) -> AWSPreparedRequest:
    """The same request, at the same time, signed by botocore."""
    signer = S3SigV4Auth(credentials.get_frozen_credentials(), "s3", "us-east-1")
    kept = {name: value for name, value in headers.items() if name != "authorization"}
    request = AWSRequest("PUT", f"https://s3.example:8443{path}", kept)
    request.context["timestamp"] = headers["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    names = signer.signed_headers(signer.headers_to_sign(request))
    request.headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, "
        f"Signature={signer.signature(text, request)}"
    )
    return request.prepare()


@given(key=keys, credentials=secrets, body=st.binary(), fixed=st.sampled_from([{}, KMS]))
def test_a_head_is_signed_as_botocore_signs_it(
    key: str, credentials: Credentials, body: bytes, fixed: dict[str, str]
) -> None:
    digest = hashlib.sha256(body).hexdigest()
    made = pattern(credentials, fixed).head(
        key, size=len(body), sha256=digest, checksum="c=", content_type="image/png"
    )
    path, headers = parsed(made)
    assert headers["content-length"] == str(len(body))
    assert headers["x-amz-content-sha256"] == digest
    unsigned = {"content-length"}
    theirs = signed_by_botocore(
        path, {k: v for k, v in headers.items() if k not in unsigned}, credentials
    )
    assert headers["authorization"] == theirs.headers["authorization"]


def test_a_pattern_knows_whether_a_request_was_signed_with_its_keys() -> None:
    credentials = Credentials("123456789012", "secret", "token")
    made = pattern(credentials, KMS)
    head = made.head("a b", size=1, sha256="0" * 64, checksum="c=", content_type="image/png")
    path, headers = parsed(head)
    sent = AWSPreparedRequest("PUT", f"https://s3.example:8443{path}", headers, None, False)
    assert made.signs_like(sent)
    for keys in (
        Credentials("123456789012", "other", "token"),
        Credentials("123456789012", "secret"),
        Credentials("other", "secret", "token"),
    ):
        assert not attrs.evolve(made, credentials=keys).signs_like(sent)


def test_a_signature_is_made_for_the_day_it_is_made_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made = pattern(Credentials("123456789012", "secret"), {})
    days = []
    for day in (1, 2):
        monkeypatch.setattr(
            "rekognition_xray.cloud.storage.put_pattern._now",
            lambda day=day: dt.datetime(2026, 11, day, tzinfo=dt.UTC),
        )
        head = made.head("a", size=1, sha256="0" * 64, checksum="c=", content_type="image/png")
        path, headers = parsed(head)
        kept = {name: value for name, value in headers.items() if name != "content-length"}
        theirs = signed_by_botocore(path, kept, made.credentials)
        assert headers["authorization"] == theirs.headers["authorization"]
        days.append(headers["x-amz-date"])
    assert days == ["20261101T000000Z", "20261102T000000Z"]
