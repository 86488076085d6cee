"""What a random split by film does to a figure: the same films and learner, split in two ways.

Five times a fifth of the films is kept for the test, so that each film is judged once by a model
that has not seen it: once after a random split by film, where other films of its patient may have
been learned from, and once after a split by whole patients. Both are trained and judged on this
machine; the figures are the local learner's, never AWS's. The library refuses the random split
unless it is told ``allow_leaks=True``, as here.

Usage: python examples/leakage_study.py [path/to/chest_xray]

Without a folder phantoms are drawn: few patients with several small films each, so that there is
much to leak. The real films are of Kermany, Zhang and Goldbaum (2018), Mendeley Data V2,
doi:10.17632/rscbjbr9sj.2, CC BY 4.0; on two cores they take about five minutes.
"""

from __future__ import annotations

import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

import rekognition_xray as rx
from rekognition_xray.clinic.figures import Figure, TestFilm
from rekognition_xray.clinic.pairing import differences
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

FOLDS, SEED, RESAMPLES = 5, 7, 2000
STORE, MODELS = "s3://clinic-xrays/films", "s3://clinic-xrays/models"
FIGURES = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced_accuracy",
    "pneumonia or not": "two_class.accuracy",
}
Parts = tuple[rx.XrayDataset, rx.XrayDataset]


def by_film(films: rx.XrayDataset) -> Iterator[Parts]:
    """Films are dealt to the folds one by one, each label evenly; nobody looks at patients."""
    dice = random.Random(SEED)
    dealt = sorted(films, key=lambda film: (film.label, dice.random()))
    for fold in range(FOLDS):
        tested = set(dealt[fold::FOLDS])
        yield (
            attrs.evolve(films, films=[film for film in films if film not in tested]),
            attrs.evolve(films, films=[film for film in films if film in tested]),
        )


def by_patient(films: rx.XrayDataset) -> Iterator[Parts]:
    """Whole patients are dealt to the folds."""
    for split in films.folds(k=FOLDS, seed=SEED):
        yield split.train, split.test


def judged(aws: rx.Aws, way: str, folds: Iterable[Parts], work: Path) -> dict[str, TestFilm]:
    """Every film by its address, as a model judged it that was trained on the other folds."""
    found: dict[str, TestFilm] = {}
    for number, (train, test) in enumerate(folds, start=1):
        project = rx.CustomLabelsProject.get_or_create(f"{way}-{number}", aws=aws)
        project.put_datasets(train=train, test=test, store=STORE, work=work, allow_leaks=True)
        version = project.train("v1", output=MODELS)
        version.wait_until_trained()
        evaluation = rx.Evaluation.from_version(version, allow_leaks=True, resamples=100)
        found |= {film.source_ref: film for film in evaluation.films}
        print(f"  {way}, fold {number}: {evaluation.accuracy.value:.3f}", flush=True)
    return found


def signed(change: Figure) -> str:
    """A difference with its interval, always with its sign."""
    if change.value is None:
        return str(change)
    return f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})"


def tell(title: str, mixed: Sequence[TestFilm], apart: Sequence[TestFilm]) -> str:
    """A table of the same films after both splits; gives what it shows, in words."""
    labels = sorted({film.truth for film in apart})
    made = differences(apart, mixed, labels, FIGURES, resamples=RESAMPLES, seed=SEED)
    print(f"\n{title}: {len(apart):,} films of {len({film.group for film in apart}):,} patients")
    print(f"{'':18} {'random by film':21} {'whole patients':21} random less whole")
    for name, (whole, random_one, change) in made.items():
        print(f"{name:18} {random_one!s:21} {whole!s:21} {signed(change)}")
    change = made["accuracy"][2]
    if change.low is None or change.high is None:
        return "too few films to say anything"
    if change.low > 0:
        return "the random split reads too high"
    if change.high < 0:
        return "the random split reads lower"
    return f"no difference is shown; if there is one, it is hardly above {change.high:.3f}"


with (
    tempfile.TemporaryDirectory() as scratch,
    LocalCloud(buckets=["clinic-xrays"]) as cloud,
    warnings.catch_warnings(),
):
    warnings.simplefilter("ignore", rx.errors.PatientLeakWarning)
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
    else:
        few = {"patients": 30, "films_per_patient": (3, 5), "heights": (96, 140)}
        folder = make_phantoms(Path(scratch, "drawn"), **few)
    films = rx.XrayDataset.from_folder(folder, names=rx.KERMANY)
    print(films.leakage(1 / FOLDS, seed=SEED), end="\n\n")
    aws, work = rx.Aws(session=cloud.session()), Path(scratch, "prepared")
    mixed = judged(aws, "random", by_film(films), work)
    apart = judged(aws, "whole", by_patient(films), work)

films_of = Counter(film.group for film in apart.values())
parts = {
    "All films": list(apart),
    "Films whose patient has others": [
        place for place, film in apart.items() if films_of[film.group] > 1
    ],
    "Films that are their patient's only one": [
        place for place, film in apart.items() if films_of[film.group] == 1
    ],
}
shown = {
    title: tell(title, [mixed[place] for place in places], [apart[place] for place in places])
    for title, places in parts.items()
    if title == "All films" or 0 < len(places) < len(apart)
}
print("\nWhat it means, by the 95 % interval of the difference of accuracy:")
print(*(f"- {title}: {verdict}." for title, verdict in shown.items()), sep="\n")
print(
    "Films alike to the last pixel count once. Intervals redraw patients, the same for both splits;"
    "\nthey say nothing of other hospitals, other learners or other folds. The figures are the "
    "local\nlearner's, never AWS's. Not a medical device."
)
