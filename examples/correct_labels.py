"""Wrong labels are found, corrected by a reader, and a better version is promoted.

One training label in ten is made wrong. A version learns from them and diagnoses its own training
images; the library selects those whose label it doubts. A reader looks at these. The corrected
dataset is sent: only the changed lines travel. A second version is compared with the first on the
same test images, and promoted if it is not worse by a margin that was stated before. The reader is
played by the true labels. Everything happens on this machine; on AWS this would be two trainings
and one model that runs for minutes.

Usage: python examples/correct_labels.py [path/to/chest_xray [number of images to read]]
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import tempfile
from pathlib import Path

import attrs

import rekognition_xray as rx
from rekognition_xray.clinic.review import select_for_reading
from rekognition_xray.data.correcting import Reading, append_readings, read_readings
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

store, models = "s3://clinic-xrays/images", "s3://clinic-xrays/models"
MARGIN = 0.05


def plant_wrong_labels(images: rx.XrayDataset, share: float) -> rx.XrayDataset:
    """The dataset with this share of its labels replaced by another label, at random."""
    dice = random.Random(7)
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


def read(truth: rx.Xray, seen: str, finding: str | None) -> Reading:
    """What a reader would say who is always right."""
    verdict = "agree" if truth.label == finding else "correct"
    now = dt.datetime.now(dt.UTC)
    return Reading(seen, verdict, truth.label, "reader 1", now, finding=finding)


with tempfile.TemporaryDirectory() as scratch, LocalCloud(buckets=["clinic-xrays"]) as cloud:
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
    else:
        folder = make_phantoms(
            Path(scratch, "images"), patients=150, images_per_patient=(1, 1), heights=(96, 140)
        )
    to_read = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    right = rx.XrayDataset.from_folder(folder).split(test=0.4, seed=7)
    split = attrs.evolve(right, train=plant_wrong_labels(right.train, 0.1))
    truths = {str(image.source): image for part in right for image in part}
    planted = {str(image.source) for image in set(split.train) - set(right.train)}
    print(f"{len(planted)} of {len(split.train)} training labels are wrong.")

    project = rx.CustomLabelsProject.get_or_create("chest", aws=rx.Aws(session=cloud.session()))
    project.put_datasets(train=split.train, test=split.test, store=store)
    old = project.train("wrong-labels", output=models)
    old.wait_until_trained()
    project.promote(old)

    journal, file = Path(scratch, "train.jsonl"), Path(scratch, "readings.jsonl")
    with old.running(max_cost="2.00") as model:
        for _ in rx.Diagnoser(model).diagnose_many(
            [image.path for image in split.train], journal=journal
        ):
            pass
    selected = select_for_reading(journal, to_read, dataset=split.train)
    found = sum(one.diagnosis.source in planted for one in selected)
    by_chance = len(selected) * len(planted) / len(split.train)
    print(
        f"{found} of {len(selected)} images to read have a wrong label; by chance {by_chance:.1f}."
    )

    for one in selected:
        source = one.diagnosis.source
        append_readings(file, [read(truths[source], source, one.diagnosis.finding)])
    test = split.test.images[0]  # a reading of the test part is recorded, and changes nothing
    slip = next(label for label in split.test.labels if label != test.label)
    append_readings(file, [read(attrs.evolve(test, label=slip), test.name, None)])

    corrected, record = split.corrected(read_readings(file))
    print(f"\n{record}\n")
    receipt = project.put_datasets(train=corrected.train, test=corrected.test, store=store)
    print(f"{receipt.uploaded} images sent again.")
    new = project.train("corrected-labels", output=models)
    new.wait_until_trained()

    comparison = rx.compare(
        rx.Evaluation.from_version(old), rx.Evaluation.from_version(new), margin=MARGIN
    )
    print(f"\n{comparison}\n")
    if comparison.not_inferior:
        project.promote(new, comparison)
    print("in use:", project.current().name)
