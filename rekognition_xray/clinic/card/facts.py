"""The facts of a model card: what values of the library tell, and None for all else."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.card.texts import KERMANY_LICENCE, KERMANY_POPULATION, KERMANY_SOURCE
from rekognition_xray.clinic.card.values import LabelCount, NamedFigure, Row, Section
from rekognition_xray.clinic.evaluation import NOT_COMPARED
from rekognition_xray.clinic.statistics import Figure, figure_name
from rekognition_xray.data.xrays import Labelling
from rekognition_xray.errors import EvaluationError

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation import Evaluation
    from rekognition_xray.clinic.policy import Policy
    from rekognition_xray.cloud.versions import VersionDescription
    from rekognition_xray.data.auditing import Audit
    from rekognition_xray.data.dataset import Split, XrayDataset

_PACKAGES: Final = ("attrs", "boto3", "numpy", "Pillow", "scikit-learn", "scipy")


@attrs.frozen(kw_only=True)
class Told:
    """Everything that a card may be made of; None for what its author does not give."""

    evaluation: Evaluation
    split: Split | None
    dataset: XrayDataset | None
    audit: Audit | None
    version: VersionDescription | None
    policy: Policy | None
    source: str | None
    licence: str | None
    population: str | None

    @property
    def parts(self) -> dict[str, XrayDataset]:
        """Name to dataset: the parts of the split, or the whole where only that is known."""
        if self.split is not None:
            named = {
                "train": self.split.train,
                "validation": self.split.validation,
                "test": self.split.test,
            }
            return {name: part for name, part in named.items() if part is not None}
        return {} if self.dataset is None else {"all": self.dataset}

    @property
    def labelling(self) -> Labelling | None:
        """Where the labels come from."""
        return next((part.labelling for part in self.parts.values()), None)

    @property
    def kermany(self) -> bool:
        """Whether the names are those of the public set, and the author names no other source."""
        labelling = self.labelling
        return self.source is None and labelling is not None and _is_kermany(labelling.rule)


def _is_kermany(rule: str) -> bool:
    return rule == "kermany" or rule.startswith("kermany-")


def sections(told: Told) -> tuple[Section, ...]:
    """All facts, in the order in which the card shows them."""
    return (
        Section("model", "Model", tuple(_model(told))),
        Section("data", "Data", tuple(_data(told))),
        Section("labels", "Origin of the labels", tuple(_labels(told))),
        Section("operating_point", "Operating point", tuple(_operating(told.policy))),
        Section("software", "Software that made this card", tuple(_software())),
    )


def counts(told: Told) -> tuple[LabelCount, ...]:
    """Images and patients by part and label."""
    return tuple(
        LabelCount(name, label, images, part.patients[label])
        for name, part in told.parts.items()
        for label, images in part.counts.items()
    )


def figures(told: Told) -> tuple[NamedFigure, ...]:
    """Every figure of the evaluation, and of the policy on the images that it is reported on.

    Raises:
        EvaluationError: a figure with a value and no interval.
    """
    evaluation = told.evaluation
    groups: list[tuple[str, attrs.AttrsInstance]] = [
        ("all labels", evaluation),
        ("pneumonia or not", evaluation.two_class),
        *((f"label: {label}", found) for label, found in evaluation.by_label.items()),
    ]
    if told.policy is not None and told.policy.reported is not None:
        groups.append(("the policy", told.policy.reported))
    return tuple(
        NamedFigure(of, figure_name(key), _checked(figure, f"{figure_name(key)} of {of}"))
        for of, found in groups
        for key, figure in _figures_of(found)
    )


def _figures_of(found: attrs.AttrsInstance) -> Iterator[tuple[str, Figure]]:
    for field in attrs.fields(type(found)):
        value = getattr(found, field.name)
        if isinstance(value, Figure):
            yield field.name, value


def _checked(figure: Figure, what: str) -> Figure:
    if figure.value is not None and (figure.low is None or figure.high is None):
        raise EvaluationError(
            f"The {what} has a value and no interval.",
            hint="A card shows no bare figure: compute it by Evaluation, or leave it out.",
        )
    return figure


def _model(told: Told) -> Iterator[Row]:
    evaluation, version = told.evaluation, told.version
    created = None if version is None or version.created is None else version.created.isoformat()
    seconds = None if version is None else version.billable_training_seconds
    yield Row("name", "Name", evaluation.name or None)
    yield Row("arn", "Version ARN", version.arn if version else evaluation.version_arn or None)
    yield Row("results", "Result files name", evaluation.version_arn or None)
    yield Row("made_by", "Made by", evaluation.made_by)
    yield Row("labels", "Labels", ", ".join(evaluation.labels))
    yield Row("created", "Created", created)
    yield Row("evaluated", "Evaluated by the service", evaluation.service.ended or None)
    yield Row("status", "Status when the card was made", version.status if version else None)
    yield Row("training_seconds", "Billed training, s", None if seconds is None else str(seconds))


def _data(told: Told) -> Iterator[Row]:
    evaluation, split = told.evaluation, told.split
    public = told.kermany
    yield Row("source", "Source", KERMANY_SOURCE if public else told.source)
    yield Row("licence", "Licence", told.licence or (KERMANY_LICENCE if public else None))
    yield Row(
        "population", "Population", told.population or (KERMANY_POPULATION if public else None)
    )
    yield Row(
        "training_images",
        "Images trained on, by the result files",
        str(evaluation.service.training_images),
    )
    yield Row("test_images", "Images tested, by the result files", str(len(evaluation.images)))
    yield Row(
        "test_patients",
        "Patients tested, by the result files",
        str(evaluation.known_patients or "") or None,
    )
    yield Row("split", "Split", evaluation.split)
    yield Row("fingerprint", "Fingerprint of the split", split.fingerprint if split else None)
    yield Row("seed", "Seed of the split", _seed(split))
    yield Row("shared", "Patients or pictures in training and test", _shared(evaluation))
    yield Row("audit", "Audit", None if told.audit is None else _audit(told.audit))


def _seed(split: Split | None) -> str | None:
    if split is None:
        return None
    return "none: the official split" if split.seed is None else str(split.seed)


def _shared(evaluation: Evaluation) -> str | None:
    if NOT_COMPARED in evaluation.warnings:
        return None
    leaks = [text for text in evaluation.warnings if "leak" in text or "share" in text]
    return " ".join(leaks) or "none, as far as the images' keys tell"


def _audit(audit: Audit) -> str:
    found = [f"{finding.code} ({len(finding.paths)} images)" for finding in audit.findings]
    return f"{audit.images} images looked at; found: {', '.join(found) or 'nothing'}"


def _labels(told: Told) -> Iterator[Row]:
    labelling = told.labelling
    known = labelling or Labelling()
    human = None if labelling is None else "people" if labelling.human else "not people"
    yield Row("rule", "Read by the rule", known.rule or None)
    yield Row("by", "Made by", known.by or None)
    yield Row("on", "Made by the date", known.on.isoformat() if known.on else None)
    yield Row("human", "Stated to be the work of", human)


def _operating(policy: Policy | None) -> Iterator[Row]:
    if policy is None:
        yield Row("policy", "Policy", None)
        return
    rule = str(attrs.evolve(policy, chosen_on=None, reported=None, warnings=()))
    yield Row("policy", "Policy", "; ".join(line.strip() for line in rule.splitlines()))
    yield Row("policy_version", "Chosen for the version", policy.version_arn)
    calibrated = policy.calibration.kind if policy.calibration else "no"
    yield Row("calibration", "Calibration of the confidence of pneumonia", calibrated)
    yield Row("policy_notes", "Notes", " ".join(policy.warnings) or "none")


def _software() -> Iterator[Row]:
    yield Row("rekognition-xray", "rekognition-xray", _version_of("rekognition-xray"))
    yield Row("python", "Python", platform.python_version())
    for package in _PACKAGES:
        installed = _version_of(package)
        if installed is not None:  # else an extra that is not installed
            yield Row(package.lower(), package, installed)


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
