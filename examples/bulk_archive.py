"""An archive of images, by threads and by Dask: interrupted, continued, and no call made twice.

Usage: python examples/bulk_archive.py [folder of images] [journal.jsonl]

Without a folder phantoms are drawn. Everything happens on this machine: the model is trained on
phantoms in a local cloud that allows 30 calls a second, and Dask's workers are two processes. On
AWS remove the cloud and its environment, and give Dask the address of your scheduler.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from distributed import Client, LocalCluster

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import Limits, LocalCloud

KEY = "a public key, good for this example alone"  # keep yours secret: REKOGNITION_XRAY_KEY
KINDS = {".jpeg", ".jpg", ".png", ".dcm"}


def main() -> None:
    """Trains a model, and diagnoses an archive in three runs with one journal."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalCloud(buckets=["clinic-xrays"], limits=Limits(unit_tps=30)) as cloud,
    ):
        os.environ |= cloud.environment()  # workers find the cloud as they would find AWS
        version = trained(Path(scratch, "training"))
        archive = Path(sys.argv[1]) if len(sys.argv) > 1 else drawn(Path(scratch, "archive"))
        journal = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch, "journal.jsonl")
        images = sorted(path for path in archive.rglob("*") if path.suffix.lower() in KINDS)
        with version.running(max_cost="1.00") as model:
            diagnoser = rx.Diagnoser(model, rx.Policy(threshold=0.5))
            interrupted(diagnoser, images, journal)
            by_dask(diagnoser, images, journal)
            again(diagnoser, images, journal)


def interrupted(diagnoser: rx.Diagnoser, images: list[Path], journal: Path) -> None:
    """Half of the images, in threads; leaving the block ends the run, as Ctrl-C or a kill would."""
    half = len(images) // 2
    with diagnoser.diagnose_many(images, journal=journal) as run:
        for taken, _ in enumerate(run, start=1):
            if taken == half:
                break
    print(f"Left after {half} of {len(images)} images; the journal has {lines(journal)}.\n")


def by_dask(diagnoser: rx.Diagnoser, images: list[Path], journal: Path) -> None:
    """The rest, on Dask: workers prepare and call, this process paces and keeps the journal."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=4, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        run = diagnoser.diagnose_many(images, journal=journal, executor=client.get_executor())
        answers = list(run)
        print(f"Continued on Dask:\n{run.summary(units=1)}\n")
    for failed in (answer for answer in answers if isinstance(answer, rx.FailedDiagnosis)):
        print(failed)
    found = [answer.finding for answer in answers if isinstance(answer, rx.Diagnosis)]
    print({finding: found.count(finding) for finding in sorted(set(found))})


def again(diagnoser: rx.Diagnoser, images: list[Path], journal: Path) -> None:
    """Once more: every answer is in the journal, and no call is made."""
    run = diagnoser.diagnose_many(images, journal=journal)
    assert len(list(run)) == len(images)
    print(f"\nOnce more: {run.summary(units=1).calls} calls; the journal has {lines(journal)}.")


def lines(journal: Path) -> str:
    """The length of a journal."""
    return f"{len(journal.read_text('utf-8').splitlines())} lines"


def trained(folder: Path) -> rx.ModelVersion:
    """A version; this step is billed on AWS."""
    images = make_phantoms(folder, patients=45, images_per_patient=(1, 1), heights=(120, 200))
    train, test = rx.XrayDataset.from_folder(images).split(test=0.3, seed=7)
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=rx.Aws())
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images", key=KEY)
    version = project.train("v1", output="s3://clinic-xrays/models")
    version.wait_until_trained()
    return version


def drawn(folder: Path) -> Path:
    """Phantoms, and one file that is not an image."""
    images = make_phantoms(
        folder, patients=120, images_per_patient=(1, 1), heights=(120, 200), seed=8
    )
    (images / "letter.jpeg").write_text("Dear colleague", encoding="utf-8")
    return images


if __name__ == "__main__":
    main()
