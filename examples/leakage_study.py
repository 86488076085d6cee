"""What a random split by image does to a figure: the same images and learner, split in two ways.

Five times, a fifth of the images is the test part, so that each image is diagnosed once by a model
that has not seen it: once with a random split by image, where the model may have seen other images
of the patient, and once with a split by whole patients. Both are trained and evaluated on this
machine; the figures are the local learner's, never AWS's. The library refuses the random split
without ``allow_leaks=True``.

Usage: python examples/leakage_study.py [path/to/chest_xray]

Without a folder phantoms are drawn: few patients with several small images each, so that much
leaks. The real images are of Kermany, Zhang and Goldbaum (2018), Mendeley Data V2,
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
from rekognition_xray.clinic.statistics import Figure, TestImage, differences
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

FOLDS, SEED, RESAMPLES = 5, 7, 2000
STORE, MODELS = "s3://clinic-xrays/images", "s3://clinic-xrays/models"
FIGURES = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced_accuracy",
    "pneumonia or not": "two_class.accuracy",
}
Parts = tuple[rx.XrayDataset, rx.XrayDataset]


def by_image(images: rx.XrayDataset) -> Iterator[Parts]:
    """Images go to the folds one by one, each label evenly; patients are ignored."""
    dice = random.Random(SEED)
    dealt = sorted(images, key=lambda image: (image.label, dice.random()))
    for fold in range(FOLDS):
        tested = set(dealt[fold::FOLDS])
        yield (
            attrs.evolve(images, images=[image for image in images if image not in tested]),
            attrs.evolve(images, images=[image for image in images if image in tested]),
        )


def by_patient(images: rx.XrayDataset) -> Iterator[Parts]:
    """Whole patients go to the folds."""
    for split in images.folds(k=FOLDS, seed=SEED):
        yield split.train, split.test


def cross_validated(
    aws: rx.Aws, way: str, folds: Iterable[Parts], work: Path
) -> dict[str, TestImage]:
    """Every image by its address, as classified by a model trained on the other folds."""
    found: dict[str, TestImage] = {}
    for number, (train, test) in enumerate(folds, start=1):
        project = rx.CustomLabelsProject.get_or_create(f"{way}-{number}", aws=aws)
        project.put_datasets(train=train, test=test, store=STORE, work=work, allow_leaks=True)
        version = project.train("v1", output=MODELS)
        version.wait_until_trained()
        evaluation = rx.Evaluation.from_version(version, allow_leaks=True, resamples=100)
        found |= {image.source_ref: image for image in evaluation.images}
        print(f"  {way}, fold {number}: {evaluation.accuracy.value:.3f}", flush=True)
    return found


def signed(change: Figure) -> str:
    """A difference with its interval, always with its sign."""
    if change.value is None:
        return str(change)
    return f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})"


def print_table(title: str, mixed: Sequence[TestImage], apart: Sequence[TestImage]) -> str:
    """Prints a table of the same images after both splits; returns its conclusion in words."""
    labels = sorted({image.truth for image in apart})
    made = differences(apart, mixed, labels, FIGURES, resamples=RESAMPLES, seed=SEED)
    print(f"\n{title}: {len(apart):,} images of {len({image.group for image in apart}):,} patients")
    print(f"{'':18} {'random by image':21} {'whole patients':21} random less whole")
    for name, (whole, random_one, change) in made.items():
        print(f"{name:18} {random_one!s:21} {whole!s:21} {signed(change)}")
    change = made["accuracy"][2]
    if change.low is None or change.high is None:
        return "too few images to say anything"
    if change.low > 0:
        return "the random split reads too high"
    if change.high < 0:
        return "the random split reads lower"
    return f"no difference is shown; if there is one, it is probably below {change.high:.3f}"


with (
    tempfile.TemporaryDirectory() as scratch,
    LocalCloud(buckets=["clinic-xrays"]) as cloud,
    warnings.catch_warnings(),
):
    warnings.simplefilter("ignore", rx.errors.PatientLeakWarning)
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
    else:
        few = {"patients": 30, "images_per_patient": (3, 5), "heights": (96, 140)}
        folder = make_phantoms(Path(scratch, "drawn"), **few)
    images = rx.XrayDataset.from_folder(folder, names=rx.KERMANY)
    print(images.leakage(1 / FOLDS, seed=SEED), end="\n\n")
    aws, work = rx.Aws(session=cloud.session()), Path(scratch, "prepared")
    mixed = cross_validated(aws, "random", by_image(images), work)
    apart = cross_validated(aws, "whole", by_patient(images), work)

images_of = Counter(image.group for image in apart.values())
parts = {
    "All images": list(apart),
    "Images whose patient has others": [
        place for place, image in apart.items() if images_of[image.group] > 1
    ],
    "Images that are their patient's only one": [
        place for place, image in apart.items() if images_of[image.group] == 1
    ],
}
shown = {
    title: print_table(
        title, [mixed[place] for place in places], [apart[place] for place in places]
    )
    for title, places in parts.items()
    if title == "All images" or 0 < len(places) < len(apart)
}
print("\nWhat it means, by the 95 % interval of the difference of accuracy:")
print(*(f"- {title}: {verdict}." for title, verdict in shown.items()), sep="\n")
print(
    "Identical images count once. Intervals resample patients, the same for both splits;"
    "\nthey do not cover other hospitals, other learners or other folds. The figures are the "
    "local\nlearner's, never AWS's. Not a medical device."
)
