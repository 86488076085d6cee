"""Upload of 1,500 prepared files of 60 KB to an S3 with 30 ms latency, beside ``aws s3 cp``.

The S3 is a small server in a process of its own, which answers each request 30 ms after it has come
and does next to nothing else, so that the clients are what is measured. Both clients run as
processes of their own, in turn, each round under a new prefix. Seconds are those of the whole
process and, in ``store()``, those of the call. The server lets ``aws`` begin a body at once, where
S3 would take one more round trip. Run it with ``make bench``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

FILES: Final = 1500
SIZE: Final = 60_000
LATENCY: Final = 0.030
ROUNDS: Final = 3
PAGE: Final = 1000
BUCKET: Final = "images"
CLOSED: Final = "".join(
    f"<{name}>true</{name}>"
    for name in (
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    )
)


class Storage:
    """Keys and sizes; of the bodies only the length is kept."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def answer(self, method: str, target: str, headers: dict[str, str]) -> tuple[str, str]:
        """Headers and body of the reply."""
        parts = urlsplit(target)
        key = unquote(parts.path).removeprefix(f"/{BUCKET}").removeprefix("/")
        query = parse_qs(parts.query, keep_blank_values=True)
        if method == "PUT":
            self.sizes[key] = int(headers["content-length"])
            echoed = [name for name in headers if name.startswith("x-amz-checksum-")]
            lines = [f"{name}: {headers[name]}\r\n" for name in echoed]
            return 'ETag: "0"\r\n' + "".join(lines), ""
        if "publicAccessBlock" in query:
            body = f"<PublicAccessBlockConfiguration>{CLOSED}</PublicAccessBlockConfiguration>"
            return "Content-Type: application/xml\r\n", body
        if "list-type" in query:
            after = query.get("continuation-token", [""])[0]
            return "Content-Type: application/xml\r\n", self._page(query["prefix"][0], after)
        return "", ""

    def _page(self, prefix: str, after: str) -> str:
        keys = sorted(key for key in self.sizes if key.startswith(prefix) and key > after)
        rows = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;0&quot;</ETag><ChecksumAlgorithm>SHA256</ChecksumAlgorithm>"
            f"<Size>{self.sizes[key]}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in keys[:PAGE]
        )
        more = len(keys) > PAGE
        token = f"<NextContinuationToken>{keys[PAGE - 1]}</NextContinuationToken>" if more else ""
        cut = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}"
        return f"<ListBucketResult><Name>{BUCKET}</Name>{cut}{rows}</ListBucketResult>"


SCRATCH: Final = bytearray(1 << 18)  # where all bodies go: only their length matters


class Connection(asyncio.BufferedProtocol):
    """One keep-alive connection; a request is answered when LATENCY has passed."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.head = bytearray()
        self.asked: tuple[str, str] | None = None
        self.headers: dict[str, str] = {}
        self.left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return SCRATCH

    def buffer_updated(self, size: int) -> None:
        if self.asked is None:
            self.head += memoryview(SCRATCH)[:size]
            head, end, rest = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.begin(head.decode(), len(rest))
        else:
            self.left -= size
        if self.left <= 0:
            asyncio.get_running_loop().call_later(LATENCY, self.reply)

    def begin(self, head: str, received: int) -> None:
        first, *lines = head.split("\r\n")
        method, target, _ = first.split()
        self.asked = method, target
        named = (line.partition(":") for line in lines)
        self.headers = {name.lower(): value.strip() for name, _, value in named}
        self.head.clear()
        self.left = int(self.headers.get("content-length", 0)) - received
        if "expect" in self.headers:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def reply(self) -> None:
        assert self.asked is not None
        headers, body = self.storage.answer(*self.asked, self.headers)
        self.asked = None
        if not self.transport.is_closing():
            length = f"Content-Length: {len(body)}\r\n"
            self.transport.write(f"HTTP/1.1 200 OK\r\n{headers}{length}\r\n{body}".encode())


async def serve() -> None:
    storage = Storage()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(storage), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving() -> Iterator[str]:
    """The S3 as a process; tells its address."""
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def write_files(folder: Path) -> None:
    for _ in range(FILES):
        data = os.urandom(SIZE)
        (folder / f"{hashlib.sha256(data).hexdigest()}.jpg").write_bytes(data)


def upload(folder: Path, where: str) -> None:
    """Our client: once, and once more with nothing new; tells the seconds of both calls."""
    import rekognition_xray as rx  # noqa: PLC0415 (the server needs none of it)
    from rekognition_xray.cloud import storage  # noqa: PLC0415
    from rekognition_xray.data.preparing import PreparedFile  # noqa: PLC0415

    prepared = tuple(
        PreparedFile(
            rx.Xray(path, "normal", patient=path.stem[:3]), path, path.stem, "jpg", SIZE, 300, 200
        )
        for path in sorted(folder.iterdir())
    )
    seconds = []
    for new in (FILES, 0):
        began = time.perf_counter()
        receipt = storage.store(prepared, where, aws=rx.Aws(), key="a key for the bench only")
        seconds.append(time.perf_counter() - began)
        assert receipt.uploaded == new
    print(json.dumps(seconds))


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Seconds and CPU seconds of a process, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    printed = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, printed.decode()


def main() -> None:
    aws = Path(sys.executable).with_name("aws")
    rows: dict[str, list[float]] = {"theirs": [], "whole": [], "first": [], "again": []}
    cpus: dict[str, list[float]] = {"theirs": [], "whole": []}
    with tempfile.TemporaryDirectory() as name, serving() as address:
        write_files(Path(name))
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        for number in range(ROUNDS):
            copy = ["s3", "cp", "--recursive", "--only-show-errors", name]
            wall, cpu, _ = measured([str(aws), *copy, f"s3://{BUCKET}/aws-{number}"], environment)
            rows["theirs"].append(wall)
            cpus["theirs"].append(cpu)
            ours = [sys.executable, __file__, "upload", name, f"s3://{BUCKET}/ours-{number}"]
            wall, cpu, printed = measured(ours, environment)
            first, again = json.loads(printed)
            rows["first"].append(first)
            rows["again"].append(again)
            rows["whole"].append(wall - again)
            cpus["whole"].append(cpu)
    show(rows, cpus)


def show(rows: dict[str, list[float]], cpus: dict[str, list[float]]) -> None:
    middle = {name: statistics.median(values) for name, values in rows.items()}
    print(f"{FILES} files of {SIZE} bytes, {LATENCY * 1000:.0f} ms, medians of {ROUNDS} rounds")
    print(f"{'':34}{'seconds':>9}{'files/s':>9}{'CPU s':>9}")
    for title, name in (("aws s3 cp --recursive", "theirs"), ("ours, whole process", "whole")):
        cpu = statistics.median(cpus[name])
        print(f"{title:34}{middle[name]:9.2f}{FILES / middle[name]:9.0f}{cpu:9.2f}")
    print(f"{'ours, store()':34}{middle['first']:9.2f}{FILES / middle['first']:9.0f}")
    print(f"{'ours, store() with nothing new':34}{middle['again']:9.2f}")
    print(f"ours / aws, whole processes: {middle['theirs'] / middle['whole']:.2f} (wanted: 1.5)")
    print(f"first / repeated store(): {middle['first'] / middle['again']:.1f} (wanted: 10)")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(serve())
        case ["upload", folder, where]:
            upload(Path(folder), where)
        case _:
            main()
