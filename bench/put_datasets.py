"""``put_datasets`` of a folder of X-rays, beside a former checkout of this library.

The local cloud, a new one for each run, runs in this process and the clients in processes of their
own. The two checkouts take turns in going first. Each run prepares anew. Seconds are those of the
call. Run it with the former checkout and a folder:
``python bench/put_datasets.py CHECKOUT FOLDER [IMAGES] [ROUNDS]``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

SEED: Final = 20260718
BUCKET: Final = "clinic-xrays"
HERE: Final = Path(__file__).parent.parent


def put(folder: str, images: int, name: str) -> None:
    """Our client: opens the folder, splits it, puts both parts, and prints the seconds."""
    import time  # noqa: PLC0415 - the parent needs none of these

    import attrs  # noqa: PLC0415

    import rekognition_xray as rx  # noqa: PLC0415

    dataset = rx.XrayDataset.from_folder(folder)
    step = max(1, len(dataset) // images)
    chosen = attrs.evolve(dataset, **{_field(dataset): tuple(dataset)[::step][:images]})
    train, test = chosen.split(test=0.2, seed=SEED)
    project = rx.CustomLabelsProject.get_or_create(name, aws=rx.Aws())
    began = time.perf_counter()
    receipt = project.put_datasets(
        train=attrs.evolve(train, rejected=()),
        test=attrs.evolve(test, rejected=()),
        store=f"s3://{BUCKET}/{name}",
        key="a key for the bench only",
        allow_leaks=True,
    )
    print(json.dumps([time.perf_counter() - began, len(receipt.locations)]))


def _field(dataset: object) -> str:
    """What the images of a dataset are called, which former checkouts call films."""
    return "images" if hasattr(dataset, "images") else "films"


def measured(checkout: Path, environment: dict[str, str], arguments: list[str]) -> float:
    """Seconds of ``put_datasets`` with the package of a checkout."""
    printed = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, "--put", *arguments],
        env={**environment, "PYTHONPATH": str(checkout)},
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    seconds, images = json.loads(printed)
    print(f"{checkout.name}: {seconds:.1f} s for {images:,} images", flush=True)
    return float(seconds)


def main(former: str, folder: str, images: str = "1000000", rounds: str = "1") -> None:
    from rekognition_xray.local import LocalCloud  # noqa: PLC0415 - the clients need none of it

    seconds: dict[Path, list[float]] = {Path(former).resolve(): [], HERE.resolve(): []}
    for number in range(int(rounds)):
        order = list(seconds) if number % 2 == 0 else list(reversed(seconds))
        for checkout in order:
            with LocalCloud(buckets=[BUCKET]) as cloud:
                environment = {**os.environ, **cloud.environment()}
                seconds[checkout].append(measured(checkout, environment, [folder, images, "chest"]))
    before, now = map(statistics.median, seconds.values())
    print(f"before {before:.1f} s, now {now:.1f} s: {now / before:.2f} of it")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--put"]:
        put(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        main(*sys.argv[1:])
