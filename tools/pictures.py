"""Draws the pictures of README and docs: phantoms, a local cloud, a page and an explanation.

Usage: python tools/pictures.py [folder]

Needs the extras ``local`` and ``report``, and a Chromium: ``$CHROMIUM`` or one on the path. Images
are drawn phantoms, figures those of the local learner. Without a folder: docs/pictures/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
MOST_BYTES = 200_000
KEY = "a public key, good for drawn images alone"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_WINDOW = (1280, 1000)
_COLOURS = 256
_GAP = 16
_WIDEST = 1200
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # refuses to start as root with it; it opens nothing but our own file
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-first-run",
    "--hide-scrollbars",
    f"--window-size={_WINDOW[0]},{_WINDOW[1]}",
)


def main(arguments: Sequence[str]) -> int:
    """Draws both pictures; 1 where there is no Chromium or one gets too large."""
    wanted = os.environ.get("CHROMIUM")
    found = map(shutil.which, (wanted,) if wanted else _NAMES)
    program = next(filter(None, found), None)
    if program is None:
        print(f"no Chromium: {wanted or ', '.join(_NAMES)} not found (set CHROMIUM)")
        return 1
    folder = Path(arguments[0]) if arguments else PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        page, both = make(Path(scratch))
        shot = shoot(program, page, Path(scratch)).quantize(_COLOURS, Image.Quantize.MAXCOVERAGE)
        shot.save(folder / "evaluation.png", optimize=True)
    both.thumbnail((_WIDEST, _WIDEST), Image.Resampling.LANCZOS)
    both.save(folder / "explained.jpg", quality=80, optimize=True)
    return max(map(weighed, (folder / "evaluation.png", folder / "explained.jpg")))


def make(scratch: Path) -> tuple[Path, Image.Image]:
    """The evaluation page of a model that learned from phantoms, and one of its diagnoses."""
    images = make_phantoms(scratch / "images", patients=200, images_per_patient=(1, 2), seed=7)
    train, test = rx.XrayDataset.from_folder(images, names=rx.KERMANY).split(test=0.4, seed=7)
    with LocalCloud(buckets=["clinic-xrays"], seed=7) as cloud:
        aws = rx.Aws(session=cloud.session())
        project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
        sent = project.put_datasets(
            train=train, test=test, store="s3://clinic-xrays/images", key=KEY
        )
        version = project.train("v1", output="s3://clinic-xrays/models")
        version.wait_until_trained()
        evaluation = rx.Evaluation.from_version(version, split="patient-wise")
        policy = evaluation.policy(sensitivity=0.95)
        page = evaluation.to_html(scratch / "page.html", images=sent.addresses, policy=policy)
        with version.running(max_cost="5.00") as model:
            return page, explained(rx.Diagnoser(model, policy=policy), test)


def explained(diagnoser: rx.Diagnoser, test: rx.XrayDataset) -> Image.Image:
    """The ill image whose answer depends most on one region: its diagnosis and its explanation."""
    ill = [image.path for image in test if image.label == "bacterial"][:8]
    explanations = {path: diagnoser.explain(path) for path in ill}
    image = max(explanations, key=lambda path: explanations[path].drops.max())
    left = diagnoser.diagnose(image).draw(image)
    right = explanations[image].overlay(image)
    size = (left.width + _GAP + right.width, max(left.height, right.height))
    both = Image.new("RGB", size, "white")
    both.paste(left)
    both.paste(right, (left.width + _GAP, 0))
    return both


def shoot(program: str, page: Path, scratch: Path) -> Image.Image:
    """The upper part of a page as Chromium shows it."""
    target = scratch / "page.png"
    own = (f"--screenshot={target}", f"--user-data-dir={scratch / 'profile'}", page.as_uri())
    subprocess.run([program, *_SWITCHES, *own], check=True, capture_output=True, timeout=120)
    with Image.open(target) as shot:
        return shot.convert("RGB")


def weighed(picture: Path) -> int:
    """Prints a picture's size; 1 where it is too large for the repository."""
    size = picture.stat().st_size
    print(f"{picture}: {size:,} bytes")
    if size > MOST_BYTES:
        print(f"more than {MOST_BYTES:,} bytes: draw it smaller")
    return int(size > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
