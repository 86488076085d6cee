"""A bulk run as its caller sees it: an iterator of answers, with a summary."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Self, TypeAlias

import attrs
from tqdm import tqdm

from rekognition_xray.clinic.diagnosis.diagnosis import Answer, FailedDiagnosis
from rekognition_xray.clinic.diagnosis.engine import Engine
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.versions import ModelVersion
from rekognition_xray.costs import Estimate, PriceBook
from rekognition_xray.errors import AwsError
from rekognition_xray.records import Record


@attrs.frozen
class BulkProgress:
    """How far a bulk run is.

    Attributes:
        done: images that have their answer.
        total: images in all; None if the iterable has no length.
        failed: those of them that got no diagnosis.
        throttled: calls that were refused for coming too fast, and repeated.
        rate: calls a second at present.
    """

    done: int
    total: int | None
    failed: int
    throttled: int
    rate: float


@attrs.frozen(str=False)
class BulkSummary(Record):
    """A bulk run in figures, so far or in all.

    Attributes:
        images: images that have their answer.
        diagnosed: those with a diagnosis.
        failed: those without one.
        remembered: those whose answer was in the journal, or was known from the same image before;
            no call was made for them.
        calls: calls made.
        throttled: calls that were refused for coming too fast, and repeated.
        faulted: calls that met a fault (no reply, a failing service), and were repeated.
        seconds: from the first image to the last answer.
        price: what the version cost in these seconds; None if the number of its
            units is not known.
    """

    images: int
    diagnosed: int
    failed: int
    remembered: int
    calls: int
    throttled: int
    faulted: int
    seconds: float
    price: Estimate | None

    _derived = ("per_second", "per_image")

    @property
    def per_second(self) -> float:
        """Images answered by calls, a second."""
        called = self.images - self.remembered
        return called / self.seconds if self.seconds else 0.0

    @property
    def per_image(self) -> Decimal | None:
        """Price of an image that was sent; None if there is none, or no price is known."""
        called = self.images - self.remembered
        return self.price.total / called if self.price and called else None

    def __str__(self) -> str:
        rows = [
            f"{self.images:,} images: {self.diagnosed:,} diagnosed, {self.failed:,} failed",
            f"{self.remembered:,} of them known before, without a call",
            f"{self.calls:,} calls in {self.seconds:,.1f} s, {self.per_second:.2f} images a second",
            f"{self.throttled:,} throttled and {self.faulted:,} faulty calls were repeated",
        ]
        return "\n".join([*rows, *([str(self.price)] if self.price else [])])


Progress: TypeAlias = bool | Callable[[BulkProgress], None]
"""True for a bar, or a callable that gets a record after each answer."""


class BulkRun(Iterator[Answer]):
    """The answers of ``diagnose_many``, as they come. The run begins with the first ``next``.

    If you stop before the end, ``close`` it, or use it in a ``with`` block; otherwise it closes
    when it is garbage-collected. Closing waits for the calls under way and writes their answers to
    the journal.
    """

    def __init__(
        self, engine: Engine, version: ModelVersion, *, total: int | None, progress: Progress
    ) -> None:
        self._engine = engine
        self._version = version
        self._total = total
        self._progress = progress if callable(progress) else None
        self._bar = tqdm(total=total, unit=" images", disable=progress is not True)
        self._thread: threading.Thread | None = None
        self._over = False
        self._done = 0
        self._failed = 0

    def __next__(self) -> Answer:
        if self._over:
            raise StopIteration
        if self._thread is None:
            self._thread = threading.Thread(target=self._engine.run, name="bulk", daemon=True)
            self._thread.start()
        answer = self._engine.out.get()
        if answer is None or isinstance(answer, BaseException):
            self._end()
            raise StopIteration if answer is None else answer
        self._engine.answer_taken()
        self._report(answer)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self.close()

    def close(self) -> None:
        """Makes no more calls and waits for those under way. Closing twice does no harm."""
        self._engine.stop()
        self._end()

    def summary(self, *, units: int | None = None, prices: PriceBook | None = None) -> BulkSummary:
        """The run in figures, so far or in all.

        Args:
            units: inference units that the version ran on; without it, DescribeProjectVersions is
                called (free), and the minimum that it was started with is used.
            prices: the price book; by default the library's, for the Region. If it has no prices
                for the Region, those of us-east-1 are used, and a warning says so.
        """
        counts = self._engine.counts
        began, ended = counts.began, counts.ended
        seconds = 0.0 if began is None else (ended or time.monotonic()) - began
        return BulkSummary(
            images=counts.images,
            diagnosed=counts.images - counts.failed,
            failed=counts.failed,
            remembered=counts.remembered,
            calls=counts.calls,
            throttled=counts.throttled,
            faulted=counts.faulted,
            seconds=seconds,
            price=self._price(seconds, units, prices),
        )

    def _price(
        self, seconds: float, units: int | None, prices: PriceBook | None
    ) -> Estimate | None:
        if units is None:
            try:
                units = self._version.describe().units
            except AwsError:
                return None
        hours = (Decimal(seconds) / 3600).quantize(Decimal("0.000001"))
        return book_for(self._version.aws, prices).inference(hours, units=units) if units else None

    def _report(self, answer: Answer) -> None:
        self._done += 1
        self._failed += isinstance(answer, FailedDiagnosis)
        self._bar.update()
        if self._progress is not None:
            throttled, rate = self._engine.counts.throttled, self._engine.pacer.rate
            self._progress(BulkProgress(self._done, self._total, self._failed, throttled, rate))

    def _end(self) -> None:
        self._over = True
        if self._thread is not None:
            self._thread.join()
        self._bar.close()
