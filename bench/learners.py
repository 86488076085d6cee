"""The learners on real images beside two plain baselines: accuracy, shift, time, memory, shortcuts.

Every figure is of unseen patients, with a 95 % interval over patients. The images lie at $XRAYS, or
in ../shared/xrays beside the repository. All of it takes an hour or two on two cores, most of
it for `pretrained`.

    python bench/learners.py [--quick] [--seed 7] [--part PART] [METHOD ...]
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs
import numpy as np
from learning import methods
from learning.figures import Confident, accuracy, difference, joined
from learning.images import (
    CHANGES,
    FOLDER,
    FOLDS,
    SHIFTS,
    ImageSource,
    Shift,
    changed,
    disguised,
    labels_by_chance,
    originals,
    read_images,
    whole_patients,
)

from rekognition_xray.local.learning import Example, Model

TIMED: Final = 200
DISGUISES: Final = ((224, "L", 95), (900, "RGB", 95), (500, "L", 40))
TIMES: Final = (1, 2, 4)
PATIENTS: Final = (100, 300, 1000, 3000)


@attrs.frozen
class Task:
    """One method under one set of options."""

    method: str
    seed: int
    folds: int

    def images(self) -> list[ImageSource]:
        return read_images(self.seed)

    def train(self, examples: Sequence[Example]) -> Model:
        learner = methods.method_named(self.method)
        return learner.fit(
            examples, seed=self.seed, progress=methods.unwatched, stopped=lambda: False
        )


def ask(model: Model, images: Sequence[ImageSource], change: str | None = None) -> Confident:
    """What the model says of images, as they are or after a change."""
    answers = [
        model.confidences(
            image.path.read_bytes() if change is None else changed(image.path, change)
        )
        for image in images
    ]
    return Confident(
        labels=model.labels,
        values=np.array([[answer[label] for label in model.labels] for answer in answers]),
        truth=np.array([model.labels.index(image.label) for image in images]),
        patients=tuple(image.patient for image in images),
    )


def unseen(task: Task) -> None:
    """Accuracy on unseen patients, as the images are and after each change."""
    images = task.images()
    plain: list[Confident] = []
    after: dict[str, list[Confident]] = {name: [] for name in CHANGES}
    for fold in range(task.folds):
        model = task.train([image.example for image in images if image.fold != fold])
        tests = [image for image in images if image.fold == fold]
        plain.append(ask(model, tests))
        for name, parts in after.items():
            parts.append(ask(model, tests, name))
    of_three = [part.right.mean() for part in plain]
    of_two = [part.told_apart.mean() for part in plain]
    whole = joined(plain)
    tell(task, "three classes", accuracy(whole.right, whole.patients))
    tell(task, "three classes, by fold", " ".join(f"{value:.3f}" for value in of_three))
    tell(task, "pneumonia or not", accuracy(whole.told_apart, whole.patients))
    tell(task, "pneumonia or not, by fold", " ".join(f"{value:.3f}" for value in of_two))
    tell(task, "mean confidence of the answer", f"{whole.values.max(axis=1).mean():.3f}")
    tell(task, "log loss", f"{whole.surprise:.3f}")
    for name, parts in after.items():
        fall = difference(joined(parts).right, whole.right, whole.patients)
        tell(task, f"three classes, {name}, points", fall.points)


def curve(task: Task) -> None:
    """Accuracy on one fold after trainings on few and on many patients of the others."""
    images = task.images()
    tests = whole_patients(images, 1)
    rest = [image for image in images if image.fold != 0]
    names = sorted({image.patient for image in rest})
    drawn = [names[place] for place in np.random.default_rng(task.seed).permutation(len(names))]
    for count in PATIENTS:
        seen = frozenset(drawn[:count])
        train = [image.example for image in rest if image.patient in seen]
        asked = ask(task.train(train), tests)
        name = f"{len(seen):,} patients, {len(train):,} images:"
        tell(task, f"{name} three classes", accuracy(asked.right, asked.patients))
        tell(task, f"{name} pneumonia or not", accuracy(asked.told_apart, asked.patients))


def shifted(task: Task) -> None:
    """Specificity on a series of normal images that the training never saw."""
    images = task.images()
    for shift in SHIFTS:
        shift_by(task, shift, images)


def shift_by(task: Task, shift: Shift, images: Sequence[ImageSource]) -> None:
    train, choose, test = shift.parts(images)
    model = task.train([image.example for image in train])
    chosen, tested = ask(model, choose), ask(model, test)
    name = f"{shift.seen} seen, {shift.unseen} unseen:"
    best = tested.threshold()
    tell(task, f"{name} specificity at test sensitivity 0.95", tested.specificity(best))
    held = chosen.threshold()
    tell(task, f"{name} at the validation threshold: specificity", tested.specificity(held))
    tell(task, f"{name} at the validation threshold: sensitivity", tested.sensitivity(held))


def spent(task: Task) -> None:
    """Time and memory of a training on all images with decoding, of loading, and of detections."""
    images = task.images()
    before = peak()
    began, worked = time.perf_counter(), time.process_time()
    model = task.train([image.example for image in images])
    took, busy = time.perf_counter() - began, time.process_time() - worked
    tell(
        task,
        f"training on {len(images):,} images",
        f"{took:.1f} s, {busy:.1f} s of processors ({os.cpu_count()} here)",
    )
    tell(task, "peak memory", f"{peak():.0f} MB, {before:.0f} MB of it before the training")
    tell(task, "one detection, warm", detections(model, images))
    if task.method not in methods.BASELINES:
        tell(task, "loading", f"{loading(task, model):.2f} s")


def detections(model: Model, images: Sequence[ImageSource]) -> str:
    files = [image.path.read_bytes() for image in images[:: len(images) // TIMED]]
    times = []
    for image in [*files[:5], *files]:
        began = time.perf_counter()
        model.confidences(image)
        times.append(1000 * (time.perf_counter() - began))
    middle, late = np.quantile(times[5:], (0.5, 0.95))
    return f"{middle:.1f} ms, 95 in 100 within {late:.1f} ms"


def loading(task: Task, model: Model) -> float:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        began = time.perf_counter()
        methods.method_named(task.method).load(Path(folder) / "model")
        return time.perf_counter() - began


def grown(task: Task, times: int) -> None:
    """Peak memory and time when the images are there more than once, as other patients."""
    images = whole_patients(task.images(), task.folds if task.method == "fast" else 1)
    examples = [
        attrs.evolve(image.example, group=f"{image.patient} {copy}")
        for copy in range(times)
        for image in images
    ]
    before = peak()
    began = time.perf_counter()
    task.train(examples)
    tell(
        task,
        f"{len(examples):,} images",
        f"{time.perf_counter() - began:.1f} s, peak {peak():.0f} MB "
        f"({before:.0f} MB before the training)",
    )


def blind(task: Task) -> None:
    """On the originals: another kind of file, the same answer; a label that is the file, chance."""
    paths = originals()
    images = [image.example for image in whole_patients(task.images(), 1)]
    model = task.train(images)
    first, *others = DISGUISES
    for kind in others:
        moved = [apart(model, disguised(path, *first), disguised(path, *kind)) for path in paths]
        told = f"mean {np.mean(moved):.3f}, largest {max(moved):.3f}"
        tell(task, f"{len(paths)} originals, {first} or {kind}: confidences differ by", told)
    labels = labels_by_chance(paths, task.seed)
    right = np.zeros(len(paths), dtype=np.bool_)
    kinds = dict(zip(("small", "large"), DISGUISES[1:], strict=True))
    for fold in range(FOLDS):
        away = [place % FOLDS == fold for place in range(len(paths))]
        seen = [
            Example(
                lambda path=path, kind=kinds[label]: disguised(path, *kind), (label,), str(path)
            )
            for path, label, held in zip(paths, labels, away, strict=True)
            if not held
        ]
        learnt = task.train(seen)
        for place in np.flatnonzero(away):
            answer = learnt.confidences(disguised(paths[place], *kinds[labels[place]]))
            right[place] = max(answer, key=answer.__getitem__) == labels[place]
    by_file = accuracy(right, [str(path) for path in paths])
    tell(task, "label given by size, mode and quality only: accuracy (chance 0.5)", by_file)


def apart(model: Model, one: bytes, other: bytes) -> float:
    """The largest difference of two answers' confidences."""
    first, second = model.confidences(one), model.confidences(other)
    return max(abs(first[label] - second[label]) for label in model.labels)


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tell(task: Task, figure: str, value: object) -> None:
    print(f"{task.method:16} {figure:76} {value}", flush=True)


def alone(work: Callable[..., None], *given: object) -> None:
    """Runs a part in a process of its own, whose peak memory is that part's."""
    child = multiprocessing.get_context("spawn").Process(target=work, args=given)
    child.start()
    child.join()
    if child.exitcode:
        sys.exit(f"{work.__name__}{given} failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", nargs="*", metavar="METHOD", help=", ".join(methods.METHODS))
    parser.add_argument("--quick", action="store_true", help="one fold instead of five")
    parser.add_argument("--seed", type=int, default=7, help="of folds and learning")
    parser.add_argument("--part", choices=PARTS, action="append", help="repeatable; all without")
    asked = parser.parse_args()
    if not (FOLDER / "chest_xray").is_dir():
        print(f"no real images at {FOLDER} (set XRAYS); nothing to measure")
        return
    tasks = []
    for name in asked.method or methods.METHODS:
        reason = methods.missing(name)
        if reason:
            print(f"{name:16} not measured: {reason}")
        else:
            tasks.append(Task(name, asked.seed, 1 if asked.quick else FOLDS))
    for part, task in itertools.product(asked.part or PARTS, tasks):
        run(part, task)


# What a busy machine would spoil comes first, while it can be kept quiet.
PARTS: Final = {
    "spent": spent,
    "unseen": unseen,
    "curve": curve,
    "shift": shifted,
    "blind": blind,
    "memory": grown,
}


def run(part: str, task: Task) -> None:
    """One part; memory only of the package's learners, which promise a bound."""
    if part != "memory":
        alone(PARTS[part], task)
    elif task.method not in methods.BASELINES:
        for times in TIMES:
            alone(grown, task, times)


if __name__ == "__main__":
    main()
