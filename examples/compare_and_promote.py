"""A new version replaces an old one if it is shown to be better, and is rolled back.

The first version learns from the images of a few patients, the second from all of them. Both are
evaluated on the same test images; the second is promoted, and rolled back. Everything happens on
this machine.

Usage: python examples/compare_and_promote.py [path/to/chest_xray]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import attrs

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

store, models = "s3://clinic-xrays/images", "s3://clinic-xrays/models"

with tempfile.TemporaryDirectory() as scratch, LocalCloud(buckets=["clinic-xrays"]) as cloud:
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
    else:
        folder = make_phantoms(
            Path(scratch), patients=130, images_per_patient=(1, 2), heights=(96, 160), seed=3
        )
    train, test = rx.XrayDataset.from_folder(folder, names=rx.KERMANY).split(test=0.5, seed=7)
    few = attrs.evolve(train, images=[image for n, image in enumerate(train) if n % 8 == 0])
    project = rx.CustomLabelsProject.get_or_create("chest", aws=rx.Aws(session=cloud.session()))

    evaluations = {}
    for name, images in {"few-images": few, "all-images": train}.items():
        receipt = project.put_datasets(train=images, test=test, store=store)
        checked = project.check("TRAIN", images, receipt)
        print(f"{checked}; expected: {str(project.training_estimate()).splitlines()[0]}")
        version = project.train(name, output=models, max_cost="24.00")
        version.wait_until_trained()
        evaluations[name] = rx.Evaluation.from_version(version)
        if project.current() is None:
            project.promote(version)

    before = project.current()
    comparison = rx.compare(evaluations["few-images"], evaluations["all-images"], margin=0.05)
    print(f"\n{comparison}\n")
    if comparison.verdict == "better":
        project.promote(version, comparison)
        print("in use:", project.current().name)
        assert project.rollback() == before
        print("rolled back to:", project.current().name)
    else:
        print("still in use:", before.name)
    print(*project.describe_versions(), sep="\n")
