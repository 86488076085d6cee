"""Wrong labels planted among real X-rays, normal against pneumonia: how many of them are found.

Beside cleanlab, where it is installed (``make test-peers`` installs it in ``.venv-peers``), on the
same confidences. The images lie at $XRAYS, or in ../shared/xrays beside the repository. The time of
one training of the learner ``fast`` on all images stands beside, for comparison.

    python bench/suspect_labels.py
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import numpy as np

import rekognition_xray as rx
from rekognition_xray.clinic.cases import SuspectLabels, suspects
from rekognition_xray.local.learning import Example, learner_named

FOLDER: Final = Path(os.environ.get("XRAYS", Path(__file__).parents[2] / "shared" / "xrays"))
OTHER: Final = {"normal": "pneumonia", "pneumonia": "normal"}
FIRST: Final = 100
SEEDS: Final = (7, 8, 9)


def two_labels() -> rx.XrayDataset:
    """The real images as normal or pneumonia."""
    images = rx.XrayDataset.from_folder(FOLDER / "chest_xray", names=rx.KERMANY)
    named = [
        attrs.evolve(image, label="normal" if image.label == "normal" else "pneumonia")
        for image in images
    ]
    return attrs.evolve(images, images=named)


def planted(dataset: rx.XrayDataset, share: float, seed: int) -> tuple[rx.XrayDataset, set[str]]:
    """The dataset with wrong labels, and the names of the images that have them."""
    rng = np.random.default_rng(seed)
    wrong = set(rng.choice(len(dataset), round(share * len(dataset)), replace=False).tolist())
    images = [
        attrs.evolve(image, label=OTHER[image.label]) if place in wrong else image
        for place, image in enumerate(dataset)
    ]
    return attrs.evolve(dataset, images=images), {dataset.images[place].name for place in wrong}


def precision(names: Sequence[str], wrong: set[str]) -> float:
    """Share of planted errors among the first images of a ranking."""
    return float(np.mean([name in wrong for name in names[:FIRST]]))


def cleanlabs(dataset: rx.XrayDataset, shares: suspects.Shares) -> dict[str, list[str]]:
    """Rankings of cleanlab by the same confidences: by its default, and as ours."""
    from cleanlab.filter import find_label_issues  # noqa: PLC0415 - optional

    given = suspects.label_places(dataset)
    return {
        by: [
            dataset.images[place].name
            for place in find_label_issues(
                given,
                shares,
                filter_by=by,
                return_indices_ranked_by="self_confidence",
                n_jobs=1,
            )
        ]
        for by in ("prune_by_noise_rate", "confident_learning")
    }


def fast_training(dataset: rx.XrayDataset) -> float:
    """Seconds that the learner fast takes for all images."""
    examples = [Example(image.path.read_bytes, (image.label,), image.group) for image in dataset]
    began = time.perf_counter()
    learner_named("fast").fit(examples, seed=7, progress=lambda _: None, stopped=lambda: False)
    return time.perf_counter() - began


def report(found: SuspectLabels, wrong: set[str], seconds: float) -> None:
    ranked = [suspect.image.name for suspect in found.suspects]
    caught = len(wrong.intersection(ranked)) / len(wrong)
    print(
        f"{len(wrong)} planted: precision among the first {FIRST} {precision(ranked, wrong):.2f}, "
        f"{len(ranked)} suspects hold {caught:.0%} of them, {seconds:.1f} s"
    )


def main() -> None:
    dataset = two_labels()
    peer = importlib.util.find_spec("cleanlab") is not None
    for share in (0.05, 0.1):
        for seed in SEEDS:
            bad, wrong = planted(dataset, share, seed)
            began = time.perf_counter()
            shares = suspects.out_of_fold(bad, folds=5, seed=0, progress=False)
            report(suspects.rank_suspects(bad, shares), wrong, time.perf_counter() - began)
            for by, names in cleanlabs(bad, shares).items() if peer else ():
                print(f"  cleanlab, {by}: precision {precision(names, wrong):.2f}")
    print(f"one training of fast: {fast_training(dataset):.1f} s")


if __name__ == "__main__":
    main()
