"""What is no request, or a hostile one: a 4xx in AWS's form, no trace, and little memory."""

from __future__ import annotations

import json
import logging
import resource
import socket
import struct
import sys
import zlib

import pytest

SCOPE = "123456789012/20260102/us-east-1/{}/aws4_request"
SIGNED = f"Authorization: AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0\r\n"
TARGET = "X-Amz-Target: RekognitionService.DescribeProjects\r\n"
MEBIBYTE = b" " * (1 << 20)


@pytest.fixture
def send(desk, port):
    """Sends bytes as they are; tells status and body of the first reply."""

    def sent(*parts):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            reading = connection.makefile("rb")
            try:
                for part in parts:
                    connection.sendall(part)
            except OSError:
                pass  # an answer may come, and the connection end, before all is sent
            status = int(reading.readline().split()[1])
            headers = dict(
                iter(lambda: reading.readline().strip().partition(b": ")[::2], (b"",) * 2)
            )
            body = reading.read(int(headers[b"Content-Length"]))
            assert b"Traceback" not in body
            return status, body

    return sent


def request(
    line="POST / HTTP/1.1", service="rekognition", *, target=TARGET, length=2, body="{}", more=""
):
    size = "" if length is None else f"Content-Length: {length}\r\n"
    signed = SIGNED.format(service) if service else ""
    return f"{line}\r\nHost: x\r\n{signed}{target}{size}{more}\r\n{body}".encode("latin-1")


def refusal(reply):
    status, body = reply
    document = json.loads(body)
    assert document["__type"] == document["Code"]
    assert document["Message"]
    return status, document["__type"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02 hello\r\n\r\n",
        b"POST /\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 300,
        request("POST / HTTP/9.9"),
        request(length="two"),
        request(length="-2"),
        request(more="Content-Length: 30\r\n"),
        request(more="this is no header\r\n"),
        request(length=None, more="Transfer-Encoding: chunked\r\n", body="zz\r\n{}\r\n0\r\n\r\n"),
        request(more="Transfer-Encoding: gzip\r\n"),
    ],
    ids=[
        *("garbage", "no version", "tls", "strange version", "length in words", "negative length"),
        *("two lengths", "no header", "bad chunk", "unknown encoding"),
    ],
)
def test_what_is_no_http_is_refused_in_the_form_of_the_service(send, data):
    assert refusal(send(data)) == (400, "SerializationException")


def test_endless_headers_are_refused(send):
    long = request(more=f"X: {'a' * 300_000}\r\n")
    assert refusal(send(long)) == (431, "RequestHeaderFieldsTooLargeException")


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "BREW / HTTP/1.1", "POST /x/../y HTTP/1.1"])
def test_an_operation_is_a_post_to_the_root(send, line):
    assert refusal(send(request(line))) == (400, "UnknownOperationException")


def test_a_request_to_rekognition_without_a_target_names_no_operation(send):
    assert refusal(send(request(target=""))) == (400, "UnknownOperationException")


def test_a_target_of_no_letters_is_unknown(send):
    target = "X-Amz-Target: \xff\xfe\r\n"
    assert refusal(send(request(target=target))) == (400, "UnknownOperationException")


def test_a_signature_for_another_service_is_refused(send):
    assert refusal(send(request(service="s3"))) == (403, "InvalidSignatureException")


def test_a_password_is_no_signature(send):
    basic = request(service=None, more="Authorization: Basic YTpi\r\n")
    assert refusal(send(basic)) == (403, "MissingAuthenticationTokenException")


def test_a_chunked_body_is_read(send):
    chunked = request(
        length=None, more="Transfer-Encoding: chunked\r\n", body="2\r\n{}\r\n0\r\n\r\n"
    )
    assert send(chunked) == (200, b'{"ProjectDescriptions":[]}')


def test_json_of_endless_depth_is_refused(send):
    deep = request(length=200_000, body="[" * 200_000)
    assert refusal(send(deep)) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("line", "body", "code"),
    [
        ("POST /images?delete HTTP/1.1", "{}", "MalformedXML"),
        ("PUT /new HTTP/1.1", "<a", "MalformedXML"),
        ("PUT /new HTTP/1.1", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "InvalidArgument"),
        ("PUT /images/x?uploadId=1&partNumber=zz HTTP/1.1", "", "InvalidArgument"),
        ("GET /images?max-keys=abc HTTP/1.1", "", "InvalidArgument"),
    ],
)
def test_s3_refuses_what_it_cannot_read(send, line, body, code):
    status, answer = send(request(line, "s3", target="", length=len(body), body=body))
    assert status == 400
    assert f"<Code>{code}</Code>".encode() in answer


@pytest.mark.parametrize("kind", ["announced", "chunked", "never sent"])
def test_a_hundred_megabytes_are_refused_and_never_in_memory(send, kind):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if kind == "announced":
        reply = send(request(length=100 << 20, body=""), *([MEBIBYTE] * 100))
    elif kind == "chunked":
        chunks = [b"100000\r\n" + MEBIBYTE + b"\r\n"] * 100
        head = request(length=None, more="Transfer-Encoding: chunked\r\n", body="")
        reply = send(head, *chunks, b"0\r\n\r\n")
    else:
        reply = send(request(length=10 << 40, body=""), MEBIBYTE)
    assert refusal(reply) == (413, "RequestEntityTooLargeException")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 40 << 20


def test_nothing_of_all_this_is_logged_as_a_fault(send, caplog):
    with caplog.at_level(logging.ERROR):
        send(b"garbage\r\n\r\n")
        send(request("GET / HTTP/1.1"))
        send(request("POST /images?delete HTTP/1.1", "s3", target=""))
    assert caplog.records == []


def bomb(side):
    """A PNG of a few kilobytes that says it holds `side` x `side` pixels."""

    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", pixels),
            chunk(b"IEND", b""),
        )
    )


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_detection_refuses_a_decompression_bomb(desk, side):
    image = {"Bytes": bomb(side)}
    code = desk.refused("DetectCustomLabels", ProjectVersionArn=desk.running(), Image=image)
    assert code in {"ImageTooLargeException", "InvalidImageFormatException"}


def test_training_leaves_decompression_bombs_out(desk, line):
    lines = desk.put_images(6)
    desk.put("bomb.png", bomb(60_000))
    project = desk.project()
    desk.dataset(project, "TRAIN", [*lines[::2], line("bomb.png", "viral")])
    desk.dataset(project, "TEST", lines[1::2])
    version = desk.version(desk.train(project))
    assert version["Status"] == "TRAINING_COMPLETED"
    validation = version["TrainingDataResult"]["Validation"]["Assets"][0]["GroundTruthManifest"]
    (bad,) = [text for text in desk.object(validation).splitlines() if "bomb.png" in text]
    assert [error["code"] for error in json.loads(bad)["errors"]] == ["ERROR_INVALID_IMAGE"]
