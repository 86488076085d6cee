"""Transcripts: the calls of a run as a file without names of the account, and their replay."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from rekognition_xray import __version__
from rekognition_xray._files import atomic_write
from rekognition_xray.cloud.aws import Aws
from rekognition_xray.contract.recorder import Call, Recorder, Reply
from rekognition_xray.contract.stage import drawn_images, odd_images
from rekognition_xray.errors import DataError, WaitTimeoutError

if TYPE_CHECKING:
    from rekognition_xray.contract.verification import Verification

_FORMAT: Final = 1
_ACCOUNTS: Final = ("111122223333", "444455556666", "777788889999")
_IDENTITY: Final = re.compile(r"(arn:aws[a-z-]*:(?:iam|sts)::\d{12}:[a-z-]+)/[\w+=,.@/-]+")
_BUCKET: Final = "amzn-s3-demo-bucket"
_ARN: Final = re.compile(r"arn:aws[a-z-]*:(?:rekognition|iam|sts|s3|kms):[a-z0-9-]*:(\d{12}):")
_PATIENCE: Final = 120.0  # seconds until a state that a replay waits for


@attrs.frozen
class Difference:
    """A call that another endpoint answered differently.

    Attributes:
        number: its place in the transcript, from 1.
        operation: as AWS names it.
        recorded: code, or members of the reply, in the transcript.
        replayed: likewise, now.
    """

    number: int
    operation: str
    recorded: str
    replayed: str

    def __str__(self) -> str:
        return f"call {self.number}, {self.operation}: {self.recorded} became {self.replayed}"


@attrs.frozen
class Transcript:
    """The calls of one run, ready to be shared.

    Accounts and bucket are replaced, request ids and endpoint left out. Images are named only.

    Attributes:
        region: where the run was.
        made: day of the run.
        library: version of this library.
        calls: the calls, in order.
        findings: what was seen of each assumption, as plain data.
    """

    region: str
    made: str
    library: str
    calls: tuple[Call, ...] = attrs.field(repr=False)
    findings: tuple[Mapping[str, str], ...] = attrs.field(repr=False)

    @classmethod
    def of(cls, verification: Verification, *, bucket: str) -> Transcript:
        """The transcript of a run.

        Args:
            verification: the run.
            bucket: its bucket, whose name is replaced.

        Raises:
            DataError: no bucket is named.
        """
        if not bucket:
            raise DataError("A transcript needs the name of the bucket, which it replaces.")
        plain = [attrs.asdict(call) for call in verification.calls]
        calls = json.loads(json.dumps(plain, default=_plain))
        names = _Names(bucket, tuple(dict.fromkeys(_accounts(calls))))
        return cls(
            region=verification.region,
            made=dt.datetime.now(dt.UTC).date().isoformat(),
            library=__version__,
            calls=tuple(_call(each | names.replaced(_texts(each))) for each in calls),
            findings=tuple(attrs.asdict(finding) for finding in verification.findings),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes it as JSON and gives the path.

        Raises:
            DataError: the file cannot be written.
        """
        record = {"format": _FORMAT, **attrs.asdict(self)}
        try:
            with atomic_write(Path(path)) as file:
                file.write((json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error.strerror}.") from error
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Transcript:
        """Reads what ``save`` wrote.

        Raises:
            DataError: it cannot be read, or is no transcript of this format.
        """
        try:
            record = json.loads(Path(path).read_text("utf-8"))
            made = (
                None
                if record["format"] != _FORMAT
                else cls(
                    region=record["region"],
                    made=record["made"],
                    library=record["library"],
                    calls=tuple(_call(each) for each in record["calls"]),
                    findings=tuple(record["findings"]),
                )
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"{path} is not a readable transcript: {error!r}") from error
        if made is None:
            raise DataError(f"{path} has format {record['format']}, not {_FORMAT}.")
        return made


def replay(transcript: Transcript, aws: Aws, bucket: str) -> tuple[Difference, ...]:
    """Makes the calls of a transcript again, on another endpoint, and compares codes and members.

    Values are not compared, except the states that were waited for. For a local cloud: on AWS it
    would bill a training again.

    Args:
        transcript: the calls.
        aws: where they go.
        bucket: an empty bucket there.

    Raises:
        AwsError: the endpoint cannot be reached, or credentials or permissions are missing.
    """
    return tuple(_Replay(Recorder(aws), bucket).differences(transcript))


@attrs.frozen
class _Names:
    """Names of the account, and what stands for them in a transcript."""

    bucket: str
    accounts: tuple[str, ...]

    def replaced(self, part: Any) -> Any:
        """A value with all texts in it replaced; keys are members' names and stay."""
        if isinstance(part, dict):
            return {name: self.replaced(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [self.replaced(inner) for inner in part]
        return self._text(part) if isinstance(part, str) else part

    def _text(self, text: str) -> str:
        text = _IDENTITY.sub(r"\1/someone", text)
        for number, account in enumerate(self.accounts):
            other = _ACCOUNTS[number] if number < len(_ACCOUNTS) else f"{number:012}"
            text = text.replace(account, other)
        return re.sub(rf"(?<![\w-]){re.escape(self.bucket)}(?![\w-])", _BUCKET, text)


def _texts(call: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a call that may hold names."""
    return {name: call[name] for name in ("request", "reply")}


def _accounts(part: Any) -> Iterator[str]:
    """The account numbers in all ARNs; the caller's own comes first."""
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _accounts(inner)
    elif isinstance(part, str):
        yield from _ARN.findall(part)


@attrs.define
class _Replay:
    recorder: Recorder
    bucket: str
    _known: dict[str, str] = attrs.field(factory=dict, init=False)  # recorded to present ARNs
    _images: dict[str, bytes] = attrs.field(factory=dict, init=False)

    def differences(self, transcript: Transcript) -> Iterator[Difference]:
        self._images = odd_images() | {name: body for name, _, body in drawn_images()}
        for name, body in self._images.items():
            self.recorder.name_image(name, body)
        for number, call in enumerate(transcript.calls, start=1):
            try:
                code, reply = self._make(call)
            except (AttributeError, KeyError, TypeError) as error:
                raise DataError(
                    f"Call {number} of the transcript ({call.operation}) cannot be made: {error!r}",
                    hint="Use a transcript as verify-aws has written it.",
                ) from error
            before, now = _summary(call.code, call.reply), _summary(code, reply)
            if before != now:
                yield Difference(number, call.operation, before, now)
            self._learn(call.reply, reply)

    def _make(self, call: Call) -> tuple[str, Mapping[str, Any]]:
        request = {name: self._present(part) for name, part in call.request.items()}
        if call.operation == "PutObject":
            self.recorder.put(self.bucket, request["Key"], request["Body"], name="replayed")
            return "", {}
        if not call.until:
            made = self.recorder.call(call.operation, **request)
            return made.code, made.members
        recorded = _state(Reply(call.code, call.reply))
        try:
            self.recorder.wait(call.operation, _state, (recorded,), budget=_PATIENCE, **request)
        except WaitTimeoutError:
            made = self.recorder.call(call.operation, **request)
            return f"{_state(made)} instead of {recorded}", made.members
        last = self.recorder.calls[-1]
        return last.code, last.reply

    def _present(self, part: Any) -> Any:
        """A part of a recorded request, with the present bucket, ARNs, texts and images."""
        if isinstance(part, dict):
            if set(part) == {"image"}:
                return self._images[part["image"]]
            if set(part) == {"text"}:
                return self._text(part["text"]).encode()
            return {name: self._present(inner) for name, inner in part.items()}
        if isinstance(part, list | tuple):
            return [self._present(inner) for inner in part]
        return self._text(part) if isinstance(part, str) else part

    def _text(self, text: str) -> str:
        for recorded, present in sorted(self._known.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(recorded, present)
        return text.replace(_BUCKET, self.bucket)

    def _learn(self, recorded: Any, present: Any) -> None:
        """Notes which ARN of now stands for which recorded one."""
        if isinstance(recorded, dict) and isinstance(present, dict):
            for name in recorded.keys() & present.keys():
                self._learn(recorded[name], present[name])
        elif isinstance(recorded, list | tuple) and isinstance(present, list | tuple):
            for one, other in zip(recorded, present, strict=False):
                self._learn(one, other)
        elif isinstance(recorded, str) and isinstance(present, str) and _ARN.match(recorded):
            self._known[recorded] = present
            account, now = _ARN.match(recorded), _ARN.match(present)
            if account and now:
                self._known[account[1]] = now[1]


def _state(reply: Reply) -> str:
    """The state that a reply of a Describe shows."""
    if reply.code:
        return reply.code
    for name in ("DatasetDescription", "ProjectVersionDescriptions", "ProjectDescriptions"):
        if name in reply.members:
            found = reply.members[name]
            first = found if isinstance(found, dict) else next(iter(found), {"Status": "gone"})
            return str(first["Status"])
    return "no state"


def _summary(code: str, reply: Mapping[str, Any]) -> str:
    """Code, or names of the members, of a reply."""
    return code or ", ".join(sorted(reply)) or "an empty reply"


def _call(record: Mapping[str, Any]) -> Call:
    return Call(
        operation=record["operation"],
        request=record["request"],
        code=record["code"],
        reply=record["reply"],
        seconds=float(record["seconds"]),
        until=tuple(record["until"]),
    )


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
