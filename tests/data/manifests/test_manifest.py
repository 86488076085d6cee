from __future__ import annotations

import datetime
import itertools
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.manifests import Entry, Manifest
from rekognition_xray.data.manifests.checks import Overview, faults, is_plainly_sound
from rekognition_xray.data.manifests.lines import MAX_LINE
from rekognition_xray.data.xrays import Labelling, Part, Xray
from rekognition_xray.errors import ManifestError

DAY = datetime.date(2018, 6, 2)
KERMANY = Labelling("kermany", "readers of Kermany 2018", DAY)


def manifest(*entries: Entry, labelling: Labelling = KERMANY, part: Part | None = None) -> Manifest:
    return Manifest(entries or (Entry("s3://bucket/a.jpg", "normal"),), labelling, part)


def metadata(text: str) -> dict[str, object]:
    return json.loads(text)["label-metadata"]


def test_a_line_is_exactly_what_the_service_documents() -> None:
    (line,) = manifest(
        Entry("s3://bucket/images/sunrise.png", "normal"), part=Part("train", "0123456789ab")
    ).lines()
    assert line == (
        '{"source-ref":"s3://bucket/images/sunrise.png","label":1,"label-metadata":'
        '{"confidence":1,"job-name":"rekognition-xray?rule=kermany&by=readers+of+Kermany+2018'
        '&part=train&split=0123456789ab","class-name":"normal","human-annotated":"yes",'
        '"creation-date":"2018-06-02T00:00:00.000Z","type":"groundtruth/image-classification"}}'
    )


@pytest.mark.parametrize(
    ("on", "written"),
    [
        (DAY, "2018-06-02T00:00:00.000Z"),
        (datetime.datetime(2020, 3, 6, 17, 46, 39, 176999), "2020-03-06T17:46:39.176Z"),  # noqa: DTZ001
        (datetime.datetime(2020, 3, 6, 17, tzinfo=datetime.UTC), "2020-03-06T17:00:00.000Z"),
        (
            datetime.datetime(2020, 3, 7, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=8))),
            "2020-03-06T17:00:00.000Z",
        ),
    ],
)
def test_the_date_is_written_in_utc(on: datetime.date, written: str) -> None:
    text = manifest(labelling=Labelling("rule", on=on)).text()
    assert metadata(text)["creation-date"] == written


def test_a_date_that_nobody_knows_is_written_as_the_epoch_and_read_as_unknown() -> None:
    undated = manifest(labelling=Labelling("rule"))
    assert metadata(undated.text())["creation-date"] == "1970-01-01T00:00:00.000Z"
    assert Manifest.parse(undated.text()).labelling.on is None


def test_labels_that_no_person_gave_say_so() -> None:
    by_machine = manifest(labelling=Labelling("rule", human=False))
    assert metadata(by_machine.text())["human-annotated"] == "no"
    assert Manifest.parse(by_machine.text()).labelling.human is False


def test_a_manifest_of_unknown_origin_claims_none() -> None:
    assert manifest(labelling=Labelling()).job_name == "rekognition-xray"


def test_lines_are_rendered_as_they_are_asked_for() -> None:
    many = Manifest([Entry(f"s3://bucket/{n:06}", "x") for n in range(20_000)], KERMANY)
    assert '"s3://bucket/000000"' in next(many.lines())
    assert '"s3://bucket/000000"' in next(many.blobs(1000)).decode()


def test_an_entry_given_twice_is_written_once() -> None:
    entry = Entry("s3://bucket/a.jpg", "normal")
    assert len(manifest(entry, Entry("s3://bucket/b.jpg", "normal"), entry)) == 2


def test_all_faulty_entries_are_named_together() -> None:
    faulty = (
        Entry("http://bucket/a.jpg", "normal"),
        Entry("s3://bucket", "normal"),
        Entry("s3://bucket/a.jpg", "normal"),
        Entry("s3://bucket/a.jpg", "viral"),
        Entry("s3://bucket/b.jpg", ""),
        Entry("s3://bucket/c.jpg", "x" * 256),
        Entry("s3://bucket/d.jpg", "\ud800"),
        Entry("s3://bucket/e\ud800.jpg", "normal"),
        Entry("s3://other/d.jpg", "normal"),
    )
    with pytest.raises(ManifestError) as caught:
        manifest(*reversed(faulty))
    assert [(fault.line, fault.code) for fault in caught.value.faults] == [
        (1, "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (2, "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (4, "contradictory-labels"),
        (5, "ERROR_INVALID_LABEL_NAME_LENGTH"),
        (6, "ERROR_INVALID_LABEL_NAME_LENGTH"),
        (7, "not-unicode"),
        (8, "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (9, "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"),
    ]
    assert "'s3://bucket/a.jpg' is labelled 'viral' and 'normal'" in str(caught.value)
    assert str(caught.value).encode()


def test_a_line_longer_than_the_service_takes_is_refused() -> None:
    with pytest.raises(ManifestError, match="line-too-long"):
        manifest(labelling=Labelling("x" * MAX_LINE))


def test_more_than_250_labels_are_refused() -> None:
    def labelled(count: int) -> list[Entry]:
        return [Entry(f"s3://bucket/{n}", str(n)) for n in range(count)]

    assert len(manifest(*labelled(250))) == 250
    with pytest.raises(ManifestError, match="ERROR_MANIFEST_TOO_MANY_LABELS: 251 labels"):
        manifest(*labelled(251))


def test_more_than_250_000_images_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekognition_xray.data.manifests.checks.MAX_ENTRIES", 3)
    assert len(manifest(*(Entry(f"s3://bucket/{n}", "x") for n in range(3)))) == 3
    with pytest.raises(ManifestError, match="ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM"):
        manifest(*(Entry(f"s3://bucket/{n}", "x") for n in range(4)))


def test_a_manifest_larger_than_the_service_takes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = len(manifest().text())
    monkeypatch.setattr("rekognition_xray.data.manifests.checks.MAX_BYTES", size)
    assert len(manifest().text()) == size
    with pytest.raises(ManifestError, match="ERROR_MANIFEST_SIZE_TOO_LARGE"):
        manifest(Entry("s3://bucket/aa.jpg", "normal"))


@pytest.mark.parametrize("field", ["rule", "by"])
def test_an_origin_that_is_no_text_is_refused(field: str) -> None:
    with pytest.raises(ManifestError, match="not-unicode"):
        manifest(labelling=Labelling(**{field: "\udcff"}))


def test_faults_survive_the_way_between_processes() -> None:
    with pytest.raises(ManifestError) as caught:
        manifest(Entry("nowhere", "normal"))
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults


texts = st.text(max_size=40)
names = st.text(min_size=1, max_size=30) | st.from_regex(r"[ -~]{1,60}", fullmatch=True)
moments = st.datetimes(timezones=st.timezones() | st.none()).filter(
    lambda moment: 2 < moment.year < 9998
)
labellings = st.builds(Labelling, texts, texts, st.none() | st.dates() | moments, st.booleans())
parts = st.none() | st.builds(Part, texts, texts)
entry_sets = st.dictionaries(
    names.map(lambda name: f"s3://clinic-xrays/{name}"),
    st.text(min_size=1, max_size=255) | st.sampled_from(["normal", "viral"]),
    min_size=1,
    max_size=20,
).map(lambda found: [Entry(ref, label) for ref, label in found.items()])
manifests = st.builds(Manifest, entry_sets, labellings, parts)


@given(manifests)
def test_what_is_rendered_is_read_back(given_one: Manifest) -> None:
    text = given_one.text()
    assert Manifest.parse(text) == given_one
    assert Manifest.parse(text.encode()) == given_one
    assert Manifest.parse(given_one.lines()) == given_one
    assert Manifest.parse(text.replace("\n", "\r\n").encode()) == given_one
    assert Manifest.parse(text).text() == text


@given(manifests, st.randoms())
def test_the_order_of_the_entries_does_not_matter(given_one: Manifest, dice) -> None:
    shuffled = list(given_one)
    dice.shuffle(shuffled)
    again = Manifest(shuffled, given_one.labelling, given_one.part)
    assert again.text() == given_one.text()
    refs = [json.loads(line)["source-ref"] for line in again.lines()]
    assert refs == sorted(refs)


@given(manifests)
def test_lines_are_ascii_and_what_a_plain_json_writer_gives(given_one: Manifest) -> None:
    text = given_one.text()
    assert text.isascii()
    lines = text.split("\n")
    assert lines.pop() == ""
    assert lines == list(given_one.lines())
    assert lines == [json.dumps(json.loads(line), separators=(",", ":")) for line in lines]


@given(manifests, st.integers(0, 3000))
def test_blobs_are_the_text_in_whole_lines(given_one: Manifest, more: int) -> None:
    limit = max(len(line) + 1 for line in given_one.lines()) + more
    blobs = list(given_one.blobs(limit))
    assert b"".join(blobs).decode() == given_one.text()
    assert all(len(blob) <= limit and blob.endswith(b"\n") for blob in blobs)
    # None could have taken in the first line of the next.
    for blob, following in itertools.pairwise(blobs):
        assert len(blob) + following.index(b"\n") + 1 > limit


def test_a_line_that_fits_no_blob_is_refused() -> None:
    with pytest.raises(ManifestError, match="blob of 100 bytes"):
        list(manifest().blobs(100))


wild = st.builds(
    Entry,
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["s3://one/", "s3://two/", "s3://", "http://one/", "s3://a_b/", ""]),
        st.text(st.characters(), max_size=5),
        st.sampled_from(["", "", "x" * 1023, "x" * 1024]),
    ),
    st.sampled_from(["normal", "normal", "viral", "", "x" * 256, "\ud800"]),
)


@given(st.lists(wild, max_size=4))
def test_the_quick_look_never_passes_what_the_look_at_each_line_refuses(
    entries: list[Entry],
) -> None:
    ordered = sorted(set(entries), key=lambda entry: (entry.source_ref, entry.label))
    tails = {entry.label: '","label":1}' for entry in entries}
    overview = Overview.of(ordered)
    if is_plainly_sound(ordered, overview, tails):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "rekognition_xray.data.manifests.checks.is_plainly_sound", lambda *_: False
            )
            assert faults(ordered, overview, tails) == ()


@given(manifests)
def test_the_look_at_each_line_finds_nothing_in_a_sound_manifest(given_one: Manifest) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rekognition_xray.data.manifests.checks.is_plainly_sound", lambda *_: False)
        assert Manifest(list(given_one), given_one.labelling, given_one.part) == given_one


def test_a_manifest_of_a_dataset_takes_images_from_both_places() -> None:
    here, there = Xray(Path("a.jpeg"), "normal"), Xray("s3://bucket/b.jpg", "viral")
    dataset = XrayDataset((here, there), labelling=KERMANY, part=Part("test", "ab"))
    made = Manifest.of(dataset, {here: "s3://bucket/a.jpg"})
    assert made == manifest(
        Entry("s3://bucket/a.jpg", "normal"),
        Entry("s3://bucket/b.jpg", "viral"),
        part=Part("test", "ab"),
    )


def test_images_that_lie_nowhere_in_s3_are_all_named() -> None:
    images = [Xray(Path(f"{n}.jpeg"), "normal") for n in range(3)]
    with pytest.raises(ManifestError, match="3 images do not lie in S3") as caught:
        Manifest.of(XrayDataset(images))
    assert caught.value.paths == tuple(image.path for image in images)


def test_a_manifest_survives_its_file(tmp_path: Path) -> None:
    made = manifest(Entry("s3://bucket/ü b\u2028.jpg", "normal"), part=Part("train", "ab"))
    path = made.write(tmp_path / "train.manifest")
    assert path.read_bytes() == made.text().encode("ascii")
    assert Manifest.read(path) == made
    assert [found.name for found in tmp_path.iterdir()] == ["train.manifest"]


def test_a_file_that_was_there_stays_until_the_new_one_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manifest().write(tmp_path / "train.manifest")
    before = path.read_bytes()

    def broken(_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Manifest, "_texts", broken)
    with pytest.raises(OSError, match="full"):
        manifest(Entry("s3://bucket/b", "viral")).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_manifest_tells_its_entries_by_label() -> None:
    made = manifest(Entry("s3://bucket/a", "normal"), Entry("s3://bucket/b", "viral"))
    assert made.counts == {"normal": 1, "viral": 1}
    assert repr(made).startswith("<Manifest of 2 entries (normal 1, viral 1), rekognition-xray?")
