"""Every error that the library raises, in one tree.

::

    XrayError
    ├── MissingExtraError (ImportError)       an optional dependency is not installed
    ├── DataError (ValueError)                films, names, labels, manifests
    │   ├── FolderNotFoundError (FileNotFoundError)
    │   ├── EmptyDatasetError
    │   ├── AuditError                        carries every finding with its files
    │   ├── ImageError                        one film that cannot be used
    │   ├── SplitError
    │   ├── LabelsError                       too few, unknown or contradictory labels
    │   │   └── NoLabelError                  a rule that knows no label for a film
    │   ├── ManifestError
    │   ├── PreparedFolderError (OSError)     the folder for prepared films cannot be written
    │   └── PseudonymKeyError                 the key for pseudonyms is too short or cannot be kept
    ├── AwsError                              AWS said no: operation, code, request id, ARN
    │   ├── ConnectionFailedError (ConnectionError)
    │   ├── CredentialsError
    │   ├── AccessDeniedError (PermissionError)
    │   ├── NotFoundError (LookupError)
    │   ├── AlreadyExistsError
    │   ├── InUseError
    │   ├── NotReadyError
    │   ├── InvalidRequestError (ValueError)
    │   ├── InvalidImageError (ValueError)
    │   ├── StorageError                      a bucket or an object
    │   │   └── UploadError                   carries every film that was not uploaded, and why
    │   ├── QuotaError
    │   ├── ThrottledError
    │   └── ServiceFaultError
    ├── WaitError
    │   ├── WaitTimeoutError (TimeoutError)   the time budget is used up
    │   └── UnreachableStateError             the awaited state cannot come any more
    ├── DatasetFailedError                    the service could not create or update a dataset
    ├── TrainingRefusedError                  carries everything that stands against a training
    ├── TrainingFailedError                   carries the service's message and the bad lines
    ├── CopyFailedError                       the service could not copy a version
    ├── MoneyError
    │   ├── CostCapError                      refused to start: dearer than the cap
    │   ├── PlanError (ValueError)            no plan meets what was asked
    │   ├── PriceBookError (ValueError)       carries everything wrong with a file of prices
    │   └── StopFailedError                   a model may still be billing
    ├── EvaluationError (ValueError)          result files that cannot be read or relied on
    └── JournalError (ValueError)             a bulk journal that cannot be continued

Each error carries ``hint``: one sentence on what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

_MAX_SHOWN = 100


class XrayError(Exception):
    """Base of all errors of this library.

    Attributes:
        hint: one sentence on what to do next.
        retryable: whether the same call may succeed when it is made again later.
    """

    default_hint: str = "Read the message above; if it does not explain itself, report it."
    retryable: bool = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint or self.default_hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}\n  What to do: {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (executor=...), whatever arguments a leaf's __init__ takes.
        return (_restore, (type(self), self.__dict__.copy()))


def _restore(cls: type[XrayError], state: dict[str, object]) -> XrayError:
    # Python looks __new__ up by name and finds ValueError's before OSError's, which is needed.
    error = (OSError if issubclass(cls, OSError) else cls).__new__(cls)
    error.__dict__.update(state)
    error.args = (state["message"],)
    return error


def list_paths(lines: Iterable[object]) -> str:
    """Renders offending paths one to a line; a long list is cut and says by how many."""
    shown = [f"  - {line}" for line in lines]
    rest = len(shown) - _MAX_SHOWN
    return "\n".join(shown[:_MAX_SHOWN] + ([f"  … and {rest} more"] if rest > 0 else []))


class MissingExtraError(XrayError, ImportError):
    """An optional dependency is needed and not installed."""

    def __init__(self, extra: str, *, needed_for: str) -> None:
        self.extra = extra
        super().__init__(
            f"{needed_for} needs packages of the extra {extra!r}, which are not installed.",
            hint=f"pip install 'rekognition-xray[{extra}]'",
        )


class DataError(XrayError, ValueError):
    """Films, names, labels or manifests that cannot be used.

    Attributes:
        paths: every file that is concerned; text for an address in S3.
    """

    default_hint = "Mend or remove the files that are named, then run it again."

    def __init__(
        self, message: str, *, paths: Iterable[Path | str] = (), hint: str | None = None
    ) -> None:
        self.paths = tuple(paths)
        super().__init__(message, hint=hint)


class FolderNotFoundError(DataError, FileNotFoundError):
    """The folder of films is not there."""

    default_hint = "Check the path; it should hold folders such as NORMAL and PNEUMONIA."


class EmptyDatasetError(DataError):
    """No usable film was found."""

    default_hint = "Check the folder and the naming rule (names=...)."


class AuditError(DataError):
    """The audit found errors; nothing was uploaded and nothing was billed."""


class ImageError(DataError):
    """One film that is not a readable PNG, JPEG or DICOM that can be brought within the limits.

    Attributes:
        code: the audit's word for the fault: ``missing``, ``zero-bytes``, ``not-an-image``,
            ``truncated``, ``unreadable`` or ``over-limits``; of DICOM also ``not-a-film`` (another
            kind of object), ``burned-in`` (held back: a name may stand in the picture) and
            ``no-decoder`` (a transfer syntax that nothing here reads).
        reason: the fault without the film's name.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "unreadable",
        reason: str = "",
        paths: Iterable[Path | str] = (),
        hint: str | None = None,
    ) -> None:
        self.code = code
        self.reason = reason or message
        super().__init__(message, paths=paths, hint=hint)


class SplitError(DataError):
    """The dataset cannot be split as asked."""

    default_hint = "Use a larger dataset, or another share for the test part."


class LabelsError(DataError):
    """Labels that a training would be refused for."""

    default_hint = "A classification needs films of at least two labels in train and in test."


class NoLabelError(LabelsError):
    """A rule knows no label for a film, and says why."""

    default_hint = "Name or place the film so that the rule can read it, or use another rule."


@attrs.frozen
class ManifestFault:
    """One thing wrong with a manifest.

    Attributes:
        line: number of the line, from 1; None where it is about the manifest as a whole.
        code: the service's code, such as ``ERROR_INVALID_JSON_LINE``, or a word of ours in small
            letters where the service has none.
        reason: the fault in words.
    """

    line: int | None
    code: str
    reason: str

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return f"{place}{self.code}: {self.reason}"


class ManifestError(DataError):
    """A manifest that the service would refuse, or that cannot be read.

    Attributes:
        faults: every fault; the message lists the first hundred.
    """

    default_hint = "Correct the lines that are named."

    def __init__(
        self,
        message: str,
        *,
        faults: Iterable[ManifestFault] = (),
        paths: Iterable[Path | str] = (),
        hint: str | None = None,
    ) -> None:
        self.faults = tuple(faults)
        listing = f":\n{list_paths(self.faults)}" if self.faults else ""
        super().__init__(f"{message}{listing}", paths=paths, hint=hint)


class PreparedFolderError(DataError, OSError):
    """The folder for prepared films cannot be written: no space left, no permission."""

    default_hint = "Make room or name another folder, then run it again: what is done stays done."


class PseudonymKeyError(DataError):
    """The key that turns patients into pseudonyms is too short, or cannot be read or kept."""

    default_hint = "Set REKOGNITION_XRAY_KEY (or pass key=...) to a secret of 16 bytes or more."


class AwsError(XrayError):
    """AWS refused a call, or could not be reached.

    Attributes:
        operation: name of the operation as AWS writes it, such as ``CreateProject``.
        code: the error code of AWS, such as ``ResourceInUseException``.
        request_id: AWS's id of the request, where one came back.
        arn: the resource concerned, where one is known.
    """

    default_hint = "Look the code up in the API reference of Amazon Rekognition."

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        code: str = "",
        request_id: str = "",
        arn: str = "",
        hint: str | None = None,
    ) -> None:
        self.operation, self.code, self.request_id, self.arn = operation, code, request_id, arn
        super().__init__(message, hint=hint)


class ConnectionFailedError(AwsError, ConnectionError):
    """The endpoint could not be reached."""

    default_hint = "Check the network, the Region and AWS_ENDPOINT_URL; then try again."
    retryable = True


class CredentialsError(AwsError):
    """Credentials are missing, wrong or expired."""

    default_hint = "Sign in again (aws sso login, aws configure) or pass another boto3 session."


class AccessDeniedError(AwsError, PermissionError):
    """The caller lacks a permission."""

    default_hint = "Allow the operation for this identity in IAM (and in the bucket's policy)."


class NotFoundError(AwsError, LookupError):
    """The resource does not exist in this account and Region."""

    default_hint = "Check name, ARN, account and Region."


class AlreadyExistsError(AwsError):
    """The name is taken."""

    default_hint = "Choose another name, or open the existing one."


class InUseError(AwsError):
    """The resource is in a state that forbids the call, or its name is taken."""

    default_hint = "Wait until the resource has settled, or choose another name."


class NotReadyError(AwsError):
    """The resource is not in a state that allows the call yet."""

    default_hint = "Wait for it: detection needs a version that is RUNNING."


class InvalidRequestError(AwsError, ValueError):
    """AWS refused a parameter."""

    default_hint = "Check the arguments against the limits in the docstring."


class InvalidImageError(AwsError, ValueError):
    """AWS refused the image."""

    default_hint = "Send a PNG or JPEG of 64 to 4096 px a side and at most 4 MB."


class StorageError(AwsError):
    """A bucket or an object in S3 is missing, elsewhere or unreadable."""

    default_hint = "Check bucket, key, Region and permissions; create the bucket where it is new."


class UploadError(StorageError):
    """Some films were not uploaded; those that were are not sent again.

    Attributes:
        failures: path and reason for each film that was not uploaded.
    """

    default_hint = "Mend the cause and run it again: what is there already is not sent twice."

    def __init__(
        self,
        message: str,
        *,
        failures: Iterable[tuple[Path | str, str]] = (),
        operation: str = "",
        code: str = "",
        request_id: str = "",
        arn: str = "",
        hint: str | None = None,
    ) -> None:
        self.failures = tuple(failures)
        super().__init__(
            message, operation=operation, code=code, request_id=request_id, arn=arn, hint=hint
        )

    @property
    def paths(self) -> tuple[Path | str, ...]:
        """The films that were not uploaded."""
        return tuple(path for path, _ in self.failures)


class QuotaError(AwsError):
    """A quota of the account is used up."""

    default_hint = "Stop or delete what is not needed, or ask AWS for a higher quota."


class ThrottledError(AwsError):
    """Too many calls a second."""

    default_hint = "Call more slowly, or start the version with more inference units."
    retryable = True


class ServiceFaultError(AwsError):
    """The service failed."""

    default_hint = "Try again later; quote the request id to AWS if it lasts."
    retryable = True


class WaitError(XrayError):
    """Waiting ended without the awaited state."""


class WaitTimeoutError(WaitError, TimeoutError):
    """The time budget is used up; what was waited for may still go on and bill."""

    default_hint = "Wait again with a larger budget; nothing was cancelled."


class UnreachableStateError(WaitError):
    """The awaited state cannot be reached from the state the resource is in."""

    default_hint = "Look at the resource: it was stopped, deleted or has failed meanwhile."


class DatasetFailedError(XrayError):
    """The service could not create, update or distribute a dataset."""

    default_hint = "Mend what the service's message names, delete the dataset, and put it again."


class TrainingRefusedError(XrayError):
    """Several things stand against a training; nothing was started and nothing is billed.

    One alone is raised as the error that it is.

    Attributes:
        problems: each as an error of its own, with its own hint.
    """

    default_hint = "Mend each of them; the list says how."

    def __init__(self, message: str, *, problems: Iterable[XrayError] = ()) -> None:
        self.problems = tuple(problems)
        told = (f"{type(one).__name__}: {one}" for one in self.problems)
        super().__init__(f"{message}:\n{list_paths(told)}" if self.problems else message)


@attrs.frozen
class TrainingFault:
    """One thing that the service found wrong with what a version was to be trained on.

    Attributes:
        dataset: ``TRAIN`` or ``TEST``; empty where it is about both.
        line: line of that dataset's validation manifest, from 1; None where it is about no line.
        code: the service's code, such as ``ERROR_INVALID_IMAGE``.
        message: the service's sentence.
        source_ref: address of the film; empty where none is known.
    """

    dataset: str
    line: int | None
    code: str
    message: str
    source_ref: str = ""

    def __str__(self) -> str:
        place = self.dataset if self.line is None else f"{self.dataset} line {self.line}"
        film = f" ({self.source_ref})" if self.source_ref else ""
        return f"{place}: {self.code}: {self.message.strip()}{film}".removeprefix(": ")


class TrainingFailedError(XrayError):
    """The training ended in TRAINING_FAILED; AWS does not bill failed trainings.

    Attributes:
        faults: what the service's reports name, those of the datasets first, then line by line;
            the message lists the first hundred.
    """

    default_hint = "Mend what the service's message names, then train under a new version name."

    def __init__(
        self, message: str, *, faults: Iterable[TrainingFault] = (), hint: str | None = None
    ) -> None:
        self.faults = tuple(faults)
        listing = f"\n{list_paths(self.faults)}" if self.faults else ""
        super().__init__(f"{message}{listing}", hint=hint)


class CopyFailedError(XrayError):
    """The service could not copy a version; AWS bills no copies."""

    default_hint = "Mend what the service's message names, delete the copy, and copy again."


class MoneyError(XrayError):
    """Something would cost, or may be costing, more than was agreed."""


class CostCapError(MoneyError):
    """Refused to start: the price would exceed the cap. Nothing was billed."""

    default_hint = "Raise the cap, or ask for less."


class PlanError(MoneyError, ValueError):
    """No plan meets what was asked; nothing was billed."""

    default_hint = "Allow more time or more units."


class PriceBookError(MoneyError, ValueError):
    """A file of prices that cannot be relied on, or no prices for the Region.

    Attributes:
        faults: each thing that is wrong, with its place in the file.
    """

    default_hint = "Correct what is named; PriceBook.from_file says how a file of prices reads."

    def __init__(
        self, message: str, *, faults: Iterable[str] = (), hint: str | None = None
    ) -> None:
        self.faults = tuple(faults)
        listing = f":\n{list_paths(self.faults)}" if self.faults else ""
        super().__init__(f"{message}{listing}", hint=hint)


class StopFailedError(MoneyError):
    """A running model could not be stopped and goes on billing."""

    default_hint = (
        "Stop it by hand: aws rekognition stop-project-version --project-version-arn <ARN>"
    )


class EvaluationError(XrayError, ValueError):
    """Result files of a training that are missing, unreadable or do not support a figure."""

    default_hint = "Check that the version is trained and its result files still lie in S3."


class JournalError(XrayError, ValueError):
    """A journal of a bulk run that belongs to another run or cannot be read."""

    default_hint = "Name another journal file, or repair the line that is named."


class PatientLeakWarning(UserWarning):
    """Films of one patient may stand in train and in test; figures come out too good."""
