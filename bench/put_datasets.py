"""``put_datasets`` of a folder of X-rays, or of images in S3, beside a former checkout.

Of a folder: the local cloud, a new one for each run, runs in this process and the clients in
processes of their own. Each run prepares anew. Seconds are those of the call:
``python bench/put_datasets.py CHECKOUT FOLDER [IMAGES] [ROUNDS]``.

Of images in S3: each run is one process with its local cloud, which puts the same data twice.
Microseconds are those of the processor for an entry, cloud included, and the peak is that of the
process: ``python bench/put_datasets.py CHECKOUT s3 [ENTRIES] [ROUNDS]``, else 250,000 entries.

The two checkouts take turns in going first.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

SEED: Final = 20260718
BUCKET: Final = "clinic-xrays"
LABELS: Final = ("bacterial", "normal", "viral")
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


def put_entries(entries: int) -> None:
    """Puts images that lie in S3 twice; prints microseconds an entry for both, and megabytes."""
    import resource  # noqa: PLC0415 - the parent needs none of these
    import time  # noqa: PLC0415

    import rekognition_xray as rx  # noqa: PLC0415
    from rekognition_xray.local import LocalCloud  # noqa: PLC0415

    images = [
        rx.Xray(f"s3://{BUCKET}/{name[:24]}/{name}.jpg", LABELS[number % 3], patient=name[:24])
        for number, name in enumerate(
            hashlib.sha256(str(number).encode()).hexdigest() for number in range(entries)
        )
    ]
    tested = min(3 * 1000, entries // 5)  # the service takes no more of a label
    train, test = rx.XrayDataset(images[tested:]), rx.XrayDataset(images[:tested])
    del images
    spent = []
    with LocalCloud(buckets=[BUCKET]) as cloud:
        aws = rx.Aws(session=cloud.session())
        project = rx.CustomLabelsProject.get_or_create("chest", aws=aws)
        for _ in range(2):
            began = time.process_time()
            project.put_datasets(
                train=train, test=test, store=f"s3://{BUCKET}/chest", key="a key for the bench only"
            )
            spent.append((time.process_time() - began) / entries * 1e6)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*spent, peak]))


def compare_entries(former: str, entries: str = "250000", rounds: str = "1") -> None:
    checkouts = [Path(former).resolve(), HERE.resolve()]
    found: dict[Path, list[list[float]]] = {checkout: [] for checkout in checkouts}
    for number in range(int(rounds)):
        for checkout in checkouts if number % 2 == 0 else reversed(checkouts):
            printed = subprocess.check_output(
                [sys.executable, "-W", "ignore", __file__, "--put-entries", entries],
                env={**os.environ, "PYTHONPATH": str(checkout)},
            )
            found[checkout].append(json.loads(printed))
    for name, checkout in zip(("before", "now"), checkouts, strict=True):
        first, again, peak = map(statistics.median, zip(*found[checkout], strict=True))
        print(f"{name:8}{first:6.0f} us an entry, again {again:6.0f} us, {peak:6.0f} MB peak")


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
    elif sys.argv[1:2] == ["--put-entries"]:
        put_entries(int(sys.argv[2]))
    elif sys.argv[2:3] == ["s3"]:
        compare_entries(sys.argv[1], *sys.argv[3:])
    else:
        main(*sys.argv[1:])
