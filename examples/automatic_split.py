"""How many patients the service's own split puts on both sides, as the article's training did.

Usage: python examples/automatic_split.py path/to/chest_xray
"""

from __future__ import annotations

import sys
import warnings

import rekognition_xray as rx
from rekognition_xray.cloud import datasets
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.local import LocalCloud

films = rx.XrayDataset.from_folder(sys.argv[1], names=rx.KERMANY)

with LocalCloud(buckets=["clinic-xrays"]) as cloud, warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    aws = rx.Aws(session=cloud.session())
    project = rx.CustomLabelsProject.get_or_create("article", aws=aws)
    project.put_datasets(train=films, store="s3://clinic-xrays/films")  # no test part: AWS splits

    patients = {}
    for kind, description in project.datasets().items():
        entries = datasets.listed(aws, description.arn)
        patients[kind] = {pseudonym_in(entry.source_ref) for entry in entries}
        print(f"{kind}: {description.entries} films of {len(patients[kind])} patients")

both = patients["TRAIN"] & patients["TEST"]
print(f"on both sides: {len(both)} of {len(patients['TRAIN'] | patients['TEST'])} patients")
for warning in told:
    print(f"{warning.category.__name__}: {warning.message}")

split = films.split(test=0.2, seed=7)
shared = {film.group for film in split.train} & {film.group for film in split.test}
print(f"XrayDataset.split(), {split.fingerprint}: {len(shared)} on both sides")
