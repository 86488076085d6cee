"""Objects sent over connections of our own, after the pattern of boto3's first request.

boto3 needs three times the processor time of all the rest for each call. Here one thread serves all
connections, and a request costs no more than its signature. Whatever is not a plain "it is there"
is no answer for this module: the same image then goes by boto3, which repeats and words errors.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

import attrs

from rekognition_xray.cloud.storage.put_pattern import PutPattern, noting, put_pattern
from rekognition_xray.cloud.storage.sending import MOST_THREADS, Parcel, Sender, parallel
from rekognition_xray.errors import AwsError

log = logging.getLogger(__name__)

Done = Callable[[Parcel, AwsError | None], None]

_CHUNK: Final = 1 << 17  # bytes of a file that a connection holds
_PATIENCE: Final = 16
_LOOK: Final = (
    0.05  # seconds between two reports: a switch of threads for each image would cost more
)


def deliver(sender: Sender, parcels: Sequence[Parcel], at_a_time: int, done: Done) -> None:
    """Sends parcels, and reports in this thread as each has arrived or failed.

    The first goes by boto3. The others go over connections of our own, where boto3's request can be
    their pattern, else by boto3 in threads. If this is interrupted, parcels that were not begun are
    dropped.

    Args:
        sender: the way by boto3.
        parcels: what is sent.
        at_a_time: how many are on their way at a time.
        done: gets each parcel with the error that kept it from arriving, if any.
    """
    aws, (first, *rest) = sender.aws, parcels
    with noting(aws.s3) as noted:
        error = sender(first)
    done(first, error)
    pattern = None
    if rest and noted and error is None:
        pattern = put_pattern(aws.s3, aws.session.get_credentials(), noted[-1], first.place.key)
    if pattern is None:
        parallel(sender, rest, at_a_time, done)
    else:
        connections = max(1, min(at_a_time, len(rest), _most_connections()))
        _Delivery(pattern, sender, iter(rest)).run(connections, done)


def _most_connections() -> int:
    """A quarter of the files that this process may have open: a connection holds two of them.

    The rest is for boto3's, and for what else the process does; macOS allows 256 by default.
    """
    if sys.platform == "win32":
        return sys.maxsize
    import resource  # noqa: PLC0415 - Windows has none

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if most == resource.RLIM_INFINITY else most // 4


@attrs.define
class _Delivery:
    """Parcels on their way over several connections.

    Attributes:
        pattern: the heads of the requests.
        sender: the way by boto3, for what does not arrive.
        parcels: what is still to be sent.
        arrived: how many have arrived without boto3.
        missed: how many have not.
        stopped: whether no more are to be begun.
    """

    pattern: PutPattern
    sender: Sender
    parcels: Iterator[Parcel]
    arrived: int = 0
    missed: int = 0
    stopped: bool = False
    _outcomes: deque[tuple[Parcel, AwsError | None]] = attrs.field(factory=deque, init=False)

    def run(self, connections: int, done: Done) -> None:
        """Sends all in a thread of its own, since this one may have an event loop already."""
        with ThreadPoolExecutor(1, "rekognition-xray-s3") as thread:
            running = thread.submit(asyncio.run, self._serve(connections))
            try:
                while not running.done():
                    wait([running], timeout=_LOOK)
                    self._report(done)
            finally:
                self.stopped = True
        self._report(done)
        running.result()

    def _report(self, done: Done) -> None:
        while self._outcomes:
            done(*self._outcomes.popleft())

    async def _serve(self, connections: int) -> None:
        asyncio.get_running_loop().set_default_executor(
            ThreadPoolExecutor(MOST_THREADS, "rekognition-xray-boto3")
        )
        await asyncio.gather(*(self._send_in_turn() for _ in range(connections)))

    async def _send_in_turn(self) -> None:
        """Sends one parcel after the other over a connection.

        While boto3 repeats what was throttled, the connection waits: so fewer calls are made.
        """
        loop, connection = asyncio.get_running_loop(), _Connection(self.pattern, self.sender)
        try:
            for parcel in self.parcels:
                error = None
                if self._is_of_use() and await connection.put(parcel):
                    self.arrived += 1
                    self.sender.note_arrival()
                elif self.stopped:
                    break
                else:
                    self.missed += 1
                    error = await loop.run_in_executor(None, self.sender, parcel)
                self._outcomes.append((parcel, error))
                if self.stopped:
                    break
        finally:
            connection.close()

    def _is_of_use(self) -> bool:
        """Whether to send without boto3: not if most of it is sent by boto3 again."""
        return not self.sender.gave_up and self.missed <= self.arrived + _PATIENCE


@attrs.define
class _Connection:
    """One connection that is kept, and made again where the server has closed it."""

    pattern: PutPattern
    sender: Sender
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        """Closes it; nothing is lost, since each reply is read before the next request."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def put(self, parcel: Parcel) -> bool:
        """Whether S3 says that it has the object, with the checksum that it should have.

        It does not where no reply comes, or none that can be read, or where credentials cannot be
        refreshed, for which boto3 has errors of any class.
        """
        kept = False
        try:
            kept, there = await self._exchange(parcel)
        except Exception as error:  # noqa: BLE001 - boto3 sends it then, and words what is wrong
            log.debug("%s goes by boto3: %r", parcel.place, error)
            return False
        else:
            return there
        finally:
            if not kept:
                self.close()

    async def _exchange(self, parcel: Parcel) -> tuple[bool, bool]:
        """Sends an object: whether the connection can be kept, and whether the object is there."""
        aws, now = self.sender.aws, asyncio.get_running_loop().time
        async with asyncio.timeout(aws.connect_timeout + aws.read_timeout) as limit:
            reader, writer = await self._connected()
            left = parcel.size
            with parcel.file.open("rb", buffering=0) as body:
                data = body.read(min(left, _CHUNK))
                writer.write(self._head(parcel) + data)
                while data and (left := left - len(data)):
                    await writer.drain()
                    limit.reschedule(now() + aws.read_timeout)
                    data = body.read(min(left, _CHUNK))
                    writer.write(data)
            if left:
                return False, False  # the file has become shorter; boto3 words the error
            reply = await reader.readuntil(b"\r\n\r\n")
        return _read(reply, parcel)

    def _head(self, parcel: Parcel) -> bytes:
        return self.pattern.head(
            parcel.place.key,
            size=parcel.size,
            sha256=parcel.sha256,
            checksum=parcel.checksum,
            content_type=parcel.content_type,
        )

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and (
            self._streams[0].at_eof() or self._streams[1].is_closing()
        ):
            self.close()
        if self._streams is None:
            pattern = self.pattern
            self._streams = await asyncio.open_connection(
                pattern.host, pattern.port, ssl=pattern.tls
            )
        return self._streams


def _read(reply: bytes, parcel: Parcel) -> tuple[bool, bool]:
    """Whether the connection can be kept after a reply, and whether the object is there."""
    first, *lines = reply.decode("latin-1").rstrip().split("\r\n")
    named = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in named}
    # Stores that do not keep checksums say none; they have refused any other body all the same.
    stored = headers.get("x-amz-checksum-sha256", parcel.checksum) == parcel.checksum
    there = first.startswith("HTTP/1.1 200 ") and headers.get("content-length") == "0" and stored
    known = {"operation": "PutObject", "request_id": headers.get("x-amz-request-id", "")}
    log.debug("PutObject: %s, request id %s", first, known["request_id"], extra=known)
    return there and headers.get("connection", "").lower() != "close", there
