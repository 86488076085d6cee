"""``verify``: one run against an endpoint, from the price to the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import attrs

from rekognition_xray import __version__
from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.contract.findings import Finding, compare
from rekognition_xray.contract.recorder import Call, Recorder
from rekognition_xray.contract.stage import Stage, remove_remains
from rekognition_xray.contract.walk import Budget, Walk
from rekognition_xray.costs import Estimate, Money, PriceBook, money
from rekognition_xray.errors import CostCapError, StorageError
from rekognition_xray.local.assumptions import Assumptions, Limits
from rekognition_xray.records import Record

_TRAINING_HOURS: Final = Decimal(1)
_RUNNING_HOURS: Final = Decimal("0.5")


@attrs.frozen(str=False)
class Verification(Record):
    """The result of a run.

    Attributes:
        region: where it ran.
        endpoint_url: the address if it was not AWS itself.
        findings: one for each assumption.
        calls: every call of the walk, in order.
        seconds: how long it took.
        removed: projects of an earlier run that were found and removed first.
    """

    region: str
    endpoint_url: str | None
    findings: tuple[Finding, ...]
    calls: tuple[Call, ...] = attrs.field(repr=False)
    seconds: float
    removed: int

    @property
    def differing(self) -> tuple[Finding, ...]:
        """The findings that differ from what is assumed."""
        return tuple(finding for finding in self.findings if finding.verdict == "differs")

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that were called."""
        return tuple(sorted({call.operation for call in self.calls}))

    def to_dict(self) -> dict[str, object]:
        """The findings and figures as plain data; the calls are in the transcript."""
        return {
            "library": __version__,
            "region": self.region,
            "endpoint_url": self.endpoint_url,
            "findings": [attrs.asdict(finding) for finding in self.findings],
            "operations": list(self.operations),
            "calls": len(self.calls),
            "seconds": self.seconds,
            "removed": self.removed,
        }

    def __str__(self) -> str:
        where = self.endpoint_url or f"AWS in {self.region}"
        counts = {
            verdict: sum(finding.verdict == verdict for finding in self.findings)
            for verdict in ("agrees", "differs", "not seen")
        }
        rows = sorted(self.findings, key=lambda one: (one.verdict != "differs", one.verdict))
        return "\n".join(
            [
                f"{len(self.calls)} calls of {len(self.operations)} operations, {where}: "
                + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()),
                *map(str, rows),
            ]
        )


def price(aws: Aws, prices: PriceBook | None = None) -> Estimate:
    """What a run is expected to cost: an hour of training, half an hour of one inference unit.

    AWS's guide says that a training takes from half an hour to a day; one on 16 small images is at
    the lower end. AWS cannot cancel it. The time of the model is cut where the cap is reached.

    Args:
        aws: where it runs.
        prices: the price book; by default the library's for the Region.
    """
    book = book_for(aws, prices)
    training = book.training(_TRAINING_HOURS)
    return training + book.inference(_RUNNING_HOURS, units=1)


def verify(
    aws: Aws,
    bucket: str,
    *,
    max_cost: Money,
    prices: PriceBook | None = None,
    assumptions: Assumptions | None = None,
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda _: None,
    on_error: Callable[[Verification], None] = lambda _: None,
) -> Verification:
    """Calls all operations of Custom Labels, and compares what comes with what is assumed.

    Makes projects named ``rxray-verify-...`` and objects under ``rxray-verify/``, from drawn
    phantoms; trains once, starts once, stops, and deletes all of it, also after an error. A run
    that was killed leaves remains, which may go on billing: the next run, or ``remove_remains``,
    removes them first.

    Calls all 23 operations of Custom Labels, about 150 calls; bills one training and the time of
    the running model (``price``), and a few hundred requests to S3.

    Args:
        aws: the AWS session.
        bucket: a bucket in its Region.
        max_cost: no training begins if the expected price is higher; the model is stopped before
            the rest of it is used up.
        prices: the price book; by default the library's for the Region.
        assumptions: what to compare with; by default what the local cloud assumes.
        limits: likewise, for quotas.
        say: gets a line at the beginning of each part.
        on_error: gets what was seen so far if the run ends with an error, before it is raised.

    Raises:
        CostCapError: the expected price is higher; nothing was called.
        StorageError: the bucket is missing or in another Region; nothing was made.
        AlreadyExistsError: a project has a name of this command, and was not made by it.
        AccessDeniedError: names the statement that the policy lacks; nothing is left behind.
        AwsError: a call that had to go well was refused; nothing is left behind.
        TrainingFailedError: the training failed; nothing is left behind.
        WaitTimeoutError: a training or a start took too long.
        MissingExtraError: the extra ``local`` is not installed.
    """
    expected, cap = price(aws, prices), money(max_cost)
    if expected.total > cap:
        raise CostCapError(
            f"A run is expected to cost {expected.total} {expected.currency}, more than {cap}; "
            "nothing was started.",
            hint="Raise max_cost (--max-cost).",
        )
    region = aws.bucket_region(bucket)
    if region != aws.region:
        raise StorageError(
            f"The bucket {bucket} is in {region}, not in {aws.region}; nothing was started.",
            hint="Name a bucket of this Region, or give the bucket's Region.",
        )
    began = time.monotonic()
    removed = remove_remains(aws, bucket)
    if removed:
        say(f"removed {removed} projects of an earlier run")
    recorder = Recorder(aws)
    walk = Walk(Stage(recorder, bucket), say)
    book = book_for(aws, prices)
    budget = Budget(cap, book.training(1).total, book.inference(1, units=1).total)

    def verification() -> Verification:
        return Verification(
            region=aws.region,
            endpoint_url=aws.endpoint_url,
            findings=compare(walk.seen, assumptions or Assumptions(), limits or Limits()),
            calls=tuple(recorder.calls),
            seconds=time.monotonic() - began,
            removed=removed,
        )

    try:
        walk.run(budget)
    except BaseException:
        on_error(verification())
        raise
    finally:
        say(
            "removing everything; this waits for a training that is under way. If you interrupt "
            "it, run it again, or with --remove-only, so that nothing goes on billing"
        )
        remove_remains(aws, bucket)
    return verification()
