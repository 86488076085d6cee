"""``Recorder``: makes calls by boto3 and writes down each with its reply, code and time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors, method_of
from rekognition_xray.cloud.permissions import missing_statement
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    ConnectionFailedError,
    CredentialsError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_PAUSE: Final = 5.0  # seconds between two looks at something that changes
Members = Mapping[str, Any]


@attrs.frozen
class Call:
    """One call, or a series of looks of which the last is written down.

    Attributes:
        operation: as AWS names it; ``PutObject`` and ``GetObject`` of S3 are among them.
        request: its members; images and texts by the name under which they are known.
        code: the error code; empty if the call went well.
        reply: the members of the reply, or the message of an error.
        seconds: how long the call took; of a series, until the last reply.
        until: of a series, the states that were waited for.
    """

    operation: str
    request: Members = attrs.field(hash=False)
    code: str
    reply: Members = attrs.field(hash=False)
    seconds: float
    until: tuple[str, ...] = ()


@attrs.frozen
class Reply:
    """What came back."""

    code: str
    members: Members = attrs.field(hash=False)
    error: AwsError | None = None


@attrs.define
class Recorder:
    """Calls of one run, in their order.

    Attributes:
        aws: where they go.
        calls: those so far.
        names: names of images by their SHA-256, so that no pixel is written down.
    """

    aws: Aws
    calls: list[Call] = attrs.field(factory=list)
    names: dict[str, str] = attrs.field(factory=dict)

    def name_image(self, name: str, body: bytes) -> None:
        """Lets an image be written down by a name."""
        self.names[hashlib.sha256(body).hexdigest()] = name

    def call(self, operation: str, *, once: bool = False, **request: Any) -> Reply:
        """Calls an operation of Rekognition; a refusal is a reply, too.

        Args:
            operation: as AWS names it.
            once: do not repeat throttles and faults.
            request: its members.

        Raises:
            AccessDeniedError: names the statement that the caller's policy lacks.
            CredentialsError, ConnectionFailedError: nothing else would go well, either.
        """
        reply, seconds = self._make(operation, request, once=once)
        self._note(operation, request, reply, seconds)
        return reply

    def wait(
        self,
        operation: str,
        state: Callable[[Reply], str],
        until: Iterable[str],
        *,
        budget: float,
        **request: Any,
    ) -> str:
        """Calls until the state is one of those; gives it. Writes down the last call.

        Raises:
            WaitTimeoutError: it is none of them after `budget` seconds.
        """
        wanted, clock = tuple(until), self.aws.clock
        began = clock.now()
        while True:
            reply, seconds = self._make(operation, request, once=False)
            found = state(reply)
            if found in wanted:
                passed = max(clock.now() - began, seconds)
                self._note(operation, request, reply, passed, until=wanted)
                return found
            if clock.now() - began > budget:
                raise WaitTimeoutError(
                    f"{operation}: still {found} after {budget:g} s, not {' or '.join(wanted)}."
                )
            clock.sleep(min(_PAUSE, max(0.05, (clock.now() - began) / 4)))

    def put(self, bucket: str, key: str, body: bytes, *, name: str = "") -> None:
        """Writes an object: a text, or an image that is known by `name`.

        Raises:
            AwsError: S3 refused.
        """
        began = time.perf_counter()
        with aws_errors(f"s3://{bucket}/{key}"):
            self.aws.s3.put_object(Bucket=bucket, Key=key, Body=body)
        if name:
            self.name_image(name, body)
        content = {"image": name} if name else {"text": body.decode("utf-8")}
        request = {"Bucket": bucket, "Key": key, "Body": content}
        self.calls.append(Call("PutObject", request, "", {}, time.perf_counter() - began))

    def _make(self, operation: str, request: Members, *, once: bool) -> tuple[Reply, float]:
        client = self.aws.rekognition_once if once else self.aws.rekognition
        method = method_of(client, operation)
        began = time.perf_counter()
        try:
            with aws_errors():
                members = method(**request)
        except AccessDeniedError as error:
            statement = missing_statement([operation])
            error.hint = f"Add to the policy of this identity: {statement}"
            raise
        except (CredentialsError, ConnectionFailedError):
            raise
        except AwsError as error:
            reply = Reply(error.code, {"Message": error.message}, error)
            return reply, time.perf_counter() - began
        kept = {name: part for name, part in members.items() if name != "ResponseMetadata"}
        return Reply("", kept), time.perf_counter() - began

    def _note(
        self,
        operation: str,
        request: Members,
        reply: Reply,
        seconds: float,
        *,
        until: tuple[str, ...] = (),
    ) -> None:
        shown = {name: self._shown(part) for name, part in request.items()}
        self.calls.append(Call(operation, shown, reply.code, reply.members, seconds, until))

    def _shown(self, part: Any) -> Any:
        if isinstance(part, bytes):
            name = self.names.get(hashlib.sha256(part).hexdigest())
            return {"image": name} if name else {"text": part.decode("utf-8")}
        if isinstance(part, dict):
            return {name: self._shown(inner) for name, inner in part.items()}
        return part
