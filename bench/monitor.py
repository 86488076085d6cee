"""The monitor on simulated months: false alarms without a change, images until a planted one.

What is in a journal is drawn, with replacement, from what the `fast` learner and the gate say of
real images of patients that neither was fitted on, as they are and after a change. An image that
the gate refuses has no confidences and is referred. The images lie at $XRAYS, or in
../shared/xrays beside the repository. Half an hour on two cores, most of it for the months.

    python bench/monitor.py [--part PART] [--months 1000] [--drifts 100] [--answers FILE] [--seed 7]
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from learning.images import FOLDER, FOLDS, ImageSource, read_images
from learning.methods import unwatched
from PIL import Image, ImageOps

import rekognition_xray as rx
from rekognition_xray.data.gating import ImageGate
from rekognition_xray.local.learning import LEARNERS, Model, learner_named

ARN: Final = "arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958"
TESTED: Final = 3  # of five folds, those whose images are drawn
REFERENCE: Final = 800
MONTH: Final = 1000
BEFORE: Final = 500  # images of a journal before the change
AFTER: Final = 1000
ILL: Final = 0.3
BAND: Final = (0.2, 0.8)  # confidences of pneumonia that are referred

Places = npt.NDArray[np.intp]
Answer = dict[str, object]


View = Callable[[Image.Image], Image.Image]


def gamma(exponent: float) -> View:
    return lambda image: image.point([round(255 * (grey / 255) ** exponent) for grey in range(256)])


def saved(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


GAMMAS: Final = (0.5, 0.7, 1.4, 2.0)
VIEWS: Final[dict[str, View]] = {
    "inverted": ImageOps.invert,
    **{f"gamma {exponent}": gamma(exponent) for exponent in GAMMAS},
}


def read_answers(seed: int) -> list[Answer]:
    """For each image: label, patient, and (confidences, gate score) as it is and in each view."""
    images = read_images(seed)
    splits = rx.XrayDataset.from_folder(FOLDER / "chest_xray", names=rx.KERMANY).folds(
        FOLDS, seed=seed
    )
    return [
        answer
        for fold, split in enumerate(splits[:TESTED])
        for answer in of_fold(images, fold, ImageGate.fit(split.train), seed)
    ]


def of_fold(
    images: Sequence[ImageSource], fold: int, gate: ImageGate, seed: int
) -> Iterator[Answer]:
    """Of the other folds' images, half are enough for the learner."""
    train = [image for image in images if image.fold != fold][::2]
    model = learner_named(LEARNERS[0]).fit(
        [image.example for image in train], seed=seed, progress=unwatched, stopped=lambda: False
    )
    for image in images:
        if image.fold == fold:
            with Image.open(image.path) as opened:
                grey = opened.convert("L")
            files = {"plain": image.path.read_bytes()}
            files |= {name: saved(view(grey)) for name, view in VIEWS.items()}
            yield {"label": image.label, "patient": image.patient} | {
                name: asked(model, gate, data) for name, data in files.items()
            }


def asked(model: Model, gate: ImageGate, data: bytes) -> tuple[dict[str, float], float]:
    answer = gate.check(data)
    return model.confidences(data) if answer.accepted else {}, answer.score


class Hospital:
    """Draws images and writes journals."""

    def __init__(self, answers: Sequence[Answer], seed: int) -> None:
        self.answers = answers
        self.ill = np.array([answer["label"] != "normal" for answer in answers])
        self.random = np.random.default_rng(seed)
        patients = np.array([answer["patient"] for answer in answers])
        self.of_patient = {name: np.flatnonzero(patients == name) for name in set(patients)}
        self.written = 0
        self.visits = 0
        self.before: object = None

    def draw(self, count: int, ill: float = ILL) -> Places:
        """Images, each with pneumonia by chance, apart from all others."""
        wanted = self.random.random(count) < ill
        kinds = [self.random.choice(np.flatnonzero(self.ill == kind), count) for kind in (0, 1)]
        return np.where(wanted, kinds[1], kinds[0])

    def draw_patients(self, count: int) -> Places:
        """The same, each followed by all other images of its patient."""
        drawn: list[int] = []
        while len(drawn) < count:
            first = int(self.draw(1)[0])
            drawn += self.of_patient[str(self.answers[first]["patient"])].tolist()
        return np.array(drawn[:count])

    def write(self, path: Path, places: Places, views: Sequence[str] | None = None) -> Path:
        """A journal of images in one view each."""
        with path.open("a") as stream:
            for place, view in zip(places, views or ["plain"] * len(places), strict=True):
                stream.write(self.line(self.answers[place]["patient"], self.answers[place][view]))
        return path

    def line(self, patient: object, answer: object) -> str:
        """A patient who comes again is another one, unless at once."""
        confidences, score = answer  # type: ignore[misc]
        self.written += 1
        self.visits += patient != self.before
        self.before = patient
        pneumonia = 1 - confidences.get("normal", 0.5)  # without confidences: referred
        return (
            json.dumps(
                {
                    "rxray_journal": 1,
                    "kind": "diagnosis",
                    "written_at": "2026-11-29T12:00:00+00:00",
                    "file": None,
                    "source": f"{self.visits}/{self.written}.png",
                    "finding": "normal",
                    "confidences": confidences,
                    "referred": BAND[0] <= pneumonia < BAND[1],
                    "reason": "",
                    "policy": None,
                    "threshold": None,
                    "version_arn": ARN,
                    "image_sha256": f"{self.written:064x}",
                    "request_id": "r",
                    "seconds": 0.1,
                    "gate_score": score,
                }
            )
            + "\n"
        )


def false_alarms(
    hospital: Hospital,
    draw: Callable[[int], Places],
    months: int,
    patient: Callable[[str], str] | None = None,
) -> str:
    """How many quiet months raise an alarm, and which value raised it."""
    raised: list[str] = []
    alarms = 0
    for month in range(months):
        with tempfile.TemporaryDirectory() as folder:
            reference = hospital.write(Path(folder) / "reference.jsonl", draw(REFERENCE))
            journal = hospital.write(Path(folder) / "journal.jsonl", draw(MONTH))
            report = rx.Monitor(reference, patient=patient, seed=3 * month).update(journal)
        alarms += report.alarm
        raised += [value.name for value in report.watched if value.alarm]
    return f"{alarms} of {months:,} months ({', '.join(sorted(set(raised))) or 'none'})"


def delays(
    hospital: Hospital, change: Callable[[Hospital], tuple[Places, list[str]]], drifts: int
) -> dict[str, npt.NDArray[np.float64]]:
    """Images from the change to the alarm: of any value, and of each; infinite without one."""
    found: dict[str, list[float]] = {"any": []}
    for drift in range(drifts):
        with tempfile.TemporaryDirectory() as folder:
            reference = hospital.write(Path(folder) / "reference.jsonl", hospital.draw(REFERENCE))
            journal = hospital.write(Path(folder) / "journal.jsonl", hospital.draw(BEFORE))
            monitor = rx.Monitor(reference, seed=3 * drift)
            monitor.update(journal)
            hospital.write(journal, *change(hospital))
            report = monitor.update(journal)
        after = {value.name: (value.alarm_image or np.inf) - BEFORE for value in report.watched}
        found["any"].append(min(after.values()))
        for name, images in after.items():
            found.setdefault(name, []).append(images)
    return {name: np.array(values) for name, values in found.items()}


def seen_through(view: str, share: float) -> Callable[[Hospital], tuple[Places, list[str]]]:
    """This share of the images in this view."""
    return lambda hospital: (
        hospital.draw(AFTER),
        [view if drawn < share else "plain" for drawn in hospital.random.random(AFTER)],
    )


DRIFTS: Final = {
    "prevalence from 30 to 60 %": lambda hospital: (hospital.draw(AFTER, 0.6), ["plain"] * AFTER),
    "a ward of one third inverted": seen_through("inverted", 1 / 3),
    "a ward of one fifth inverted": seen_through("inverted", 0.2),
    **{
        f"a new scanner, gamma {exponent}": seen_through(f"gamma {exponent}", 1.0)
        for exponent in GAMMAS
    },
}


def tell(name: str, found: dict[str, npt.NDArray[np.float64]]) -> None:
    for value, images in found.items():
        middle, late = np.quantile(images, (0.5, 0.9), method="higher")
        missed = np.isinf(images).sum()
        print(
            f"{name:30} {value:24} median {middle:5.0f}, 90 % within {late:5.0f}, "
            f"{missed} of {len(images)} not within {AFTER:,}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=("drifts", "months"), help="both without")
    parser.add_argument("--months", type=int, default=1000)
    parser.add_argument("--drifts", type=int, default=100)
    parser.add_argument("--answers", type=Path, help="keep the learner's answers in this file")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    if not (FOLDER / "chest_xray").is_dir():
        print(f"no real images at {FOLDER} (set XRAYS); nothing to measure")
        return
    if asked.answers and asked.answers.exists():
        answers = json.loads(asked.answers.read_text())
    else:
        answers = read_answers(asked.seed)
        if asked.answers:
            asked.answers.write_text(json.dumps(answers))
    print(f"{len(answers):,} images; reference {REFERENCE}, false alarms at most 1 %")
    for name, measure in PARTS.items():
        if asked.part in {None, name}:
            measure(answers, asked)


def drifts(answers: Sequence[Answer], asked: argparse.Namespace) -> None:
    for name, change in DRIFTS.items():
        tell(name, delays(Hospital(answers, asked.seed), change, asked.drifts))


def months(answers: Sequence[Answer], asked: argparse.Namespace) -> None:
    began = time.perf_counter()
    hospital = Hospital(answers, asked.seed)
    few, rows = asked.months // 5, hospital.draw_patients
    print("images apart:", false_alarms(hospital, hospital.draw, asked.months))
    print(f"{time.perf_counter() - began:.0f} s", flush=True)
    print("images of a patient in a row:", false_alarms(hospital, rows, few), flush=True)
    by_folder = false_alarms(hospital, rows, few, lambda path: path.split("/")[0])
    print("the same with patient=:", by_folder)


PARTS: Final = {"drifts": drifts, "months": months}

if __name__ == "__main__":
    main()
