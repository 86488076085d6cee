"""The DICOM network: images are received from known callers, answers are sent to a peer."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at run time

from rekognition_xray.clinic.node.peer import Peer
from rekognition_xray.clinic.node.queue import Queue
from rekognition_xray.errors import InvalidRequestError

log = logging.getLogger(__name__)

_IMAGES: Final = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.SecondaryCaptureImageStorage,
)
_SYNTAXES: Final = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.JPEG2000Lossless,
    uid.JPEGLSLossless,
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEG2000,
)
_ANSWERS: Final = (uid.ComprehensiveSRStorage, uid.SecondaryCaptureImageStorage)
_MOST_ASSOCIATIONS: Final = 32
_CALLER_SECONDS: Final = 30
_PEER_SECONDS: Final = 30
_CONNECT_SECONDS: Final = 10
_Handlers: TypeAlias = list[tuple[evt.EventType, Callable[[evt.Event], object]]]
_SUCCESS: Final = 0x0000
_WARNING: Final = 0xB  # the first digit; the object was taken
_OUT_OF_RESOURCES: Final = 0xA700
_CANNOT_UNDERSTAND: Final = 0xC000


@contextmanager
def receiving(
    queue: Queue,
    *,
    host: str,
    port: int,
    ae_title: str,
    callers: Collection[str],
    received: Callable[[], None],
) -> Iterator[int]:
    """Receives images into the queue while the block runs; yields the port.

    An image is confirmed once it is on the disk. Associations of other callers, or to another AE
    title, are refused.

    Raises:
        InvalidRequestError: the port cannot be opened.
    """
    entity = _entity(ae_title, _CALLER_SECONDS)
    entity.require_called_aet = True
    entity.require_calling_aet = list(callers)
    entity.maximum_associations = _MOST_ASSOCIATIONS
    entity.add_supported_context(Verification)
    for image in _IMAGES:
        entity.add_supported_context(image, list(_SYNTAXES))

    def store(event: evt.Event) -> int:
        status = _keep(queue, event)
        received()
        return status

    with _closed_sockets() as handlers:
        try:
            server = entity.start_server(
                (host, port), block=False, evt_handlers=[*handlers, (evt.EVT_C_STORE, store)]
            )
        except OSError as error:
            raise InvalidRequestError(
                f"Port {port} of {host} cannot be opened: {error.strerror or error}.",
                hint="Name another port; 0 is a free one.",
            ) from error
        if server is None:  # only with block=True
            raise AssertionError
        try:
            yield server.server_address[1]
        finally:
            entity.shutdown()  # the associations, too: else they would go on with the queue


def send(queue: Queue, peer: Peer, *, ae_title: str) -> int:
    """Sends the answers to a peer, and removes each that the peer has taken; gives how many.

    What the peer refuses, or does not answer within 30 s, stays here, which is logged. A file that
    is no answer is put aside.
    """
    if not _listens(peer):
        log.warning("nobody listens at %s; its answers wait", peer)
        return 0
    entity = _entity(ae_title, _PEER_SECONDS)
    for context in _ANSWERS:
        entity.add_requested_context(context, uid.ExplicitVRLittleEndian)
    with _closed_sockets() as handlers:
        association = entity.associate(
            peer.host, peer.port, ae_title=peer.ae_title, evt_handlers=[*handlers]
        )
        if association.is_established:
            return _send_over(association, queue, peer)
    log.warning("%s does not accept an association; its answers wait", peer)
    return 0


def _send_over(association: Association, queue: Queue, peer: Peer) -> int:
    sent = 0
    try:
        for path in queue.unsent():
            answer = _answer_in(queue, path)
            if answer is None:
                continue
            why_not = _refusal(association, answer)
            if why_not:
                log.warning("%s did not take %s: %s", peer, path.name, why_not)
            else:
                path.unlink()
                sent += 1
    finally:
        association.release()
    return sent


@contextmanager
def _closed_sockets() -> Iterator[_Handlers]:
    """Handlers of events that close the socket of every association, however that ends.

    pynetdicom 3.0 leaves a socket open where the other side was the first to close it.
    """
    sockets: dict[Association, socket.socket | None] = {}

    def opened(event: evt.Event) -> None:
        wrapped = event.assoc.dul.socket
        sockets[event.assoc] = wrapped.socket if wrapped else None

    def closed(event: evt.Event) -> None:
        left = sockets.pop(event.assoc, None)
        if left:
            left.close()

    try:
        yield [(evt.EVT_CONN_OPEN, opened), (evt.EVT_CONN_CLOSE, closed)]
    finally:
        for left in sockets.values():
            if left:
                left.close()


def _listens(peer: Peer) -> bool:
    """Whether anybody takes connections there.

    pynetdicom 3.0 leaves the socket of a connection that failed to the garbage collector; a node
    whose archive is down for a night would open one every few seconds.
    """
    try:
        with socket.create_connection((peer.host, peer.port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _answer_in(queue: Queue, path: Path) -> Dataset | None:
    """The answer in a file; a file that holds none is put aside."""
    state = queue.state(path)
    try:
        answer = dcmread(path)
        if all(answer.get(name) for name in ("SOPClassUID", "SOPInstanceUID")):
            uid.UID(answer.file_meta.TransferSyntaxUID)
            return answer
        why = "no UIDs"
    except OSError as error:
        log.warning("the answer %s cannot be read: %s", path.name, error.strerror or error)
        return None
    except Exception as error:  # noqa: BLE001 - whatever pydicom finds wrong with it
        why = f"{type(error).__name__}: {error}"
    log.warning("%s is no answer and is put aside with the reason", path.name)
    queue.refuse(path, f"This is no DICOM object that can be sent: {why}", state)
    return None


def _refusal(association: Association, answer: Dataset) -> str:
    """Sends an answer; why the peer did not take it, or nothing."""
    try:
        status = association.send_c_store(answer).get("Status")
    except ValueError:  # no presentation context
        return "it does not know this kind of object"
    except RuntimeError:  # after an answer that did not come
        return "the association has ended"
    if status is None:
        return "it gave no answer"
    took = status == _SUCCESS or status >> 12 == _WARNING
    return "" if took else f"status {status:#06x}"


def _keep(queue: Queue, event: evt.Event) -> int:
    request = event.request
    name = str(request.AffectedSOPInstanceUID if isinstance(request, C_STORE) else "")
    if not uid.UID(name).is_valid:
        return _CANNOT_UNDERSTAND
    try:
        queue.receive(name, event.encoded_dataset())
    except OSError as error:
        log.warning("an image cannot be kept: %s", error.strerror or error)
        return _OUT_OF_RESOURCES
    return _SUCCESS


def _entity(ae_title: str, seconds: float) -> AE:
    entity = AE(ae_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = seconds
    entity.connection_timeout = seconds
    return entity
