"""Writes docs/explanation/published.md: published figures beside ours, each from its data file.

Usage: python tools/published.py [--card path/to/card.json]

With ``--card`` our own figures are first taken from the card that ``make demo DATA=...``
writes. Needs the standard library only.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import NormalDist

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "docs" / "data" / "published.json"
OURS = ROOT / "docs" / "data" / "ours.json"
PAGE = ROOT / "docs" / "explanation" / "published.md"

SHOWN = {
    "all labels": ("accuracy", "balanced accuracy"),
    "pneumonia or not": ("accuracy", "sensitivity", "specificity", "AUROC"),
}
TASKS = {"all labels": "normal, bacterial, viral", "pneumonia or not": "pneumonia or not"}
_PUBLIC = "images named as those of Kermany"
_LINKS = (
    (re.compile(r"doi:(10\.[^\s;]+)"), "https://doi.org/{}"),
    (re.compile(r"arXiv (\d{4}\.\d{5})"), "https://arxiv.org/abs/{}"),
    (re.compile(r"(PMC\d+)"), "https://pmc.ncbi.nlm.nih.gov/articles/{}"),
    (re.compile(r"((?:github|jmai\.amegroups|www\.easymlpocs)\.\w+/\S+)"), "https://{}"),
)

INTRODUCTION = """\
# Published figures, and ours

This page lists what others report on the chest X-rays of Kermany, Zhang and Goldbaum (2018),
Mendeley Data V2, doi:10.17632/rscbjbr9sj.2, CC BY 4.0, and the figures of our local learner.
Nothing here is a medical device, and no figure is a reason to use a model for a patient.

## How to read it

- **The kind of split matters most.** A random split by image puts images of one patient into
  train and test, so a figure comes out too good. The same holds for folds and for vendors'
  splits by image. The official test images differ from the training images, and every method has
  lower figures there. Compare only rows with the same split code.
- **Ours** are on unseen patients of the official folder `train` (and the 16 images of `val`).
  They do not include the official test images, so do not compare them with rows of code O.
- **Ours are the local learner's, not AWS's.** The local learner lets you try programs without an
  account. We do not know what Custom Labels reaches on these images.
- **Bacterial against viral.** The difference cannot be read reliably from a child's chest X-ray,
  and the labels are readers' opinions. A high figure shows how well a program repeats these
  readers.
- **Intervals** are 95 %. For ours, the bootstrap resamples whole patients. If a study states its
  number of test images, we add Wilson's interval of its accuracy. It treats images as
  independent, so it is too narrow, and it says nothing about other hospitals. All other rows have
  no interval.
- **Not checked** marks what we wrote from memory and did not look up in the source.

## Where they cannot both be right

- **"Works elsewhere" against "does not".** Xin, Li and Yi (2021) trained on these children and
  reached an AUROC of 0.54 on 383 NIH children, about chance. An accuracy above 90 % on children of
  another hospital does not fit that, unless the test was of another kind: compare how the external
  images were chosen, and whether their labels were read from reports. We looked for a claim of
  94.7 % on external children that is said to have appeared in 2026, and did not find it
  (29 November 2026), so it has no row.
- **Other machines of the same hospital** are not another hospital. Rathour (2025) lost 8.8 points
  there (94.8 to 86.0); the intervals of the two rows do not overlap.
- **Frozen against fine-tuned.** Choudhury (2026) reports 5.48 points between them, on a split by
  image. A network that is fine-tuned can learn patients and machines by heart, and a split by image
  rewards that. So the gap may be smaller on unseen patients. With another frozen network, the split
  alone made a gap of 14.7 points (student notebook, 81.1 and 95.8).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page; 1 with a message where the card is not of these images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--card", type=Path, help="card.json of a demo on the real images")
    asked = parser.parse_args(arguments)
    if asked.card is not None:
        card = json.loads(asked.card.read_text("utf-8"))
        if not card["facts"]["data"]["source"].startswith(_PUBLIC):
            print(f"{asked.card} is not of the public images.", file=sys.stderr)
            return 1
        OURS.write_text(json.dumps(taken(card), indent=2, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(page(load(PUBLISHED), load(OURS)), "utf-8")
    print(f"wrote {PAGE}")
    return 0


def load(path: Path) -> dict:
    """A data file."""
    return json.loads(path.read_text("utf-8"))


def taken(card: Mapping) -> dict:
    """What the page needs of a model card."""
    data, software = card["facts"]["data"], card["facts"]["software"]
    return {
        "measured_on": card["made_on"],
        "by": "the local learner `fast` in the demo",
        "library": software["rekognition-xray"],
        "python": software["python"],
        "scikit-learn": software["scikit-learn"],
        "fingerprint": data["fingerprint"],
        "seed": data["seed"],
        "shared": data["shared"],
        "training_pictures": data["training_images"],
        "test_pictures": data["test_images"],
        "test_patients": data["test_patients"],
        "counts": card["counts"],
        "figures": [
            figure for figure in card["figures"] if figure["name"] in SHOWN.get(figure["of"], ())
        ],
    }


def page(published: Mapping, ours: Mapping) -> str:
    """The whole page."""
    parts = [INTRODUCTION, "## Ours\n", _ours(ours), "\n## Theirs\n", _codes(published)]
    groups = dict.fromkeys(row["group"] for row in published["rows"])
    for group in groups:
        rows = [_row(row) for row in published["rows"] if row["group"] == group]
        columns = (
            "Study",
            "Method",
            "Split",
            "Task",
            "Accuracy, % (interval by us)",
            "Other figures",
            "Unseen patients?",
        )
        parts.append(f"\n### {group}\n\n{_table(columns, rows)}")
    parts.append(
        "\nGenerated by `make published` from `docs/data/published.json` and `docs/data/ours.json`."
        "\nThe page omits studies on other images, and studies whose figures we could not read. It"
        "\nkeeps those of Custom Labels on these images, so that nobody takes their absence for an"
        "\noversight.\n"
    )
    return "\n".join(parts)


def wilson(share: float, images: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, 0 to 1, of independent images."""
    z = NormalDist().inv_cdf(0.975)
    spread = z * z / images
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def accuracy(row: Mapping) -> str:
    """The accuracy as printed, with Wilson's interval where the number of images is stated."""
    if "accuracy" not in row:
        return "not given"
    printed = f"{row['accuracy']:g}"
    images = row.get("test_images")
    if images is None:
        return f"{printed}, no interval given"
    share = row["right"] / images if "right" in row else row["accuracy"] / 100
    low, high = wilson(share, images)
    return f"{printed} ({100 * low:.1f}–{100 * high:.1f}, {images:,} images)"


def _ours(ours: Mapping) -> str:
    train, test = (_sum(ours, part, "images") for part in ("train", "test"))
    pictures = [int(ours[name]) for name in ("training_pictures", "test_pictures")]
    text = (
        f"{train + test:,} images, split by patient: {train:,} to train and {test:,} to test "
        f"(seed {ours['seed']},\nfingerprint `{ours['fingerprint']}`). Images with identical "
        f"pixels count once, which leaves {pictures[0]:,} to train\nand {pictures[1]:,} to test. "
        f"The test images show {int(ours['test_patients']):,} patients.\n"
        f"Patients or pictures in both parts: {ours['shared']}.\n"
        f"Measured on {ours['measured_on']} by {ours['by']} (rekognition-xray "
        f"{ours['library']}, scikit-learn {ours['scikit-learn']},\nPython {ours['python']})."
    )
    rows = [
        (TASKS[figure["of"]], figure["name"], _figure(figure), f"{figure['n']:,}")
        for figure in ours["figures"]
    ]
    return f"{text}\n\n{_table(('Task', 'Figure', 'Value (95 % interval)', 'Images'), rows)}"


def _sum(ours: Mapping, part: str, what: str) -> int:
    return sum(count[what] for count in ours["counts"] if count["part"] == part)


def _figure(figure: Mapping) -> str:
    if figure["value"] is None:
        return "not estimable"
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def _codes(published: Mapping) -> str:
    splits = "; ".join(f"**{code}** {text}" for code, text in published["splits"].items())
    tasks = "; ".join(f"**{code}** {text}" for code, text in published["classes"].items())
    return f"Splits: {splits}.\n\nTasks: {tasks}."


def _row(row: Mapping) -> tuple[str, ...]:
    unchecked = row.get("not_checked", ())
    other = [row["figures"], row.get("note", "")]

    def marked(name: str, text: str) -> str:
        return f"{text} **not checked**" if name in unchecked else text

    return (
        _study(row),
        row["method"],
        marked("split", row["split"]),
        row["classes"],
        marked("accuracy", accuracy(row)),
        marked("figures", "; ".join(filter(None, other)) or "none"),
        row["patients"],
    )


def _study(row: Mapping) -> str:
    """The study as a link to its source; the source in words where nothing can be linked."""
    for pattern, address in _LINKS:
        found = pattern.search(row["source"])
        if found:
            return f"[{row['who']}](<{address.format(found[1])}>)"
    return f"{row['who']}, {row['source']}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
