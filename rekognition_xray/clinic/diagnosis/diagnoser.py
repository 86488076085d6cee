"""``Diagnoser``: diagnoses one image or many with a running version."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sized
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from rekognition_xray.clinic.diagnosis.bulk import BulkRun, Progress
from rekognition_xray.clinic.diagnosis.diagnosis import Diagnosis
from rekognition_xray.clinic.diagnosis.engine import Engine
from rekognition_xray.clinic.diagnosis.inputs import DiagnosableImage, sendable
from rekognition_xray.clinic.diagnosis.journal import Journal, options_text
from rekognition_xray.clinic.diagnosis.request import DiagnosisRequest, call
from rekognition_xray.clinic.policy import Policy
from rekognition_xray.cloud.versions import ModelVersion
from rekognition_xray.data.images import DEFAULT_OPTIONS, Gate, ImageOptions
from rekognition_xray.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rekognition_xray.clinic.explanation import ExplainProgress, Explanation, Fill
    from rekognition_xray.costs import Money
    from rekognition_xray.data.images import ImageSource


@attrs.frozen
class Diagnoser:
    """Diagnoses images with a running version. A handle; making one calls nothing.

    Every image is prepared as the training images were: grey, upright, without metadata; nothing
    else leaves this machine. An image is scaled down only if it would be over 4 MB, the most that a
    call may carry. It pickles as a recipe, without credentials; see ``Aws``.

    It is an aid for a person who reads the image, not a medical device.

    Attributes:
        version: the version to call; it must run.
        policy: how confidences become findings; without one the finding is the label of highest
            confidence.
        options: how images are read; the same as for training. See ImageOptions.
        gate: asked before a call is made, such as an ``ImageGate``. What it refuses is referred to
            a person, and nothing is sent.

    Raises:
        EvaluationError: the policy was made for another version, or the gate is none.
    """

    version: ModelVersion
    policy: Policy | None = None
    options: ImageOptions = attrs.field(default=DEFAULT_OPTIONS, kw_only=True)
    gate: Gate | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.gate is not None and not callable(getattr(self.gate, "admit", None)):
            raise EvaluationError(
                f"gate={self.gate!r} is no gate.", hint="Read it: rx.ImageGate.load(folder)."
            )
        made_for = self.policy.version_arn if self.policy else None
        if made_for is not None and made_for != self.version.arn:
            raise EvaluationError(
                f"The policy was made for {made_for}, not for {self.version.arn}.",
                hint="Thresholds do not carry over: take this version's evaluation.policy().",
            )

    @cached_property
    def _request(self) -> DiagnosisRequest:
        return DiagnosisRequest(self.version, self.policy, self.options, self.gate)

    def diagnose(self, image: DiagnosableImage) -> Diagnosis:
        """Diagnoses one image. Calls DetectCustomLabels once; no price per call.

        An object in S3 that ``storage.store()`` wrote, in the version's Region, is passed by
        reference and not read, unless there is a gate; any other is read (GetObject), prepared and
        sent. Safe to call from
        many threads.

        Args:
            image: a path, the bytes of a PNG, JPEG or DICOM file, a Pillow image, an ``s3://``
                address (as text, or an S3Location), or a PreparedImage, which is sent as it
                is.

        Raises:
            ImageError: the image cannot be used; nothing was sent.
            StorageError: there is no such object, or it cannot be read.
            NotReadyError: the version does not run.
            AwsError: AWS refused the call or could not be reached.
        """
        ready = sendable(image, self.version.aws, options=self.options, gate=self.gate)
        return call(self._request, ready)

    def diagnose_many(
        self,
        images: Iterable[DiagnosableImage],
        *,
        journal: str | os.PathLike[str] | None = None,
        ordered: bool = True,
        executor: Executor | None = None,
        progress: Progress = False,
        retry_failed: bool = False,
    ) -> BulkRun:
        """Diagnoses many images, as fast as the version answers; nothing needs tuning.

        The rate and the number of calls under way follow from throttles and latency.
        A throttled call is repeated in its turn, a call that met a fault after a pause, up to nine
        times. An image that cannot be used, or that AWS does not answer for, gives a
        ``FailedDiagnosis``; the run goes on. What would fail for every image ends it: the version
        does not run or is gone, credentials or permissions are missing, the service cannot be
        reached. Answers that came before are given out and are in the journal.

        Images are read lazily, at most about 300 ahead of the answers taken, in a thread of the
        run. Calls DetectCustomLabels once for each image, and again where it is repeated.

        Args:
            images: the images, each as for ``diagnose``.
            journal: a JSON Lines file. Each answer is on the disk before it is given out. An image
                under the same path is not sent again while its file (size and time) or its
                prepared pixels are unchanged, and so are gate and options; its finding follows the
                present policy. So a run that was killed continues where it was; calls that were
                under way are repeated.
            ordered: whether answers come in the order of the images, or as they come.
            executor: where images are prepared and calls made: any ``concurrent.futures.Executor``,
                such as ``dask.distributed.Client().get_executor()``. Without one, threads. This
                process paces, and keeps the journal.
            progress: True for a bar, or a callable that gets a ``BulkProgress`` after each answer.
            retry_failed: also send images again whose failure is in the journal.

        Raises:
            JournalError: at once: the journal is another version's, or damaged before its end.
            TypeError: at once: this cannot be sent to the executor's processes; see ``Aws``.
            NotReadyError, NotFoundError, CredentialsError, AccessDeniedError, ThrottledError,
            ConnectionFailedError, ServiceFaultError: while iterating, as the run's end.
        """
        known = None
        if journal is not None:
            reading = options_text(self.options)
            known = Journal(Path(journal), version_arn=self.version.arn, options=reading)
        if executor is not None and not isinstance(executor, ThreadPoolExecutor):
            self.version.aws.recipe()
        engine = Engine(
            self._request,
            images,
            journal=known,
            ordered=ordered,
            executor=executor,
            retry_failed=retry_failed,
        )
        total = len(images) if isinstance(images, Sized) else None
        return BulkRun(engine, self.version, total=total, progress=progress)

    def explain(
        self,
        image: ImageSource,
        *,
        grid: int = 8,
        label: str | None = None,
        max_calls: int = 100,
        max_cost: Money | None = None,
        fill: Fill = "mean",
        progress: bool | Callable[[ExplainProgress], None] = False,
    ) -> Explanation:
        """The parts of an image that the answer depends on: what covering each cell changes.

        See ``rekognition_xray.clinic.explanation.explain`` for arguments and errors.

        Calls DetectCustomLabels grid x grid + 1 times. Calls have no price, the model's time has:
        the plan is shown first, and ``max_calls`` and ``max_cost`` refuse before the first call.
        """
        from rekognition_xray.clinic.explanation import explain  # noqa: PLC0415 - needs an extra

        return explain(
            self.version,
            image,
            options=self.options,
            gate=self.gate,
            grid=grid,
            label=label,
            max_calls=max_calls,
            max_cost=max_cost,
            fill=fill,
            progress=progress,
        )
