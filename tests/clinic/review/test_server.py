"""The review page on loopback: readings are on the disk at once, and strangers get nothing."""

from __future__ import annotations

import errno
import http.client
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rekognition_xray.clinic.review import ServedReview, serve_review
from rekognition_xray.data.correcting import Reading, append_readings, read_readings
from rekognition_xray.errors import InvalidRequestError, ReadingsError

from ...support.journals import diagnose, write_journal
from ...support.readings import read_as

Ask = Callable[..., tuple[int, bytes]]
WHOLE = f"{json.dumps(read_as('a.png', 'viral').to_dict())}\n"


@pytest.fixture
def server(journal: Path, tmp_path: Path) -> Iterator[ServedReview]:
    with serve_review(journal, tmp_path / "readings.jsonl", blind=False) as started:
        yield started


@pytest.fixture
def ask(server: ServedReview) -> Ask:
    return asker(server)


def asker(server: ServedReview) -> Ask:
    """ask(method, path below the address, body, headers) -> status and content; bytes go as is."""

    def ask(
        method: str, path: str, body: object = None, *, secret: str | None = None, **headers: str
    ) -> tuple[int, bytes]:
        host, _, ours = server.url.removeprefix("http://").partition("/")
        prefix = f"/{ours}" if secret is None else f"/{secret}/"
        connection = http.client.HTTPConnection(host, timeout=10)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection.request(method, prefix + path, data, headers)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, content

    return ask


def line(reading: Reading) -> dict[str, object]:
    return reading.to_dict()


def some(server: ServedReview, place: int = 0) -> Reading:
    return read_as(server.images[place].answer.source, "viral")


def test_it_serves_the_page_and_its_pictures(ask: Ask) -> None:
    status, content = ask("GET", "")
    assert status == 200
    assert b"image/0" in content
    assert b"data:image" not in content
    status, content = ask("GET", "image/0")
    assert (status, content[:2]) == (200, b"\xff\xd8")


def test_a_reading_is_in_the_file_when_it_is_answered(server: ServedReview, ask: Ask) -> None:
    reading = some(server)
    assert ask("POST", "readings", line(reading)) == (200, b"saved")
    assert read_readings(server.readings) == (reading,)
    assert b"2026-11-29T08:00:00" in ask("GET", "")[1]  # a page that is opened again knows it


def test_readings_that_come_at_once_are_all_kept_whole(server: ServedReview, ask: Ask) -> None:
    readings = [read_as(some(server).source, "viral", reader=f"r{n}") for n in range(20)]
    threads = [
        threading.Thread(target=ask, args=("POST", "readings", line(one))) for one in readings
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_readings(server.readings)) == set(readings)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"label": None}, b"needs a label"),
        ({"source": "/etc/passwd"}, b"not on the list"),
        ({"reader": ""}, b"reader"),
        ({"reader": " "}, b"reader"),
        ({"label": "fracture"}, b"'fracture' is none of: normal, viral"),
        ({"verdict": "agree", "finding": "normal"}, b"Use the verdict 'correct'"),
        ({"finding": "viral"}, b"Use the verdict 'agree'"),
    ],
)
def test_what_is_no_reading_of_a_listed_image_is_refused(
    server: ServedReview, ask: Ask, change: dict[str, object], why: bytes
) -> None:
    status, content = ask("POST", "readings", line(some(server)) | change)
    assert status == 400
    assert why in content
    assert read_readings(server.readings) == ()


def test_a_disk_that_is_full_is_said_and_the_reading_is_not_confirmed(
    server: ServedReview, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    status, content = ask("POST", "readings", line(some(server)))
    assert status == 507
    assert b"No space left" in content


def test_a_body_that_is_nested_too_deeply_is_refused(server: ServedReview, ask: Ask) -> None:
    status, content = ask("POST", "readings", b"[" * 60_000)
    assert (status, content[:18]) == (400, b"this is no reading")


@pytest.mark.parametrize("length", ["\u00b2", "-1", "9" * 5000, "x"])
def test_a_length_that_is_none_is_refused(ask: Ask, length: str) -> None:
    assert ask("POST", "readings", b"{}", **{"Content-Length": length})[0] == 413


@pytest.mark.parametrize(
    "damage",
    ["Dear colleague", "{}\n", "[" * 50_000 + "\n", f"{{}}\n{WHOLE}"],
    ids=["text", "no reading", "deep", "amid readings"],
)
def test_a_file_that_became_bad_is_said_and_the_reading_is_not_confirmed(
    server: ServedReview, ask: Ask, damage: str
) -> None:
    ask("POST", "readings", line(some(server)))
    with server.readings.open("a") as stream:
        stream.write(damage)
    before = server.readings.read_bytes()
    for method, path, body in (("POST", "readings", line(some(server))), ("GET", "", None)):
        status, content = ask(method, path, body)
        assert status == 500
        assert b"bad lines" in content
    assert server.readings.read_bytes() == before


def test_a_path_that_is_no_utf_8_is_served_and_read(tmp_path: Path) -> None:
    odd = str(tmp_path / "\udcff.png")
    journal = write_journal(tmp_path / "j.jsonl", [diagnose(odd, {"normal": 0.2, "viral": 0.8})])
    with serve_review(journal, tmp_path / "readings.jsonl") as started:
        ask = asker(started)
        assert ask("GET", "")[0] == 200
        status, content = ask("GET", "image/0")
        assert (status, b"udcff.png" in content) == (404, True)
        assert ask("POST", "readings", line(read_as(odd, "viral"))) == (200, b"saved")
    assert read_readings(tmp_path / "readings.jsonl")[0].source == odd


def test_an_image_of_that_fails_is_an_answer(
    journal: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(source: str) -> Path:
        raise LookupError(source)

    with serve_review(journal, tmp_path / "readings.jsonl", image_of=fail) as started:
        status, content = asker(started)("GET", "image/0")
    assert (status, content) == (500, b"this failed: LookupError")
    assert "a request failed" in caplog.text


@pytest.mark.parametrize("path", ["", "image/0", "image/1"])
def test_without_the_secret_there_is_nothing(ask: Ask, path: str) -> None:
    assert ask("GET", path, secret="guess")[0] == 404
    assert ask("GET", path, secret="%C3%A4")[0] == 404


@pytest.mark.parametrize(
    "path",
    ["image/99", "image/-1", "image/x", "../journal.jsonl", "image/²", "image/" + "1" * 5000],
)
def test_there_is_nothing_else(ask: Ask, path: str) -> None:
    assert ask("GET", path.replace("²", "%C2%B2"))[0] == 404


def test_a_picture_that_cannot_be_decoded_says_why(ask: Ask) -> None:
    status, content = ask("GET", "image/3")
    assert status == 404
    assert b"no image" in content


def test_requests_by_another_name_or_of_another_page_are_refused(
    server: ServedReview, ask: Ask
) -> None:
    assert ask("GET", "", Host="clinic.example")[0] == 403
    assert ask("POST", "readings", line(some(server)), Origin="http://evil.example")[0] == 403
    assert (
        ask("POST", "readings", line(some(server)), Origin=server.url[: server.url.index("/", 7)])[
            0
        ]
        == 200
    )
    assert ask("POST", "readings", "x" * 70_000)[0] == 413
    assert len(read_readings(server.readings)) == 1


def test_it_listens_on_loopback_alone(server: ServedReview) -> None:
    assert server.url.startswith("http://127.0.0.1:")


def test_a_port_that_is_taken_is_an_error(
    server: ServedReview, journal: Path, tmp_path: Path
) -> None:
    port = int(server.url.split(":")[2].partition("/")[0])
    taken = serve_review(journal, tmp_path / "other.jsonl", port=port)
    with pytest.raises(InvalidRequestError, match=f"Port {port}"), taken:
        pass


def test_a_file_of_readings_that_cannot_be_used_is_noticed_before_somebody_reads(
    journal: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n", encoding="utf-8")
    for file, why in (
        (tmp_path / "none" / "r.jsonl", "cannot be written"),
        (bad, "bad lines"),
        (journal, "bad lines"),
    ):
        with pytest.raises(ReadingsError, match=why), serve_review(journal, file):
            pass


def test_a_bad_line_amid_readings_leaves_the_file_as_it_is(journal: Path, tmp_path: Path) -> None:
    file = tmp_path / "readings.jsonl"
    append_readings(file, [read_as("a.png", "viral")])
    whole = file.read_bytes()
    file.write_bytes(whole + b"Dear colleague\n" + whole + whole[:30])
    before = file.read_bytes()
    with pytest.raises(ReadingsError, match="line 2"), serve_review(journal, file):
        pass
    assert file.read_bytes() == before


def test_readings_of_earlier_days_stay(journal: Path, tmp_path: Path) -> None:
    file = tmp_path / "readings.jsonl"
    append_readings(file, [read_as("other.png", "viral")])
    with serve_review(journal, file) as started:
        assert read_readings(started.readings) == (read_as("other.png", "viral"),)
