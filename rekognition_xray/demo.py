"""All steps from images to a model card on the local cloud, with phantoms or real images."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import rekognition_xray as rx
from rekognition_xray.clinic.notices import NOTICE
from rekognition_xray.costs import ARTICLE_BILL, ARTICLE_TRAINING_HOURS, article_month
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.local import LocalCloud

PUBLIC_KEY = "a public key, good for the demo's made-up or public patients alone"
STORE = "s3://clinic-xrays/images"
PHANTOM_PATIENTS = 160
"""Enough for a test part, a fifth of them, that supports a threshold."""
PHANTOM_HEIGHTS = (360, 760)
MODELS = "s3://clinic-xrays/models"
PHANTOM_LABELLING = rx.Labelling(by="the program that drew the images", human=False)
ANSWERS = {
    "tripod-7": "every image decoded to the end and re-encoded as a grey picture",
    "claim-9": "every image decoded to the end and re-encoded as a grey picture",
    "claim-12": "pixels only; patients as pseudonyms by a keyed hash, whose key here is public",
}
"""Answers for the model card that the library cannot know by itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; returns 0 on success, 1 with a message on an error."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        data = options.data or _phantoms(options.output, options.seed)
        run(data, options.output, options.seed, phantoms=options.data is None)
    except rx.XrayError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"\nDone in {time.monotonic() - began:.0f} s. {NOTICE}")
    return 0


def run(data: Path, output: Path, seed: int, *, phantoms: bool = False) -> None:
    """Dataset, split, training, evaluation, diagnoses, bill and model card of a folder of images.

    Args:
        data: the folder of images.
        output: the folder for page, card, journal and manifests.
        seed: the seed of split and training.
        phantoms: whether this program drew the images.
    """
    dataset, audit = _dataset(data, PHANTOM_LABELLING if phantoms else None)
    split = dataset.split(test=0.2, seed=seed)
    _show_split(split)
    gate = _gate(split.train, output)
    with LocalCloud(buckets=["clinic-xrays"], seed=seed) as cloud:
        aws = rx.Aws(session=cloud.session())
        version, addresses = _train(aws, split, output)
        evaluation = _evaluate(version, split)
        policy = _policy(evaluation)
        evaluation.to_html(
            output / "evaluation.html",
            images=addresses,
            policy=policy,
            gate=None if gate is None else gate.figures,
        )
        _diagnose(version, policy, gate, split, output)
        _show_bill(str(cloud.bill))
        card = rx.ModelCard.of(
            evaluation,
            split=split,
            audit=audit,
            version=version.describe(),
            policy=policy,
            gate=None if gate is None else gate.figures,
            source="images drawn by this program; they show no patient" if phantoms else None,
            answers=ANSWERS,
        )
    _show_output(card, output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rekognition_xray.demo", description=__doc__)
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        help="folder with the Kermany set's folders and names; without it phantoms are drawn",
    )
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder for files")
    parser.add_argument("--seed", type=int, default=7, help="seed of phantoms, split and training")
    return parser


def _title(text: str) -> None:
    print(f"\n== {text} ==", flush=True)


def _phantoms(output: Path, seed: int) -> Path:
    from rekognition_xray.data.phantoms import make_phantoms  # noqa: PLC0415 - needs an extra

    _title("Phantoms: chest images drawn by this program; they show no patient")
    folder = make_phantoms(
        output / f"phantoms-{seed}", patients=PHANTOM_PATIENTS, seed=seed, heights=PHANTOM_HEIGHTS
    )
    print(f"drawn into {folder}")
    return folder


def _dataset(data: Path, labelling: rx.Labelling | None) -> tuple[rx.XrayDataset, rx.Audit]:
    _title("Dataset: three labels and the patient, from folders and file names")
    dataset = rx.XrayDataset.from_folder(data, names=rx.KERMANY, labelling=labelling)
    for label, count in dataset.counts.items():
        print(f"{label:10} {count:6,} images of {dataset.patients[label]:5,} patients")
    print(f"{'all':10} {len(dataset):6,} images of {dataset.patient_count:5,} patients")
    _title("Audit: every image is opened")
    audit = dataset.audit()
    print(audit)
    audit.raise_for_errors()
    return dataset, audit


def _show_split(split: rx.Split) -> None:
    _title("Split: whole patients only")
    print(f"fingerprint {split.fingerprint}, seed {split.seed}")
    for name, part in (("train", split.train), ("test", split.test)):
        counts = ", ".join(f"{label} {count:,}" for label, count in part.counts.items())
        print(f"{name:6} {len(part):6,} images of {part.patient_count:5,} patients: {counts}")


def _train(
    aws: rx.Aws, split: rx.Split, output: Path
) -> tuple[rx.ModelVersion, Mapping[rx.Xray, str]]:
    prices = rx.PriceBook()
    _title("Upload: grey pixels only, under pseudonyms (the demo's key is public)")
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    receipt = project.put_datasets(
        train=split.train, test=split.test, store=STORE, key=PUBLIC_KEY, progress=True
    )
    print(f"{receipt.uploaded:,} images sent, {receipt.bytes_sent / 1e6:.1f} MB")
    for name, part in (("train", split.train), ("test", split.test)):
        Manifest.of(part, receipt.addresses).write(output / f"{name}.manifest")
    _title("Training: this step is billed on AWS")
    print(f"price on AWS for the article's 1.308 h: {prices.training(ARTICLE_TRAINING_HOURS)}")
    version = project.train("v1", output=MODELS)
    described = version.wait_until_trained(progress=True)
    print(f"{described.status} after {described.billable_training_seconds} s on the local learner")
    return version, receipt.addresses


def _evaluate(version: rx.ModelVersion, split: rx.Split) -> rx.Evaluation:
    _title("Evaluation: figures of the local learner, not of AWS; patients unseen in training")
    evaluation = rx.Evaluation.from_version(version, split=f"patient-wise, {split.fingerprint}")
    print(f"{'label':10} {'precision':>9} {'recall':>7} {'F1':>6} {'threshold':>9} {'images':>6}")
    for row in evaluation.service.labels:
        print(
            f"{row.label:10} {row.precision:9.3f} {row.recall:7.3f} {row.f1:6.3f} "
            f"{row.threshold:9.3f} {row.test_images:6,}"
        )
    print(f"\n{evaluation}")
    return evaluation


def _gate(train: rx.XrayDataset, output: Path) -> rx.ImageGate | None:
    """A gate for at most 2.5 % of acceptable images, or None if there are too few patients."""
    _title("Gate: images unlike the training images are referred before a call is paid")
    try:
        gate = rx.ImageGate.fit(train, refuse=0.025)
    except rx.XrayError as error:
        print(f"no gate: {error}")
        return None
    gate.save(output / "gate")
    print(gate.figures)
    return gate


def _diagnose(
    version: rx.ModelVersion,
    policy: rx.Policy | None,
    gate: rx.ImageGate | None,
    split: rx.Split,
    output: Path,
) -> None:
    _title("Diagnoses: a running model is billed by the hour, whether it is used or not")
    print(f"price on AWS: {rx.PriceBook().inference(1)}")
    journal = output / "predictions.jsonl"
    journal.unlink(missing_ok=True)
    paths = [image.path for image in split.test]
    shown = {image.label: image.path for image in split.test}
    with version.running(units=1, max_cost="5.00") as model:
        diagnoser = rx.Diagnoser(model, policy=policy, gate=gate)
        found = {}
        for diagnosis in diagnoser.diagnose_many(paths, journal=journal):
            found[diagnosis.source] = diagnosis
    for label, path in shown.items():
        print(f"\ntrue label {label}\n{found[str(path)]}")
    failed = sum(isinstance(diagnosis, rx.FailedDiagnosis) for diagnosis in found.values())
    print(
        f"\n{len(found):,} images sent, {failed} failed; the model is {version.describe().status}"
    )


def _policy(evaluation: rx.Evaluation) -> rx.Policy | None:
    """A policy for 95 % sensitivity, or None if there are too few images to support it."""
    _title("Operating point: 95 % sensitivity for pneumonia")
    try:
        policy = evaluation.policy(sensitivity=0.95)
    except rx.XrayError as error:
        print(f"no policy: {error}")
        return None
    print(policy)
    return policy


def _show_bill(bill: str) -> None:
    _title("What AWS would have charged for the seconds that this run took")
    print(bill)
    print("\nAWS itself trains longer. What the 2020 article reports:")
    for item, amount in ARTICLE_BILL.items():
        print(f"  {item}: {amount} USD")
    print(f"  total: {sum(ARTICLE_BILL.values())} USD")
    print(f"its month of inference, 4 hours a day for 28 days: {article_month().total} USD")


def _show_output(card: rx.ModelCard, output: Path) -> None:
    (output / "card.md").write_text(card.to_markdown(), "utf-8")
    (output / "card.json").write_text(card.to_json(), "utf-8")
    _title(f"Written to {output.resolve()}")
    for file in sorted(output.iterdir()):
        print(f"  {file.name}")
    for checklist in card.checklists:
        count = f"{checklist.answer_count} of {len(checklist.items)}"
        print(f"{checklist.name}: {count} items answered")
    print(f"\nEvaluation page: {(output / 'evaluation.html').resolve()}")
    print(f"Model card:      {(output / 'card.md').resolve()}")


if __name__ == "__main__":
    sys.exit(main())
