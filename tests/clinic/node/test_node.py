"""The node: every image that a known caller sends is answered once, whatever happens between."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage, SecondaryCaptureImageStorage
from pynetdicom import AE, evt

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis import inputs
from rekognition_xray.clinic.node import Peer, network, node, queue, run_node
from rekognition_xray.data.images import PreparedImage
from rekognition_xray.data.pseudonyms import PseudonymKey
from rekognition_xray.errors import DataError, InvalidRequestError, JournalError

from ...support.dicom_files import image, saved
from ...support.journals import diagnose, write_journal

KEY = PseudonymKey(b"a key for tests only")


def dicom(number: int, **tags: object) -> bytes:
    """A radiograph with UIDs of its own."""
    pixels = np.random.default_rng(number).integers(0, 4096, (96, 96)).astype("u2")
    basic = {
        "SOPInstanceUID": f"1.2.3.{number + 1}",
        "StudyInstanceUID": f"1.2.4.{number + 1}",
        "SeriesInstanceUID": f"1.2.5.{number + 1}",
        "PatientName": "Muster^Anna",
        "PatientID": f"P{number}",
    }
    return saved(image(pixels, **(basic | tags)))


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    paths = [folder / f"{number}.dcm" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(dicom(number))
    return paths


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon."""
    monkeypatch.setattr(node, "_PAUSE", 0.1)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}: install dcmtk")
    return found


def store(port: int, paths: list[Path], *, caller: str = "WARD", called: str = "RXRAY") -> int:
    """Sends files as a ward's device does; gives storescu's exit status."""
    words = [program("storescu"), "-aet", caller, "-aec", called, "127.0.0.1", str(port)]
    return subprocess.run([*words, *paths], capture_output=True, check=False).returncode


def wait_until(true: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Looks again and again; other processes need the processor in between."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        threading.Event().wait(0.02)


def answered(folder: Path, count: int) -> list:
    """The answers in a folder, once there are so many and nothing waits."""
    there = queue.Queue(folder)
    wait_until(
        lambda: len(there.unsent()) >= count and not there.waiting(),
        f"{count} answers",
        seconds=60 + 2 * count,
    )
    return [dcmread(path) for path in there.unsent()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "node"


@contextmanager
def running(diagnoser: rx.Diagnoser, folder: Path, **more: object) -> Iterator[node.RunningNode]:
    settings = {"callers": ["WARD"], "port": 0, "key": KEY} | more
    with run_node(diagnoser, folder, **settings) as started:
        yield started


def test_each_image_gets_a_report_and_a_capture_in_its_study(
    diagnoser: rx.Diagnoser, folder: Path, images: list[Path]
) -> None:
    with running(diagnoser, folder) as started:
        assert store(started.port, images) == 0
        answers = answered(folder, 8)
    assert sorted((one.Modality, one.StudyInstanceUID) for one in answers) == sorted(
        (modality, f"1.2.4.{number}") for number in range(1, 5) for modality in ("SR", "OT")
    )
    assert {one.PatientID for one in answers} == {KEY.pseudonym(f"P{n}") for n in range(4)}


def test_an_image_that_is_sent_again_has_the_same_answers(
    diagnoser: rx.Diagnoser, folder: Path, images: list[Path], clinic
) -> None:
    with running(diagnoser, folder, identified=True, key=None) as started:
        store(started.port, images[:1])
        first = {one.SOPInstanceUID for one in answered(folder, 2)}
        store(started.port, images[:1])
        assert {one.SOPInstanceUID for one in answered(folder, 2)} == first
    assert len(clinic.asked) == 1


def test_strangers_and_wrong_numbers_are_refused(
    diagnoser: rx.Diagnoser, folder: Path, images: list[Path]
) -> None:
    with running(diagnoser, folder) as started:
        assert store(started.port, images, caller="STRANGER") != 0
        assert store(started.port, images, called="OTHER") != 0
        assert started.queue.waiting() == started.queue.unsent() == []


def open_sockets() -> int:
    """How many sockets this process holds."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("only Linux lists the sockets of a process")
    links = (str(one.readlink()) for one in descriptors.iterdir() if one.is_symlink())
    return sum(link.startswith("socket:") for link in links)


def test_callers_that_break_off_leave_no_socket_behind(
    diagnoser: rx.Diagnoser, folder: Path, images: list[Path]
) -> None:
    with running(diagnoser, folder) as started:
        store(started.port, images[:1])
        answered(folder, 2)
        before = open_sockets()
        for _ in range(20):
            caller = socket.create_connection(("127.0.0.1", started.port))
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.close()  # at once, without a goodbye
        wait_until(lambda: open_sockets() <= before, "all sockets are closed", seconds=10)


def test_images_that_cannot_be_used_are_put_aside_with_the_reason(
    diagnoser: rx.Diagnoser, folder: Path, tmp_path: Path, clinic
) -> None:
    burned, bare = tmp_path / "burned.dcm", tmp_path / "bare.dcm"
    burned.write_bytes(dicom(1, BurnedInAnnotation="YES"))
    bare.write_bytes(dicom(2, StudyInstanceUID=None))
    with running(diagnoser, folder) as started:
        assert store(started.port, [burned, bare]) == 0
        refused = started.queue.refused
        wait_until(lambda: len(list(refused.glob("*.dcm"))) == 2, "two refused images")
        assert started.queue.unsent() == []
    assert "burned" in (refused / "1.2.3.2.txt").read_text("utf-8")
    assert "StudyInstanceUID" in (refused / "1.2.3.3.txt").read_text("utf-8")
    assert clinic.asked == []


@pytest.mark.parametrize("tags", [{"SOPClassUID": "1.2.3"}, {"PatientID": "odd"}])
def test_whatever_an_image_raises_it_is_put_aside_and_the_rest_is_answered(
    diagnoser: rx.Diagnoser,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tags: dict[str, object],
) -> None:
    right = node.to_dicom_sr

    def fragile(answer: rx.Diagnosis, image: Path, **more: object) -> Dataset:
        if dcmread(image).PatientID == "odd":
            raise KeyError("odd")
        return right(answer, image, **more)

    monkeypatch.setattr(node, "to_dicom_sr", fragile)
    there = queue.Queue.open(folder)
    there.receive("1.2.3.1", dicom(0, **tags))
    there.receive("1.2.3.2", dicom(1))
    with running(diagnoser, folder):
        answered(folder, 2)
        there.receive("1.2.3.3", dicom(2))
        answered(folder, 4)
    assert [path.name for path in there.refused.glob("*.dcm")] == ["1.2.3.1.dcm"]
    assert (there.refused / "1.2.3.1.txt").read_text("utf-8").strip()


def test_an_image_that_breaks_the_diagnosis_itself_is_put_aside_alone(
    diagnoser: rx.Diagnoser, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = inputs.prepare_image

    def fragile(image: Path, **more: object) -> PreparedImage:
        if "1.2.3.1." in str(image):
            raise RuntimeError("a fault of a decoder")
        return right(image, **more)

    monkeypatch.setattr(inputs, "prepare_image", fragile)
    there = queue.Queue.open(folder)
    for number in range(3):
        there.receive(f"1.2.3.{number + 1}", dicom(number))
    with running(diagnoser, folder):
        answered(folder, 4)
    assert "decoder" in (there.refused / "1.2.3.1.txt").read_text("utf-8")


def test_an_image_that_comes_while_the_older_one_is_answered_stays(folder: Path) -> None:
    there = queue.Queue.open(folder)
    there.receive("1.2.3", b"older")
    (image,) = there.waiting()
    state = there.state(image)
    there.receive("1.2.3", b"newer")
    there.answer([], image, state)
    there.refuse(image, "unlike the one that was diagnosed", state)
    assert image.read_bytes() == b"newer"
    assert list(there.refused.iterdir()) == []


def test_a_file_that_is_no_answer_is_put_aside_and_the_rest_is_sent(
    diagnoser: rx.Diagnoser, folder: Path
) -> None:
    taken: list[str] = []

    def take(event: evt.Event) -> int:
        taken.append(event.dataset.Modality)
        return 0

    entity = AE("VIEWER")
    for kind in (SecondaryCaptureImageStorage, ComprehensiveSRStorage):
        entity.add_supported_context(kind)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, take)]
    )
    there = queue.Queue.open(folder)
    (there.answers / "0.dcm").write_bytes(b"Dear colleague")
    there.receive("1.2.3.1", dicom(0))
    with running(diagnoser, folder, peer=Peer("VIEWER", *server.server_address)):
        wait_until(lambda: len(taken) == 2, "both answers are sent")
    server.shutdown()
    assert [path.name for path in there.refused.glob("*.dcm")] == ["0.dcm"]
    assert "InvalidDicomError" in (there.refused / "0.txt").read_text("utf-8")


def test_a_folder_of_another_version_is_refused_at_start(
    diagnoser: rx.Diagnoser, folder: Path
) -> None:
    there = queue.Queue.open(folder)
    write_journal(there.journal, [diagnose("image.dcm", {"normal": 1.0})])
    with (
        pytest.raises(JournalError, match="another version") as caught,
        running(diagnoser, folder),
    ):
        pass
    assert "folder of its own" in caught.value.hint


def test_a_second_node_on_a_folder_is_refused_until_the_first_has_ended(
    diagnoser: rx.Diagnoser, folder: Path
) -> None:
    second = running(diagnoser, folder)
    with running(diagnoser, folder), pytest.raises(InvalidRequestError, match="locked"), second:
        pass
    with running(diagnoser, folder):
        pass


def test_a_full_disk_is_told_to_the_sender_who_keeps_the_image(
    diagnoser: rx.Diagnoser, folder: Path, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(diagnoser, folder) as started:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space")))
            store(started.port, images[:1])
            assert started.queue.waiting() == []
        assert store(started.port, images[:1]) == 0
        answered(folder, 2)


def test_while_the_model_does_not_run_images_wait(
    diagnoser: rx.Diagnoser,
    folder: Path,
    images: list[Path],
    clinic,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running(diagnoser, folder) as started, caplog.at_level(logging.WARNING):
        with clinic.stopped():
            assert store(started.port, images[:2]) == 0
            wait_until(lambda: "tries again" in caplog.text, "a warning")
            assert len(started.queue.waiting()) == 2
        answered(folder, 4)


@contextmanager
def archive(port: int, folder: Path) -> Iterator[None]:
    """DCMTK's storescp, as a clinic's archive."""
    folder.mkdir(exist_ok=True)
    words = [program("storescp"), "-od", str(folder), str(port)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: not is_free(port), "storescp")
        try:
            yield
        finally:
            process.terminate()


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


def test_answers_wait_for_a_peer_and_leave_when_it_takes_them(
    diagnoser: rx.Diagnoser, folder: Path, images: list[Path], tmp_path: Path
) -> None:
    program("storescp")
    port = free_port()
    peer = Peer("ARCHIVE", "127.0.0.1", port)
    with running(diagnoser, folder, peer=peer) as started:
        store(started.port, images[:2])
        answered(folder, 4)  # nobody listens yet
        with archive(port, tmp_path / "archive"):
            wait_until(lambda: started.queue.unsent() == [], "all answers are sent")
    assert len(list((tmp_path / "archive").iterdir())) == 4


def test_what_a_peer_does_not_take_stays_and_the_rest_leaves(
    diagnoser: rx.Diagnoser,
    folder: Path,
    images: list[Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    entity = AE("VIEWER")
    entity.add_supported_context(SecondaryCaptureImageStorage)
    taken: list[str] = []

    def take(event: evt.Event) -> int:
        taken.append(event.dataset.Modality)
        return 0

    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, take)]
    )
    peer = Peer("VIEWER", "127.0.0.1", server.server_address[1])
    with running(diagnoser, folder, peer=peer) as started, caplog.at_level(logging.WARNING):
        store(started.port, images[:2])
        wait_until(lambda: len(taken) == 2, "the captures are sent")
        wait_until(lambda: "does not know this kind of object" in caplog.text, "a warning")
    server.shutdown()
    assert taken == ["OT", "OT"]
    assert {dcmread(path).Modality for path in started.queue.unsent()} == {"SR"}


def test_a_peer_that_hangs_holds_nothing_up_for_good(
    diagnoser: rx.Diagnoser,
    folder: Path,
    images: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(network, "_PEER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer = Peer("SILENT", *silent.getsockname())
        with running(diagnoser, folder, peer=peer) as started, caplog.at_level(logging.WARNING):
            store(started.port, images[:1])
            wait_until(lambda: "does not accept an association" in caplog.text, "a warning")
            store(started.port, images[1:2])
            answered(folder, 4)


SCRIPT = """
import sys, threading
import rekognition_xray as rx
from rekognition_xray.clinic.node import run_node
from rekognition_xray.data.pseudonyms import PseudonymKey
version = rx.ModelVersion.from_arn(sys.argv[1], aws=rx.Aws())
key = PseudonymKey(b"a key for tests only")
with run_node(rx.Diagnoser(version), sys.argv[2], callers=["WARD"], port=0, key=key) as node:
    print(node.port, flush=True)
    threading.Event().wait()
"""


@contextmanager
def node_apart(clinic, folder: Path) -> Iterator[tuple[int, Callable[[], None]]]:
    """A node in a process of its own: its port, and a function that kills it."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, clinic.version.arn, str(folder)],
        env=os.environ | clinic.cloud.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield int(process.stdout.readline()), lambda: process.send_signal(signal.SIGKILL)
        finally:
            process.kill()


def survive_kills(clinic, folder: Path, images: list[Path], kills: int, senders: int) -> None:
    """Sends images from several associations, kills the node, and looks at the end."""
    there = queue.Queue.open(folder)
    senders_at_work: list[subprocess.Popen[bytes]] = []
    for kill in range(kills + 1):
        with node_apart(clinic, folder) as (port, end):
            part = images[kill :: kills + 1]
            words = [program("storescu"), "-aet", "WARD", "-aec", "RXRAY", "127.0.0.1", str(port)]
            senders_at_work = [
                subprocess.Popen([*words, *part[first::senders]], stderr=subprocess.DEVNULL)
                for first in range(senders)
                if part[first::senders]
            ]
            assert [sender.wait(120) for sender in senders_at_work] == [0] * len(senders_at_work)
            if kill < kills:
                end()
            else:
                answered(folder, 2 * len(images))
    assert there.waiting() == []
    answers = [dcmread(path) for path in there.unsent()]
    assert len(answers) == 2 * len(images)
    studies = sorted(one.StudyInstanceUID for one in answers)
    assert studies == sorted(2 * [str(dcmread(path).StudyInstanceUID) for path in images])
    lines = [json.loads(line) for line in there.journal.read_text("utf-8").splitlines()]
    assert len({line["source"] for line in lines}) == len(lines) == len(images)


@pytest.mark.heavy
def test_a_node_that_is_killed_goes_on_and_answers_each_image_once(
    clinic, folder: Path, images: list[Path]
) -> None:
    survive_kills(clinic, folder, images, kills=2, senders=2)


@pytest.mark.soak
def test_500_images_of_8_associations_at_once_are_answered_once_though_killed_10_times(
    clinic, folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "many"
    source.mkdir()
    paths = [source / f"{number:03}.dcm" for number in range(500)]
    for number, path in enumerate(paths):
        path.write_bytes(dicom(number))
    survive_kills(clinic, folder, paths, kills=10, senders=8)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"callers": []}, "AE titles"),
        ({"callers": "WARD"}, "list of AE titles"),
        ({"identified": True}, "either a key or identified"),
        ({"key": None}, "either a key or identified"),
        ({"callers": ["WARD", ""]}, "no AE title"),
        ({"ae_title": "a" * 17}, "no AE title"),
    ],
)
def test_a_node_that_would_trust_nobody_or_everybody_is_not_started(
    diagnoser: rx.Diagnoser, folder: Path, settings: dict[str, object], why: str
) -> None:
    with pytest.raises(InvalidRequestError, match=why), running(diagnoser, folder, **settings):
        pass


def test_a_port_that_is_taken_and_a_folder_that_cannot_be_made_are_errors(
    diagnoser: rx.Diagnoser, folder: Path, tmp_path: Path
) -> None:
    with running(diagnoser, folder) as started:
        again = running(diagnoser, tmp_path / "other", port=started.port)
        with pytest.raises(InvalidRequestError, match=f"Port {started.port}"), again:
            pass
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be made"), running(diagnoser, tmp_path / "file"):
        pass


def test_a_peer_is_written_as_title_host_and_port() -> None:
    assert Peer.parse("PACS 1@10.0.0.5:104") == Peer("PACS 1", "10.0.0.5", 104)
    assert str(Peer.parse("PACS@archive.clinic.example:11112")).startswith("PACS@archive")
    for wrong in ("PACS", "PACS@host", "@host:104", "PACS@host:99999", "P\\S@host:104"):
        with pytest.raises(InvalidRequestError):
            Peer.parse(wrong)
