"""Wrong labels that readings find, and test accuracy that they regain: selected or random images.

For each seed one training label in ten is made wrong. A version learns from them and diagnoses its
training images. Then so many images are read by the true labels: those that
``select_for_reading`` gives, or random ones. Each arm trains again and is judged on the same
untouched test images, as is a version without wrong labels. The last lines give, over the seeds,
means and the ratio of the two gains, with a 95 % interval from a bootstrap over the seeds.

Usage: python bench/selection.py --images chest_xray --read 200 --seeds 5; small on phantoms without
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import tempfile
from pathlib import Path

import attrs
import numpy as np

import rekognition_xray as rx
from rekognition_xray.clinic.review import select_for_reading
from rekognition_xray.data.correcting import Reading
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

STORE = "s3://bench/images"


@attrs.frozen
class Arm:
    """One way to choose what is read: wrong labels found, and accuracy gained."""

    found: int
    gained: float


def plant(images: rx.XrayDataset, seed: int, share: float) -> rx.XrayDataset:
    dice = random.Random(f"wrong {seed}")
    wrong = set(dice.sample([image.name for image in images], round(share * len(images))))
    others = {one: [other for other in images.labels if other != one] for one in images.labels}
    return attrs.evolve(
        images,
        images=[
            attrs.evolve(image, label=dice.choice(others[image.label]))
            if image.name in wrong
            else image
            for image in images
        ],
    )


def train(
    aws: rx.Aws, name: str, images: rx.XrayDataset, test: rx.XrayDataset, work: Path
) -> tuple[rx.ModelVersion, float]:
    project = rx.CustomLabelsProject.get_or_create(name, aws=aws)
    project.put_datasets(train=images, test=test, store=STORE, key="a key for benches", work=work)
    version = project.train("v1", output="s3://bench/models")
    version.wait_until_trained()
    accuracy = rx.Evaluation.from_version(version).accuracy.value
    assert accuracy is not None
    return version, accuracy


def run_seed(
    aws: rx.Aws, images: rx.XrayDataset, folder: Path, seed: int, read: int
) -> dict[str, Arm]:
    right = images.split(test=0.3, seed=seed)
    wrong = plant(right.train, seed, 0.1)
    truths = {str(image.source): image.label for image in right.train}
    version, before = train(aws, f"wrong-{seed}", wrong, right.test, folder / "work")
    _, without = train(aws, f"right-{seed}", right.train, right.test, folder / "work")
    journal = folder / f"{seed}.jsonl"
    with version.running() as model:
        paths = [image.path for image in wrong]
        for _ in rx.Diagnoser(model).diagnose_many(paths, journal=journal):
            pass
    selected = [one.diagnosis.source for one in select_for_reading(journal, read, dataset=wrong)]
    drawn = random.Random(f"random {seed}").sample(sorted(truths), len(selected))
    print(f"seed {seed}: {len(wrong)} train, {len(right.test)} test images;", end=" ")
    print(f"accuracy {before:.3f} with wrong labels, {without:.3f} without")
    arms = {}
    for name, chosen in {"selected": selected, "random": drawn}.items():
        now = dt.datetime.now(dt.UTC)
        readings = [Reading(one, "correct", truths[one], "bench", now) for one in chosen]
        corrected, record = wrong.corrected(readings)
        _, after = train(aws, f"{name}-{seed}", corrected, right.test, folder / "work")
        arms[name] = Arm(record.counts["changed"], after - before)
        print(f"  {name}: {arms[name].found} of {len(chosen)} read were wrong, ", end="")
        print(f"accuracy {after:.3f} ({after - before:+.3f})", flush=True)
    return arms


def ratio(arms: list[dict[str, Arm]], figure: str) -> str:
    table = np.array(
        [[getattr(one[name], figure) for name in ("selected", "random")] for one in arms]
    )
    dice = np.random.default_rng(0)
    means = table[dice.integers(0, len(table), (10_000, len(table)))].mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.nanpercentile(means[:, 0] / means[:, 1], [2.5, 97.5])
    selected, drawn = table.mean(axis=0)
    return (
        f"{figure}: selected {selected:.3f}, random {drawn:.3f} on average; "
        f"ratio {selected / drawn:.2f} ({low:.2f} to {high:.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="a folder in Kermany's names; else phantoms")
    parser.add_argument("--read", type=int, default=40, help="images to read")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--most", type=int, default=2000, help="images to take of the folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, LocalCloud(buckets=["bench"]) as cloud:
        folder = asked.images or make_phantoms(
            Path(scratch, "images"), patients=400, images_per_patient=(1, 1), heights=(96, 140)
        )
        every = rx.XrayDataset.from_folder(folder)
        every, _ = every.audit().clean()
        groups = sorted({image.group for image in every})
        random.Random(0).shuffle(groups)
        few: list[rx.Xray] = []
        by_group: dict[str, list[rx.Xray]] = {}
        for image in every:
            by_group.setdefault(image.group, []).append(image)
        for group in groups:
            if len(few) < asked.most:
                few += by_group[group]
        images = attrs.evolve(every, images=few)
        aws = rx.Aws(session=cloud.session())
        arms = [
            run_seed(aws, images, Path(scratch), seed, asked.read) for seed in range(asked.seeds)
        ]
    for figure in ("found", "gained"):
        print(ratio(arms, figure))


if __name__ == "__main__":
    main()
