"""``run_node``: images that arrive are diagnosed, and the answers go to a peer or a folder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.clinic.diagnosis import Diagnoser, Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.exchange import check_source, to_dicom_sr, to_secondary_capture
from rekognition_xray.clinic.node.network import receiving, send
from rekognition_xray.clinic.node.peer import Peer, check_title
from rekognition_xray.clinic.node.queue import FileState, Queue
from rekognition_xray.data.pseudonyms import PseudonymKey
from rekognition_xray.errors import DataError, InvalidRequestError, JournalError, XrayError

log = logging.getLogger(__name__)

_PAUSE: Final = 5.0  # seconds until what could not be answered or sent is tried again


@attrs.frozen
class RunningNode:
    """A node that is running.

    Attributes:
        port: where it listens.
        queue: its folders ``inbox``, ``answers`` and ``refused``, and its ``journal``.
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
    cannot be used goes to ``refused``, beside a text file that says why. What fails for
    another reason (the model does not run, the peer is away, the disk is full) is logged and tried
    again.

    Calls DetectCustomLabels once for each image, in the diagnoser's pace; only prepared pixels
    leave for AWS. The model is not started or stopped here.

    Args:
        diagnoser: of a running version.
        folder: of the node; it holds images and names. One node at a time may use it, and one
            version of a model.
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
        InvalidRequestError: no callers, a title that is none, a port that cannot be opened, not
            exactly one of ``key`` and ``identified``, or a folder that another node uses.
        DataError: the folder cannot be made.
        JournalError: the folder's journal is another version's, or cannot be read.
        MissingExtraError: the extra ``node`` is not installed.
    """
    if not callers or (key is None) != identified:
        raise InvalidRequestError(
            "A node needs AE titles that may send, and either a key or identified=True.",
            hint="Pass callers=[...], and key=PseudonymKey.find(...) or identified=True.",
        )
    if isinstance(callers, str):
        raise InvalidRequestError(
            f"callers is one text, {callers!r}, and not a list of AE titles.",
            hint=f"Pass callers=[{callers!r}].",
        )
    for title in (ae_title, *callers):
        check_title(title)
    queue = Queue.open(Path(folder))
    work = _Work(diagnoser, queue, peer, ae_title, key)
    thread = threading.Thread(target=work.go_on, name="node")
    with ExitStack() as stack:
        stack.enter_context(queue.in_use())
        _check_journal(diagnoser, queue)
        opened = stack.enter_context(
            receiving(
                queue,
                host=host,
                port=port,
                ae_title=ae_title,
                callers=callers,
                received=work.something_new.set,
            )
        )
        thread.start()
        try:
            yield RunningNode(opened, queue)
        finally:
            work.ended.set()
            work.something_new.set()
            thread.join()


def _check_journal(diagnoser: Diagnoser, queue: Queue) -> None:
    try:
        diagnoser.diagnose_many([], journal=queue.journal).close()
    except JournalError as error:
        raise JournalError(
            error.message,
            hint="Give each version a folder of its own, or move the journal away to start anew.",
        ) from error


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
            for step in (self._answer_all, self._send_all):
                self._try(step)
            self.something_new.wait(_PAUSE)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (XrayError, OSError) as error:
            log.warning("the node tries again in %.0f s: %s", _PAUSE, error)
        except Exception:  # nothing may end the thread
            log.exception("the node tries again in %.0f s", _PAUSE)

    def _answer_all(self) -> None:
        waiting = {image: self.queue.state(image) for image in self.queue.waiting()}
        usable = {image: state for image, state in waiting.items() if self._usable(image, state)}
        if not usable:
            return
        try:
            self._diagnose(usable)
        except (XrayError, OSError):
            raise
        except Exception:  # noqa: BLE001 - one of them raises what none should: find out which
            for image in self.queue.waiting():
                if not self.ended.is_set():
                    self._diagnose_alone(image)

    def _usable(self, image: Path, state: FileState) -> bool:
        """Whether answers could refer to the image; else it is refused before it is asked about."""
        try:
            check_source(image)
        except DataError as error:
            self._refuse(image, error.message, state)
            return False
        return True

    def _diagnose_alone(self, image: Path) -> None:
        state = self.queue.state(image)
        try:
            self._diagnose({image: state})
        except (XrayError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others have their turn
            self._refuse(image, f"{type(error).__name__}: {error}", state)

    def _diagnose(self, images: Mapping[Path, FileState]) -> None:
        with self.diagnoser.diagnose_many(
            list(images), journal=self.queue.journal, ordered=False, retry_failed=True
        ) as run:
            for answer in run:
                image = Path(answer.source)
                self._answer(answer, image, images[image])
                if self.ended.is_set():
                    break

    def _answer(self, answer: Diagnosis | FailedDiagnosis, image: Path, state: FileState) -> None:
        if isinstance(answer, FailedDiagnosis):
            if not answer.retryable:
                self._refuse(image, answer.reason, state)
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
        except Exception as error:  # noqa: BLE001 - whatever it is, the others have their turn
            self._refuse(image, f"{type(error).__name__}: {error}", state)
            return
        self.queue.answer(objects, image, state)

    def _refuse(self, image: Path, why: str, state: FileState) -> None:
        log.warning("%s gets no answer and is put aside with the reason", image.name)
        self.queue.refuse(image, why, state)

    def _send_all(self) -> None:
        if self.peer is not None and self.queue.unsent():
            send(self.queue, self.peer, ae_title=self.ae_title)
