"""``run_node``: images that arrive are diagnosed, and the answers go to a peer or a folder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.clinic.diagnosis import Diagnoser, Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.exchange import to_dicom_sr, to_secondary_capture
from rekognition_xray.clinic.node.network import receiving, send
from rekognition_xray.clinic.node.peer import Peer, check_title
from rekognition_xray.clinic.node.queue import Queue
from rekognition_xray.data.pseudonyms import PseudonymKey
from rekognition_xray.errors import InvalidRequestError, XrayError

log = logging.getLogger(__name__)

_PAUSE: Final = 5.0  # seconds until what could not be answered or sent is tried again


@attrs.frozen
class RunningNode:
    """A node that is running.

    Attributes:
        port: where it listens.
        queue: its folders: ``inbox``, ``answers``, ``refused`` and ``journal``.
    """

    port: int
    queue: Queue


@contextmanager
def run_node(
    diagnoser: Diagnoser,
    folder: str | Path,
    *,
    callers: Collection[str],
    port: int = 11112,
    host: str = "127.0.0.1",
    ae_title: str = "RXRAY",
    peer: Peer | None = None,
    key: PseudonymKey | None = None,
    identified: bool = False,
) -> Iterator[RunningNode]:
    """Receives DICOM images while the block runs, diagnoses them, and gives answers.

    Each image gives a structured report and a secondary capture, for the peer or, without one, in
    the folder ``answers``. Everything waits on the disk: an image is confirmed to its sender once
    it is there, and leaves once its answers are there. So a node that was killed goes on where it
    was, and the answers to an image have the same UIDs however often it is sent. An image that
    cannot be used goes to ``refused``; the journal says why. What fails for another reason (the
    model does not run, the peer is away, the disk is full) is logged and tried again.

    Calls DetectCustomLabels once for each image, in the diagnoser's pace; only prepared pixels
    leave for AWS. The model is not started or stopped here.

    Args:
        diagnoser: of a running version.
        folder: of the node; it holds images and names. One node at a time may use it.
        callers: AE titles that may send; all others are refused.
        port: 0 for a free one.
        host: the address to listen on; any other than loopback opens the node to other machines.
            DICOM connections are not encrypted.
        ae_title: the node's own.
        peer: where answers are sent.
        key: see ``to_dicom_sr``.
        identified: see ``to_dicom_sr``; a peer that is the clinic's archive needs it.

    Yields:
        Port and folders.

    Raises:
        InvalidRequestError: no callers, a title that is none, a port that cannot be opened, or not
            exactly one of ``key`` and ``identified``.
        DataError: the folder cannot be made.
        MissingExtraError: the extra ``node`` is not installed.
    """
    if not callers or (key is None) != identified:
        raise InvalidRequestError(
            "A node needs AE titles that may send, and either a key or identified=True.",
            hint="Pass callers=[...], and key=PseudonymKey.find(...) or identified=True.",
        )
    for title in (ae_title, *callers):
        check_title(title)
    queue = Queue.open(Path(folder))
    work = _Work(diagnoser, queue, peer, ae_title, key)
    thread = threading.Thread(target=work.go_on, name="node")
    with receiving(
        queue,
        host=host,
        port=port,
        ae_title=ae_title,
        callers=callers,
        received=work.something_new.set,
    ) as opened:
        thread.start()
        try:
            yield RunningNode(opened, queue)
        finally:
            work.ended.set()
            work.something_new.set()
            thread.join()


@attrs.define(eq=False)
class _Work:
    """Answers what waits, again and again, until it is ended."""

    diagnoser: Diagnoser
    queue: Queue
    peer: Peer | None
    ae_title: str
    key: PseudonymKey | None
    something_new: threading.Event = attrs.field(factory=threading.Event, init=False)
    ended: threading.Event = attrs.field(factory=threading.Event, init=False)

    def go_on(self) -> None:
        while not self.ended.is_set():
            self.something_new.clear()
            try:
                self._answer_all()
                self._send_all()
            except (XrayError, OSError) as error:
                log.warning("the node tries again in %.0f s: %s", _PAUSE, error)
            self.something_new.wait(_PAUSE)

    def _answer_all(self) -> None:
        waiting = self.queue.waiting()
        if not waiting:
            return
        with self.diagnoser.diagnose_many(
            waiting, journal=self.queue.journal, ordered=False, retry_failed=True
        ) as run:
            for answer in run:
                self._answer(answer)
                if self.ended.is_set():
                    break

    def _answer(self, answer: Diagnosis | FailedDiagnosis) -> None:
        image = Path(answer.source)
        if isinstance(answer, FailedDiagnosis):
            if not answer.retryable:
                self.queue.refuse(image)
            return
        try:
            objects = [
                write(
                    answer,
                    image,
                    key=self.key,
                    identified=self.key is None,
                    options=self.diagnoser.options,
                )
                for write in (to_dicom_sr, to_secondary_capture)
            ]
        except XrayError as error:  # such as a source without UIDs
            log.warning("%s gets no answer: %s", image.name, error.message)
            self.queue.refuse(image)
            return
        self.queue.answer(objects, image)

    def _send_all(self) -> None:
        unsent = self.queue.unsent()
        if self.peer is not None and unsent:
            send(unsent, self.peer, ae_title=self.ae_title)
