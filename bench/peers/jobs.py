"""What is measured, each job in a process of its own: ``python jobs.py JOB FOLDER SIZE``.

A job makes ready what it needs, then does its work within ``clock()``, and may tell what it found.
Printed are seconds and processor seconds of that work, and the peak memory of the process. The
package is the one on the path, which may be an older one: its names may lie elsewhere there.
"""

from __future__ import annotations

import datetime
import importlib
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

LABELS: Final = ("bacterial", "normal", "viral")
ARN: Final = "arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958"
BUCKET: Final = "clinic-xrays"
RESAMPLES: Final = 2_000

spent: dict[str, float] = {}
found: dict[str, object] = {}
JOBS: Final[dict[str, Callable[[Path, int], None]]] = {}


def job(function: Callable[[Path, int], None]) -> Callable[[Path, int], None]:
    JOBS[function.__name__] = function
    return function


@contextmanager
def clock() -> Iterator[None]:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, worked = time.perf_counter(), time.process_time()
    yield
    spent["seconds"] = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    workers = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    spent["cpu"] = time.process_time() - worked + workers


def named(name: str, *modules: str) -> Any:
    """A name from the first of the modules that has it."""
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"no {name} in {modules}")


def plain_lines(path: Path, loads: Callable[[bytes], Any], key: str, size: int) -> None:
    """A loop over lines of JSON that checks nothing but that a key is there."""
    with clock(), path.open("rb") as file:
        assert sum(key in loads(line) for line in file) == size


# ---------------------------------------------------------------- put_datasets


@job
def put_datasets(folder: Path, size: int) -> None:
    """Images that lie in S3 become the datasets of a project; sent again, nothing changes."""
    del folder
    import rekognition_xray as rx
    from rekognition_xray.local import LocalCloud

    images = [
        rx.Xray(f"s3://{BUCKET}/kermany/{n:07d}.jpg", LABELS[n % 3], patient=f"p{n // 3:06d}")
        for n in range(size)
    ]
    train, test = rx.XrayDataset(tuple(images)).split(test=0.2, seed=7)
    with LocalCloud(buckets=[BUCKET]) as cloud:
        project = rx.CustomLabelsProject.get_or_create("chest", aws=rx.Aws(session=cloud.session()))
        put = {
            "train": train,
            "test": test,
            "store": f"s3://{BUCKET}/chest",
            "key": "a key for the bench only",
        }
        with clock():
            project.put_datasets(**put)
        first = dict(spent)
        with clock():
            project.put_datasets(**put)
        found["again"] = f"{spent['seconds'] / size * 1e6:.0f} us an entry when sent again"
        spent.update(first)


# ---------------------------------------------------------------- the journal


def write_journal(path: Path, lines: int) -> None:
    with path.open("w", encoding="ascii") as file:
        for number in range(lines):
            line = {
                "rxray_journal": 1,
                "kind": "diagnosis",
                "file": [60_000 + number, 1_690_556_751_958_000_000 + number],
                "source": f"chest_xray/train/PNEUMONIA/person{number}_virus_{number}.jpeg",
                "finding": "viral",
                "confidences": {"normal": 0.01 + number * 1e-9, "bacterial": 0.29, "viral": 0.7},
                "referred": False,
                "reason": "highest confidence; no policy was given",
                "policy": None,
                "threshold": None,
                "version_arn": ARN,
                "image_sha256": f"{number:064x}",
                "request_id": "6b1d0000-1111-2222-3333-444455556666",
                "seconds": 0.1 / 3,
            }
            file.write(json.dumps(line) + "\n")


def open_journal(path: Path, size: int) -> None:
    journal = named(
        "Journal", "rekognition_xray.clinic.diagnosis.journal", "rekognition_xray.clinic.journal"
    )
    with clock():
        assert len(journal(path, version_arn=ARN)) == size


@job
def journal_opened(folder: Path, size: int) -> None:
    """As for the first time: from a copy, beside which no index lies."""
    copy = folder / "copy" / "journal.jsonl"
    copy.parent.mkdir(exist_ok=True)
    for old in copy.parent.iterdir():
        old.unlink()
    copy.write_bytes((folder / "journal.jsonl").read_bytes())
    open_journal(copy, size)


@job
def journal_opened_again(folder: Path, size: int) -> None:
    journal_opened(folder, size)
    open_journal(folder / "copy" / "journal.jsonl", size)


@job
def journal_json(folder: Path, size: int) -> None:
    plain_lines(folder / "journal.jsonl", json.loads, "source", size)


@job
def journal_orjson(folder: Path, size: int) -> None:
    import orjson

    plain_lines(folder / "journal.jsonl", orjson.loads, "source", size)


# ---------------------------------------------------------------- manifests


def content_of(number: int, dice: random.Random, creation: str) -> dict[str, object]:
    name = f"{dice.randbytes(12).hex()}/{dice.randbytes(32).hex()}"
    return {
        "source-ref": f"s3://{BUCKET}/kermany/{name}.jpg",
        "label": LABELS.index(LABELS[number % 3]),
        "label-metadata": {
            "confidence": 1,
            "job-name": "labeling-job/kermany",
            "class-name": LABELS[number % 3],
            "human-annotated": "yes",
            "creation-date": creation,
            "type": "groundtruth/image-classification",
        },
    }


def contents(size: int) -> Iterator[dict[str, object]]:
    dice = random.Random(7)
    return (content_of(n, dice, "2018-06-02T00:00:00.000Z") for n in range(size))


def manifest_of(size: int) -> Any:
    modules = "rekognition_xray.data.manifests", "rekognition_xray.data.manifest"
    images = "rekognition_xray.data.xrays", "rekognition_xray.data.films"
    entry, labelling = named("Entry", *modules), named("Labelling", *images)
    entries = [
        entry(str(line["source-ref"]), LABELS[number % 3])
        for number, line in enumerate(contents(size))
    ]
    day = datetime.date(2018, 6, 2)
    made = labelling("kermany", "readers of Kermany 2018", day)
    part = named("Part", *images)("train", "0123456789ab")
    return lambda: named("Manifest", *modules)(entries, made, part)


@job
def manifest_written(folder: Path, size: int) -> None:
    make = manifest_of(size)
    with clock():
        make().write(folder / "ours.manifest")


@job
def written_by_orjson(folder: Path, size: int) -> None:
    import orjson

    lines = list(contents(size))
    with clock(), (folder / "orjson.manifest").open("wb") as file:
        for line in lines:
            file.write(orjson.dumps(line) + b"\n")


@job
def written_by_polars(folder: Path, size: int) -> None:
    import polars

    frame = polars.DataFrame(list(contents(size)))
    with clock():
        frame.write_ndjson(folder / "polars.manifest")


@job
def manifest_read(folder: Path, size: int) -> None:
    manifest = named(
        "Manifest", "rekognition_xray.data.manifests", "rekognition_xray.data.manifest"
    )
    with clock():
        assert len(manifest.read(folder / "given.manifest")) == size


@job
def read_by_orjson(folder: Path, size: int) -> None:
    import orjson

    plain_lines(folder / "given.manifest", orjson.loads, "source-ref", size)


@job
def read_by_polars(folder: Path, size: int) -> None:
    import polars

    with clock():
        assert len(polars.read_ndjson(folder / "given.manifest")) == size


# ---------------------------------------------------------------- the audit


def pairs_of(groups: Iterator[list[str]] | list[list[str]]) -> set[tuple[str, str]]:
    return {
        (low, high)
        for group in groups
        for number, low in enumerate(sorted(group))
        for high in sorted(group)[number + 1 :]
    }


def judge(pairs: set[tuple[str, str]], folder: Path) -> None:
    """How many of the planted pairs were found, and how many others."""
    planted = {tuple(sorted(pair)) for pair in json.loads((folder / "planted.json").read_bytes())}
    others = len(pairs - planted)
    found["found"] = f"{len(pairs & planted)} of {len(planted)} planted, {others} other pairs"


@job
def audit(folder: Path, size: int) -> None:
    del size
    import rekognition_xray as rx

    dataset = rx.XrayDataset.from_folder(folder / "audited")
    with clock():
        made = dataset.audit()
    groups = [group for group in made.duplicates if group.kind != "file"]
    names = "images" if groups and hasattr(groups[0], "images") else "films"
    judge(pairs_of([[i.path.name for i in getattr(group, names)] for group in groups]), folder)


@job
def audit_by_cleanvision(folder: Path, size: int) -> None:
    del size
    import warnings

    from cleanvision import Imagelab

    warnings.simplefilter("ignore")
    with clock():
        lab = Imagelab(data_path=str(folder / "audited"))
        lab.find_issues(verbose=False)
    kinds = ("exact_duplicates", "near_duplicates")
    groups = [group for kind in kinds for group in lab.info[kind]["sets"]]
    judge(pairs_of([[Path(name).name for name in group] for group in groups]), folder)


@job
def audit_by_imagededup(folder: Path, size: int) -> None:
    del size
    from imagededup.methods import PHash

    flat = folder / "flat"
    flat.mkdir(exist_ok=True)
    for path in (folder / "audited").rglob("*.jpeg"):
        (flat / path.name).exists() or (flat / path.name).symlink_to(path)
    with clock():
        near = PHash(verbose=False).find_duplicates(str(flat), max_distance_threshold=10)
    judge({tuple(sorted((one, other))) for one, many in near.items() for other in many}, folder)


# ---------------------------------------------------------------- the learner


def examples(folder: Path, size: int) -> list[Any]:
    import rekognition_xray as rx

    del folder
    images = rx.XrayDataset.from_folder(xrays() / "chest_xray")
    step = max(1, len(images) // size)
    example = named("Example", *LEARNING)
    return [example(i.path.read_bytes, (i.label,), i.group) for i in tuple(images)[::step][:size]]


LEARNING: Final = (
    "rekognition_xray.local.learning",
    "rekognition_xray.local.training.learner",
    "rekognition_xray.local.training.named",
)


def xrays() -> Path:
    import os

    beside = Path(__file__).parents[3] / "shared" / "xrays"
    return Path(os.environ.get("XRAYS", beside))


@job
def fast_trained(folder: Path, size: int) -> None:
    given = examples(folder, size)
    learner = named("learner_named", *LEARNING)("fast")
    with clock():
        learner.fit(given, seed=7, progress=lambda _: None, stopped=lambda: False)


@job
def decoded(folder: Path, size: int) -> None:
    import io

    from PIL import Image

    given = examples(folder, size)
    with clock():
        for example in given:
            Image.open(io.BytesIO(example.read())).convert("L").load()


# ---------------------------------------------------------------- evaluation


def test_images(size: int) -> list[Any]:
    import numpy as np

    statistics = "rekognition_xray.clinic.statistics"
    before = "rekognition_xray.clinic.figures"
    try:
        kind = named("TestImage", statistics)
    except ImportError:
        kind = named("TestFilm", before)
    rng = np.random.default_rng(7)
    patient = rng.integers(0, size * 2 // 5, size)
    truth = rng.integers(0, 3, size * 2 // 5)[patient]
    odds = rng.normal(size=(size, 3)) + 2.5 * np.eye(3)[truth]
    shares = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    return [
        kind(
            source_ref=f"s3://b/{number:06d}",
            patient=f"{patient[number]:06d}",
            truth=LABELS[truth[number]],
            confidences=dict(zip(LABELS, map(float, shares[number]), strict=True)),
            predicted=LABELS[int(np.argmax(shares[number]))],
        )
        for number in range(size)
    ]


@job
def evaluated(folder: Path, size: int) -> None:
    """All figures of an evaluation with their intervals."""
    del folder
    estimate = named(
        "estimate", "rekognition_xray.clinic.statistics", "rekognition_xray.clinic.estimates"
    )
    given = test_images(size)
    with clock():
        made = estimate(given, LABELS, resamples=RESAMPLES, seed=0)
    found["AUROC"] = str(made.two_class.auroc)


def auroc_of(weights: Any, truth: Any, score: Any) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, score, sample_weight=weights))


@job
def one_auroc_by_joblib(folder: Path, size: int) -> None:
    """One figure with its interval: scikit-learn's function for each resample, on all cores."""
    del folder
    import joblib
    import numpy as np
    from joblib.externals.loky import get_reusable_executor

    given = test_images(size)
    truth = np.array([image.truth != "normal" for image in given])
    score = np.array([1 - image.confidences["normal"] for image in given])
    names, patient = np.unique([image.patient for image in given], return_inverse=True)
    rng = np.random.default_rng(0)
    with clock():
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
        parallel = joblib.Parallel(n_jobs=-1)
        values = parallel(joblib.delayed(auroc_of)(row[patient], truth, score) for row in drawn)
        get_reusable_executor().shutdown(wait=True)  # so that the workers' time is counted
    low, high = np.quantile(values, [0.025, 0.975])
    found["AUROC"] = f"{auroc_of(None, truth, score):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    JOBS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({**spent, "mb": peak / 1024, "found": "; ".join(map(str, found.values()))}))
