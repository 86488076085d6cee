"""S3 compares a body with what came with it, before it is stored; spoken in raw HTTP."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import zlib

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.local.http.checksums import ChunksBroken, unchunk

BODY = b"an image of the chest" * 400
DIGESTS = {
    "sha256": hashlib.sha256(BODY).digest(),
    "sha1": hashlib.sha1(BODY).digest(),
    "crc32": zlib.crc32(BODY).to_bytes(4, "big"),
}


def flipped(data):
    """The data with one bit turned over in its middle."""
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def text(digest):
    return base64.b64encode(digest).decode()


@pytest.fixture
def put(desk, port):
    """Sends a body and headers as they are; tells status and S3's code."""

    def sent(body, headers, method="PUT", path="/images/key", **options):
        signature = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/s3/aws4_request, x"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(
                method, path, body, {"Authorization": signature, **headers}, **options
            )
            reply = connection.getresponse()
            found = reply.read().decode()
        finally:
            connection.close()
        return reply.status, found.partition("<Code>")[2].partition("</Code>")[0]

    return sent


def stored(desk):
    try:
        return desk.s3.get_object(Bucket="images", Key="key")["Body"].read()
    except ClientError:
        return None


@pytest.mark.parametrize("name", DIGESTS)
def test_a_body_is_stored_only_where_it_has_its_checksum(desk, put, name):
    headers = {f"x-amz-checksum-{name}": text(DIGESTS[name])}
    assert put(flipped(BODY), headers) == (400, "BadDigest")
    assert stored(desk) is None
    assert put(BODY, headers) == (200, "")
    assert stored(desk) == BODY


def test_a_body_is_stored_only_where_it_has_its_md5(desk, put):
    headers = {"Content-MD5": text(hashlib.md5(BODY).digest())}
    assert put(flipped(BODY), headers) == (400, "BadDigest")
    assert stored(desk) is None
    assert put(BODY, headers) == (200, "")


def test_a_body_is_stored_only_where_it_has_its_signed_digest(desk, put):
    headers = {"x-amz-content-sha256": hashlib.sha256(BODY).hexdigest()}
    assert put(flipped(BODY), headers) == (400, "XAmzContentSHA256Mismatch")
    assert stored(desk) is None
    assert put(BODY, headers) == (200, "")


@pytest.mark.parametrize("name", ["crc32c", "crc64nvme"])
def test_checksums_of_other_kinds_are_compared_where_awscrt_is_there(desk, put, name):
    checksums = pytest.importorskip("awscrt.checksums")
    size = 8 if name == "crc64nvme" else 4
    headers = {
        f"x-amz-checksum-{name}": text(getattr(checksums, name)(BODY, 0).to_bytes(size, "big"))
    }
    assert put(flipped(BODY), headers) == (400, "BadDigest")
    assert put(BODY, headers) == (200, "")


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Content-MD5", "nonsense", "InvalidDigest"),
        ("Content-MD5", text(b"short"), "InvalidDigest"),
        ("x-amz-checksum-crc32", "?", "InvalidRequest"),
        ("x-amz-checksum-sha256", text(b"short"), "InvalidRequest"),
        ("x-amz-checksum-sha3", text(b"short"), "InvalidRequest"),
        ("x-amz-content-sha256", "z" * 64, "InvalidRequest"),
    ],
)
def test_a_checksum_that_is_none_is_refused(put, header, value, code):
    assert put(BODY, {header: value}) == (400, code)


def chunked(body, size, trailers=(), extension=b""):
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    rows = [b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts]
    return b"".join(
        [*rows, b"0%s\r\n" % extension, *(b"%s\r\n" % row for row in trailers), b"\r\n"]
    )


def trailing(form="STREAMING-UNSIGNED-PAYLOAD-TRAILER", length=None):
    return {
        "Content-Encoding": "aws-chunked",
        "x-amz-content-sha256": form,
        "x-amz-decoded-content-length": str(len(BODY) if length is None else length),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }


def trailer(digest=DIGESTS["crc32"]):
    return b"x-amz-checksum-crc32:" + text(digest).encode()


@pytest.mark.parametrize(
    ("form", "extension"),
    [
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", b""),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", b";chunk-signature=" + b"0" * 64),
    ],
)
def test_a_checksum_behind_the_chunks_is_compared_too(desk, put, form, extension):
    headers = trailing(form)
    broken = chunked(flipped(BODY), 1000, [trailer()], extension)
    assert put(broken, headers) == (400, "BadDigest")
    assert stored(desk) is None
    assert put(chunked(BODY, 1000, [trailer()], extension), headers) == (200, "")
    assert stored(desk) == BODY
    head = desk.s3.head_object(Bucket="images", Key="key")
    assert head["ContentLength"] == len(BODY)
    assert head.get("ContentEncoding", "") == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense\r\n",
        b"-1\r\n",
        chunked(BODY, 1000)[:2000],
        chunked(BODY, 1000).replace(b"\r\n", b"", 2),
        chunked(BODY[:-1], 1000, [trailer()]),
    ],
    ids=["nothing", "nonsense", "negative", "half", "run together", "one byte short"],
)
def test_chunks_that_are_broken_are_refused(desk, put, body):
    assert put(body, trailing()) == (400, "IncompleteBody")
    assert stored(desk) is None


def test_an_announced_length_that_is_none_is_refused(put):
    assert put(chunked(BODY, 9), trailing(length="many")) == (400, "IncompleteBody")


def test_a_great_body_in_chunks_is_stored_and_leaves_no_file_open(desk, put):
    body = bytes(6 << 20)
    digest = zlib.crc32(body).to_bytes(4, "big")
    sent = chunked(body, 1 << 20, [trailer(digest)])
    assert put(sent, trailing(length=len(body))) == (200, "")
    assert len(stored(desk)) == len(body)


def test_boto3s_own_requests_pass(desk, tmp_path):
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        desk.s3.put_object(Bucket="images", Key="key", Body=BODY, ChecksumAlgorithm=algorithm)
        assert stored(desk) == BODY
    (tmp_path / "image").write_bytes(BODY)
    desk.s3.upload_file(str(tmp_path / "image"), "images", "key")
    desk.s3.delete_objects(Bucket="images", Delete={"Objects": [{"Key": "key"}]})
    assert stored(desk) is None


def test_the_checksum_that_ends_a_multipart_upload_is_of_the_object(desk):
    place = {"Bucket": "images", "Key": "key"}
    upload = desk.s3.create_multipart_upload(**place, ChecksumAlgorithm="CRC32")["UploadId"]
    part = desk.s3.upload_part(
        **place, UploadId=upload, PartNumber=1, Body=BODY, ChecksumAlgorithm="CRC32"
    )
    desk.s3.complete_multipart_upload(
        **place,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
        ChecksumCRC32=text(zlib.crc32(DIGESTS["crc32"]).to_bytes(4, "big")),
    )
    assert stored(desk) == BODY


@given(body=st.binary(max_size=300), size=st.integers(1, 70))
def test_what_was_put_into_chunks_comes_out_of_them(body, size):
    content, trailers = unchunk(io.BytesIO(chunked(body, size, [trailer()])), len(body))
    with content:
        assert content.read() == body
    assert trailers == {"x-amz-checksum-crc32": text(DIGESTS["crc32"])}


@given(body=st.binary(max_size=60))
def test_any_bytes_are_chunks_or_refused(body):
    try:
        content, _ = unchunk(io.BytesIO(body), None)
    except ChunksBroken:
        return
    content.close()
