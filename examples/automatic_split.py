"""How many patients the service's own split puts on both sides, as the article's training did.

The library refuses that split, and makes it only when it is told to.

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
store = "s3://clinic-xrays/films"

with LocalCloud(buckets=["clinic-xrays"]) as cloud, warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    aws = rx.Aws(session=cloud.session())
    project = rx.CustomLabelsProject.get_or_create("article", aws=aws)
    try:
        project.put_datasets(train=films, store=store)  # no test part: AWS would split
    except rx.XrayError as refusal:
        print(f"{type(refusal).__name__}: {refusal}\n")
    project.put_datasets(train=films, store=store, allow_leaks=True)

    patients = {}
    for kind, description in project.datasets().items():
        entries = datasets.listed(aws, description.arn).entries
        patients[kind] = {pseudonym_in(entry.source_ref) for entry in entries}
        print(f"{kind}: {description.entries} films of {len(patients[kind])} patients")

both = patients["TRAIN"] & patients["TEST"]
print(f"on both sides: {len(both)} of {len(patients['TRAIN'] | patients['TEST'])} patients")
for warning in told:
    print(f"{warning.category.__name__}: {warning.message}")

split = films.split(test=0.2, seed=7)
shared = {film.group for film in split.train} & {film.group for film in split.test}
print(f"XrayDataset.split(), {split.fingerprint}: {len(shared)} on both sides")
