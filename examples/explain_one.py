"""Why this answer? An occlusion map of one image, and the known images most similar to it.

Usage: python examples/explain_one.py [folder for the pictures] [path/to/chest_xray]

Without images phantoms are drawn. Real ones: Kermany, Zhang and Goldbaum (2018), Mendeley Data V2,
doi:10.17632/rscbjbr9sj.2, CC BY 4.0. The output shows images: keep it where those may be kept.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

KEY = "a public key, good for this example alone"  # keep yours secret: REKOGNITION_XRAY_KEY
GRID = 8


def main() -> None:
    """Trains on whole patients, explains an image of another patient, and finds similar ones."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("explained")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, LocalCloud(buckets=["clinic-xrays"]) as cloud:
        images = rx.XrayDataset.from_folder(sys.argv[2] if len(sys.argv) > 2 else draw(scratch))
        train, test = images.split(test=0.25, seed=3)
        version = trained(train, test, rx.Aws(session=cloud.session()))

        print(rx.plan_explanation(GRID))
        with version.running(max_cost="1.00") as model:
            diagnoser = rx.Diagnoser(model)
            image = least_sure(diagnoser, test)
            diagnosis = diagnoser.diagnose(image.path)
            print(f"\n{diagnosis}\n")
            why = diagnoser.explain(image.path, grid=GRID, label=diagnosis.finding, max_cost="0.10")
        print(why)
        why.overlay(image.path).save(output / "overlay.png")

        index = rx.CaseIndex.build(train)
        cases = index.similar(image.path, k=5, exclude_patient=image.patient)
        print(f"\nThe most similar of {len(index)} known images, which never left this machine:")
        for place, case in enumerate(cases, 1):
            print(f"  {place}. {case.label}, distance {case.distance:.3f}")
        index.sheet(image.path, cases).save(output / "cases.png")
    print(f"\nThe image itself was labelled {image.label}.")
    print(f"Look at {output / 'overlay.png'} and {output / 'cases.png'}")


def draw(folder: str) -> Path:
    """Phantoms; they show no patient."""
    return make_phantoms(
        Path(folder), patients=60, images_per_patient=(1, 2), heights=(200, 320), seed=7
    )


def trained(train: rx.XrayDataset, test: rx.XrayDataset, aws: rx.Aws) -> rx.ModelVersion:
    """A version; this step is billed on AWS."""
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images", key=KEY)
    version = project.train("v1", output="s3://clinic-xrays/models")
    version.wait_until_trained()
    return version


def least_sure(diagnoser: rx.Diagnoser, test: rx.XrayDataset) -> rx.Xray:
    """Of a few images with pneumonia, the one with the lowest confidence."""
    ill = [image for image in test if image.label != "normal"][:12]
    return min(ill, key=lambda image: max(diagnoser.diagnose(image.path).confidences.values()))


if __name__ == "__main__":
    main()
