"""Objects go over connections of our own where that is the same as boto3; else boto3 sends them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import ssl
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from botocore.stub import Stubber
from moto import mock_aws

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import storage
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.cloud.storage import connections
from rekognition_xray.cloud.storage.planning import parcels_of
from rekognition_xray.cloud.storage.sending import Parcel, Sender
from rekognition_xray.data.pseudonyms import PseudonymKey

from ...support.odd_storage import Handler, OddStorage, Put, accept, odd_storage
from ...support.uploads import boxes

Deliver = Callable[..., dict[str, errors.AwsError | None]]


@pytest.fixture
def server() -> Iterator[OddStorage]:
    with odd_storage() as made:
        yield made


def session(**more: str) -> boto3.Session:
    return boto3.Session("123456789012", "secret", region_name="us-east-1", **more)


def way_to(server: OddStorage, made: boto3.Session | None = None) -> rx.Aws:
    return rx.Aws(made or session(), urls=(server.address, server.address))


def parcels(folder: Path, count: int, **more: int) -> list[Parcel]:
    files = boxes(folder, count, **more).files
    secret = PseudonymKey.find(store="s3://b")
    return parcels_of(files, S3Location("b", "a folder (1)"), secret)


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    """Sends so many files, and tells what became of each."""

    def send(aws: rx.Aws, count: int = 5, **more: int) -> dict[str, errors.AwsError | None]:
        seen: dict[str, errors.AwsError | None] = {}
        items = parcels(tmp_path, count, **more)
        connections.deliver(
            Sender(aws, {}), items, 2, lambda parcel, error: seen.update({parcel.sha256: error})
        )
        assert len(seen) == count
        return seen

    return send


def test_after_boto3s_first_request_the_others_go_over_connections(
    server: OddStorage, deliver: Deliver
) -> None:
    assert set(deliver(way_to(server)).values()) == {None}
    assert len(server.by_boto3) == 1
    assert len(server.over_connections) == 4


def test_the_requests_have_the_headers_of_boto3s(server: OddStorage, deliver: Deliver) -> None:
    deliver(way_to(server, session(aws_session_token="token")), 2)
    (theirs,), (ours,) = server.by_boto3, server.over_connections
    left_out = {"accept-encoding", "amz-sdk-invocation-id"}  # a reply has no body; boto3's count
    assert set(theirs.headers) - set(ours.headers) == left_out
    assert set(ours.headers) <= set(theirs.headers)
    different = {name for name, value in ours.headers.items() if theirs.headers[name] != value}
    assert different <= {
        "authorization",
        "x-amz-checksum-sha256",
        "x-amz-content-sha256",
        "x-amz-date",
    }
    assert ours.path.rsplit("/", 1)[0].rsplit("/", 1)[0] == "/b/a%20folder%20%281%29"


def test_a_file_of_many_parts_arrives_whole(server: OddStorage, deliver: Deliver) -> None:
    deliver(way_to(server), 3, size=3 * 2**17 + 1)
    bodies = [put.body for put in server.over_connections]
    assert [len(body) for body in bodies] == [3 * 2**17 + 1] * 2
    assert all(body.startswith(b"image ") for body in bodies)


def without_length(handler: Handler, put: Put) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    handler.close_connection = True


def without_reply(handler: Handler, put: Put) -> None:
    handler.close_connection = True


def cut_short(handler: Handler, put: Put) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-")
    handler.close_connection = True


def no_http(handler: Handler, put: Put) -> None:
    handler.wfile.write(b"220 smtp ready\r\n\r\n")
    handler.close_connection = True


def endless_header(handler: Handler, put: Put) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2**17)
    handler.close_connection = True


def another_checksum(handler: Handler, put: Put) -> None:
    handler.answer(200, {"x-amz-checksum-sha256": "A" * 43 + "="})


def busy(handler: Handler, put: Put) -> None:
    handler.answer(503, {})


def elsewhere(handler: Handler, put: Put) -> None:
    handler.answer(307, {"Location": "http://127.0.0.1:1/"})


@pytest.mark.parametrize(
    "odd",
    [
        without_length,
        without_reply,
        cut_short,
        no_http,
        endless_header,
        another_checksum,
        busy,
        elsewhere,
    ],
)
def test_what_is_not_plainly_there_is_sent_by_boto3(
    server: OddStorage, deliver: Deliver, odd: Callable[[Handler, Put], None]
) -> None:
    server.odd = odd
    assert set(deliver(way_to(server)).values()) == {None}
    assert len(server.over_connections) == 4
    assert len({put.path for put in server.by_boto3}) == 5


def test_a_server_that_closes_its_connections_is_connected_to_again(
    server: OddStorage, deliver: Deliver
) -> None:
    def accept_and_close(handler: Handler, put: Put) -> None:
        handler.close_connection = True
        checksum = put.headers["x-amz-checksum-sha256"]
        handler.answer(200, {"Connection": "close", "x-amz-checksum-sha256": checksum})

    server.odd = accept_and_close
    assert set(deliver(way_to(server), 8).values()) == {None}
    assert len(server.by_boto3) == 1


def test_a_store_that_keeps_no_checksums_is_believed(server: OddStorage, deliver: Deliver) -> None:
    server.odd = lambda handler, put: handler.answer(200, {})
    deliver(way_to(server))
    assert len(server.by_boto3) == 1


def test_where_most_is_sent_again_boto3_sends_the_rest(
    server: OddStorage, deliver: Deliver
) -> None:
    server.odd = busy
    assert set(deliver(way_to(server), 60).values()) == {None}
    assert len(server.by_boto3) == 60
    assert len(server.over_connections) < 30


def test_a_server_that_does_not_answer_is_waited_for_as_long_as_by_boto3(
    server: OddStorage, deliver: Deliver
) -> None:
    silent = [True]

    def wait_once(handler: Handler, put: Put) -> None:
        if silent and silent.pop():
            handler.rfile.read(1)  # until the client closes
        else:
            accept(handler, put)

    server.odd = wait_once
    aws = rx.Aws(
        session(), urls=(server.address, server.address), connect_timeout=1.0, read_timeout=1.0
    )
    assert set(deliver(aws, 4).values()) == {None}
    assert len(server.by_boto3) == 2


def test_replies_are_logged_with_their_request_id(
    server: OddStorage, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="rekognition_xray.cloud")
    deliver(way_to(server), 3)
    assert [record.request_id for record in caplog.records if hasattr(record, "request_id")] == [
        "ID-1"
    ] * 3


def test_an_interrupted_delivery_begins_no_more(server: OddStorage, tmp_path: Path) -> None:
    interrupted = threading.Event()

    def done(parcel: Parcel, error: errors.AwsError | None) -> None:
        if len(server.puts) > 1:
            interrupted.set()
            raise KeyboardInterrupt

    def wait_for_it(handler: Handler, put: Put) -> None:
        if len(server.puts) > 10:
            interrupted.wait()
        accept(handler, put)

    server.odd = wait_for_it
    with pytest.raises(KeyboardInterrupt):
        connections.deliver(Sender(way_to(server), {}), parcels(tmp_path, 40), 2, done)
    assert len(server.puts) <= 12


def test_what_an_interruption_meets_on_its_way_is_not_sent_again(
    server: OddStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = threading.Event()

    class Threads(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            interrupted.set()
            super().shutdown(wait, cancel_futures=cancel_futures)

    def done(parcel: Parcel, error: errors.AwsError | None) -> None:
        if len(server.puts) > 1:
            raise KeyboardInterrupt

    def accept_one(handler: Handler, put: Put) -> None:
        if put is server.over_connections[0]:
            accept(handler, put)
        else:
            interrupted.wait()
            handler.close_connection = True

    server.odd = accept_one
    monkeypatch.setattr(connections, "ThreadPoolExecutor", Threads)
    with pytest.raises(KeyboardInterrupt):
        connections.deliver(Sender(way_to(server), {}), parcels(tmp_path, 9), 2, done)
    assert len(server.by_boto3) == 1


@pytest.mark.parametrize("at_a_time", [0, -1])
def test_at_least_one_is_on_its_way_at_a_time(
    server: OddStorage, tmp_path: Path, at_a_time: int
) -> None:
    seen: list[errors.AwsError | None] = []
    connections.deliver(
        Sender(way_to(server), {}),
        parcels(tmp_path, 3),
        at_a_time,
        lambda _, error: seen.append(error),
    )
    assert seen == [None] * 3
    assert len(server.puts) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_connections_hold_half_of_the_files_that_may_be_open(
    server: OddStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (12, 24))
    callers = set()

    def note_and_accept(handler: Handler, put: Put) -> None:
        callers.add(handler.client_address)
        accept(handler, put)

    server.odd = note_and_accept
    connections.deliver(Sender(way_to(server), {}), parcels(tmp_path, 20), 10, lambda *_: None)
    assert len(callers) <= 3, "each has a socket and a file"


def watch(aws: rx.Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.s3.meta.events.register("before-send.s3", lambda **_: None)


def trace(aws: rx.Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    call = BaseClient._make_api_call

    def traced(*args: object) -> object:
        return call(*args)

    monkeypatch.setattr(BaseClient, "_make_api_call", traced)


def replace(aws: rx.Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws.s3, "put_object", aws.s3.put_object)


@pytest.mark.parametrize("change", [watch, trace, replace])
def test_whoever_watches_calls_sees_all_of_them(
    server: OddStorage,
    deliver: Deliver,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[rx.Aws, pytest.MonkeyPatch], None],
) -> None:
    aws = way_to(server)
    change(aws, monkeypatch)
    assert set(deliver(aws).values()) == {None}
    assert len(server.by_boto3) == 5


def test_a_proxy_is_left_to_boto3(
    server: OddStorage, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.address)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    aws = rx.Aws(session(), urls=("http://s3.example", "http://s3.example"))
    assert set(deliver(aws).values()) == {None}
    assert len(server.by_boto3) == 5


def test_moto_sees_what_is_stored_in_its_mock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        aws = rx.Aws(opted_out=True)
        aws.s3.create_bucket(Bucket="mocked")
        receipt = storage.store(boxes(tmp_path, 4), "s3://mocked/x", aws=aws, allow_public=True)
        found = boto3.client("s3").list_objects_v2(Bucket="mocked")["KeyCount"]
    assert receipt.uploaded == found == 4


def test_a_stubbed_client_gives_its_own_answers(server: OddStorage, deliver: Deliver) -> None:
    aws = way_to(server)
    with Stubber(aws.s3) as stub:
        for _ in range(3):
            stub.add_response("put_object", {})
        assert set(deliver(aws, 3).values()) == {None}
    assert not server.puts


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that it has signed itself, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(addresses, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, raw = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(pem, raw, serialization.NoEncryption()) + made.public_bytes(pem)
    )
    return file


def tls_of(certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


def test_connections_are_encrypted_and_the_server_verified(
    certificate: Path, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with odd_storage(tls_of(certificate)) as server:
        assert set(deliver(way_to(server)).values()) == {None}
    assert len(server.over_connections) == 4


def test_a_server_that_others_vouch_for_gets_nothing(
    certificate: Path, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with odd_storage(tls_of(certificate)) as server:
        aws = rx.Aws(session(), urls=(server.address, server.address), attempts=1)
        failed = deliver(aws)
    assert {type(error) for error in failed.values()} == {errors.ConnectionFailedError}
    assert not server.puts


def test_where_tls_is_not_verified_boto3_sends(certificate: Path, deliver: Deliver) -> None:
    class Trusting(boto3.Session):
        def client(self, *args: object, **more: object) -> object:
            return super().client(*args, verify=False, **more)

    with odd_storage(tls_of(certificate)) as server:
        aws = way_to(server, Trusting("123456789012", "secret", region_name="us-east-1"))
        with warnings.catch_warnings(action="ignore"):  # urllib3 says what we are about
            assert set(deliver(aws).values()) == {None}
    assert len(server.by_boto3) == 5


@pytest.mark.parametrize("version", ["s3", "unsigned"])
def test_another_kind_of_signature_is_left_to_boto3(
    server: OddStorage, deliver: Deliver, version: str
) -> None:
    made = botocore.session.Session()
    kind = botocore.UNSIGNED if version == "unsigned" else version
    made.set_default_client_config(Config(signature_version=kind))
    aws = way_to(
        server, boto3.Session("1" * 12, "s", region_name="us-east-1", botocore_session=made)
    )
    assert set(deliver(aws).values()) == {None}
    assert len(server.by_boto3) == 5


def test_keys_that_are_not_the_sessions_are_left_to_boto3(
    server: OddStorage, deliver: Deliver
) -> None:
    class OtherKeys(boto3.Session):
        def client(self, *args: object, **more: object) -> object:
            keys = {"aws_access_key_id": "2" * 12, "aws_secret_access_key": "other"}
            return super().client(*args, **keys, **more)

    made = OtherKeys("123456789012", "secret", region_name="us-east-1")
    assert set(deliver(way_to(server, made)).values()) == {None}
    assert len(server.by_boto3) == 5


def refreshed(refresh: Callable[[], Mapping[str, str | None]]) -> boto3.Session:
    """A session whose keys are always about to expire."""
    made = botocore.session.Session()
    made._credentials = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    return boto3.Session(region_name="us-east-1", botocore_session=made)


def keys(number: int, seconds: float = 60) -> dict[str, str]:
    expiry = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return {
        "access_key": "123456789012",
        "secret_key": f"secret {number}",
        "token": f"token-{number}",
        "expiry_time": expiry.isoformat(),
    }


def test_keys_are_refreshed_on_the_way(server: OddStorage, deliver: Deliver) -> None:
    made = iter(range(1000))
    aws = way_to(server, refreshed(lambda: keys(next(made), 3600)))
    credentials = aws.session.get_credentials()

    def accept_and_expire(handler: Handler, put: Put) -> None:
        credentials._expiry_time = dt.datetime.now(dt.UTC)
        accept(handler, put)

    server.odd = accept_and_expire
    assert set(deliver(aws, 6).values()) == {None}
    assert len(server.over_connections) == 5
    tokens = {put.headers["x-amz-security-token"] for put in server.over_connections}
    assert len(tokens) > 1, "keys that have expired are refreshed before a signature"


def test_keys_that_are_new_for_each_signature_are_left_to_boto3(
    server: OddStorage, deliver: Deliver
) -> None:
    made = iter(range(1000))
    assert set(deliver(way_to(server, refreshed(lambda: keys(next(made))))).values()) == {None}
    assert len(server.by_boto3) == 5


def test_keys_that_cannot_be_refreshed_end_the_delivery_with_boto3s_error(
    server: OddStorage, deliver: Deliver
) -> None:
    made = iter(range(6))

    def refresh() -> dict[str, str]:
        number = next(made, None)
        if number is None:
            raise CredentialRetrievalError(provider="test", error_msg="the role is gone")
        return keys(number)

    seen = deliver(way_to(server, refreshed(refresh)), 20)
    failed = [error for error in seen.values() if error is not None]
    assert {type(error) for error in failed} == {errors.CredentialsError}
    assert "the role is gone" in failed[0].message
    assert len(server.puts) == len(seen) - len(failed)


def test_keys_that_are_expired_once_they_are_refreshed_are_an_error_of_ours(
    server: OddStorage, deliver: Deliver
) -> None:
    made = iter(range(1000))

    def refresh() -> dict[str, str]:
        number = next(made)
        return keys(number, 60 if number < 4 else -60)

    failed = [error for error in deliver(way_to(server, refreshed(refresh))).values() if error]
    assert {type(error) for error in failed} == {errors.CredentialsError}
    assert "clock" in failed[0].hint


def test_keys_that_no_longer_have_a_token_are_left_to_boto3(
    server: OddStorage, deliver: Deliver
) -> None:
    made = iter(range(1000))

    def refresh() -> dict[str, str | None]:
        number = next(made)
        return {**keys(number, 3600), "token": None if number else "token"}

    aws = way_to(server, refreshed(refresh))
    credentials = aws.session.get_credentials()

    def accept_and_expire(handler: Handler, put: Put) -> None:
        credentials._expiry_time = dt.datetime.now(dt.UTC)
        accept(handler, put)

    server.odd = accept_and_expire
    assert set(deliver(aws, 8).values()) == {None}
    assert server.over_connections
    assert "x-amz-security-token" not in server.by_boto3[-1].headers
