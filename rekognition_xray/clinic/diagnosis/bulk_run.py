"""A bulk run as its caller sees it: an iterator of answers, with a summary."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Self, TypeAlias

from tqdm import tqdm

from rekognition_xray.clinic.diagnosis.answers import FailedDiagnosis
from rekognition_xray.clinic.diagnosis.bulk import Engine
from rekognition_xray.clinic.diagnosis.bulk_images import Answer
from rekognition_xray.clinic.diagnosis.bulk_records import BulkProgress, BulkSummary
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.versions import ModelVersion
from rekognition_xray.costs import Estimate, PriceBook
from rekognition_xray.errors import AwsError

Progress: TypeAlias = bool | Callable[[BulkProgress], None]
"""True for a bar, or a callable that gets a record after each answer."""


class BulkRun(Iterator[Answer]):
    """The answers of ``diagnose_many``, as they come. Begins when the first is asked for.

    Whoever stops taking answers should ``close`` it, or use it in a ``with`` block; when it is
    forgotten, that happens by itself. Closing waits for the calls under way; their answers go to
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
        came = self._engine.out.get()
        if came is None or isinstance(came, BaseException):
            self._end()
            raise StopIteration if came is None else came
        self._engine.taken()
        self._tell(came)
        return came

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self.close()

    def close(self) -> None:
        """Asks for no more; waits for the calls under way. Closing twice does no harm."""
        self._engine.stop()
        self._end()

    def summary(self, *, units: int | None = None, prices: PriceBook | None = None) -> BulkSummary:
        """The run in figures, so far or in all.

        Args:
            units: inference units that the version ran on; without it, DescribeProjectVersions is
                called (free), and the least number that it was started with counts.
            prices: the price book; the library's for the Region unless told. Where it knows none,
                the price is by those of us-east-1, and a warning says so.
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

    def _tell(self, answer: Answer) -> None:
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
