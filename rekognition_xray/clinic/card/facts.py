"""The facts of a model card, from the values it is made from; None for what is not known."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.card.texts import KERMANY_LICENCE, KERMANY_POPULATION, KERMANY_SOURCE
from rekognition_xray.clinic.card.values import Fact, LabelCount, NamedFigure, Section
from rekognition_xray.clinic.evaluation import NOT_COMPARED
from rekognition_xray.clinic.extras import installed_version
from rekognition_xray.clinic.statistics import Figure, figure_name
from rekognition_xray.data.xrays import Labelling
from rekognition_xray.errors import EvaluationError

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation import Evaluation
    from rekognition_xray.clinic.policy import Policy
    from rekognition_xray.cloud.versions import VersionDescription
    from rekognition_xray.data.dataset import Audit, Split, XrayDataset
    from rekognition_xray.data.gating import GateFigures

_PACKAGES: Final = ("attrs", "boto3", "numpy", "Pillow", "scikit-learn", "scipy")


@attrs.frozen(kw_only=True)
class CardSources:
    """What a card is made from; None for what its author does not give."""

    evaluation: Evaluation
    split: Split | None
    dataset: XrayDataset | None
    audit: Audit | None
    version: VersionDescription | None
    policy: Policy | None
    source: str | None
    licence: str | None
    population: str | None
    gate: GateFigures | None = None
    weights: str | None = None

    @property
    def parts(self) -> dict[str, XrayDataset]:
        """Name to dataset: the parts of the split, or the whole dataset without a split."""
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
        """The origin of the labels."""
        return next((part.labelling for part in self.parts.values()), None)

    @property
    def kermany(self) -> bool:
        """Whether the images are named like those of the public set and no source is given."""
        labelling = self.labelling
        return self.source is None and labelling is not None and _is_kermany(labelling.rule)


def _is_kermany(rule: str) -> bool:
    return rule == "kermany" or rule.startswith("kermany-")


def sections(sources: CardSources) -> tuple[Section, ...]:
    """All facts, in the order in which the card shows them."""
    return (
        Section("model", "Model", tuple(_model(sources))),
        Section("data", "Data", tuple(_data(sources))),
        Section("labels", "Origin of the labels", tuple(_labels(sources))),
        Section("operating_point", "Operating point", tuple(_operating_point(sources.policy))),
        Section("gate", "Gate", tuple(_gate(sources))),
        Section("software", "Software that made this card", tuple(_software())),
    )


def counts(sources: CardSources) -> tuple[LabelCount, ...]:
    """Images and patients by part and label."""
    return tuple(
        LabelCount(name, label, images, part.patients[label])
        for name, part in sources.parts.items()
        for label, images in part.counts.items()
    )


def figures(sources: CardSources) -> tuple[NamedFigure, ...]:
    """Every figure of the evaluation, and of the policy on the images that it is reported on.

    Raises:
        EvaluationError: a figure has a value but no interval.
    """
    evaluation = sources.evaluation
    groups: list[tuple[str, attrs.AttrsInstance]] = [
        ("all labels", evaluation),
        ("pneumonia or not", evaluation.two_class),
        *((f"label: {label}", found) for label, found in evaluation.by_label.items()),
    ]
    groups += [
        (group.name, group.figures) for variable in evaluation.groups for group in variable.groups
    ]
    if sources.policy is not None and sources.policy.reported is not None:
        groups.append(("the policy", sources.policy.reported))
    named = [
        NamedFigure(of, figure_name(key), _with_interval(figure, f"{figure_name(key)} of {of}"))
        for of, found in groups
        for key, figure in _figures_of(found)
    ]
    return (*named, *_group_differences(evaluation))


def _group_differences(evaluation: Evaluation) -> Iterator[NamedFigure]:
    """What groups differ by, and how well each variable alone tells the label."""
    for variable in evaluation.groups:
        of = f"by {variable.name}"
        yield NamedFigure(of, f"AUROC of {variable.name} alone", variable.shortcut)
        for group in variable.groups:
            for key, each in group.differences.items():
                p_value = "" if each.p_value is None else f", p = {each.p_value:.2g}"
                name = f"{figure_name(key)} of {group.value} less the others'{p_value}"
                yield NamedFigure(of, name, each.change)


def _figures_of(found: attrs.AttrsInstance) -> Iterator[tuple[str, Figure]]:
    for field in attrs.fields(type(found)):
        value = getattr(found, field.name)
        if isinstance(value, Figure):
            yield field.name, value


def _with_interval(figure: Figure, what: str) -> Figure:
    if figure.value is not None and (figure.low is None or figure.high is None):
        raise EvaluationError(
            f"The {what} has a value but no interval.",
            hint="A card shows figures with intervals only: compute them by Evaluation.",
        )
    return figure


def _model(sources: CardSources) -> Iterator[Fact]:
    evaluation, version = sources.evaluation, sources.version
    created = None if version is None or version.created is None else version.created.isoformat()
    seconds = None if version is None else version.billable_training_seconds
    yield Fact("name", "Name", evaluation.name or None)
    yield Fact("arn", "Version ARN", version.arn if version else evaluation.version_arn or None)
    yield Fact("results", "Version ARN in the result files", evaluation.version_arn or None)
    yield Fact("made_by", "Made by", evaluation.made_by)
    if sources.weights is not None:
        yield Fact("weights", "Weights it began with", sources.weights)
    yield Fact("labels", "Labels", ", ".join(evaluation.labels))
    yield Fact("created", "Created", created)
    yield Fact("evaluated", "Evaluated by the service", evaluation.service.ended or None)
    yield Fact("status", "Status when the card was made", version.status if version else None)
    yield Fact("training_seconds", "Billed training, s", None if seconds is None else str(seconds))


def _data(sources: CardSources) -> Iterator[Fact]:
    evaluation, split = sources.evaluation, sources.split
    public = sources.kermany
    yield Fact("source", "Source", KERMANY_SOURCE if public else sources.source)
    yield Fact("licence", "Licence", sources.licence or (KERMANY_LICENCE if public else None))
    yield Fact(
        "population", "Population", sources.population or (KERMANY_POPULATION if public else None)
    )
    yield Fact(
        "training_images",
        "Training images, by the result files",
        str(evaluation.service.training_images),
    )
    yield Fact("test_images", "Test images, by the result files", str(len(evaluation.images)))
    yield Fact(
        "test_patients",
        "Test patients, by the result files",
        str(evaluation.known_patients or "") or None,
    )
    yield Fact("split", "Split", evaluation.split)
    yield Fact("fingerprint", "Fingerprint of the split", split.fingerprint if split else None)
    yield Fact("seed", "Seed of the split", _seed(split))
    yield Fact("shared", "Patients or pictures in training and test", _leakage(evaluation))
    yield Fact("audit", "Audit", None if sources.audit is None else _audit(sources.audit))


def _seed(split: Split | None) -> str | None:
    if split is None:
        return None
    return "none: the official split" if split.seed is None else str(split.seed)


def _leakage(evaluation: Evaluation) -> str | None:
    if NOT_COMPARED in evaluation.warnings:
        return None
    leaks = [text for text in evaluation.warnings if "leak" in text.lower() or "share" in text]
    return " ".join(leaks) or "none, as far as the S3 keys show"


def _audit(audit: Audit) -> str:
    found = [f"{finding.code} ({len(finding.paths)} images)" for finding in audit.findings]
    return f"{audit.images} images checked; found: {', '.join(found) or 'nothing'}"


def _labels(sources: CardSources) -> Iterator[Fact]:
    labelling = sources.labelling
    known = labelling or Labelling()
    human = None if labelling is None else "people" if labelling.human else "not people"
    yield Fact("rule", "Read by the rule", known.rule or None)
    yield Fact("by", "Made by", known.by or None)
    yield Fact("on", "Made by the date", known.on.isoformat() if known.on else None)
    yield Fact("human", "Stated to be the work of", human)


def _gate(sources: CardSources) -> Iterator[Fact]:
    """What the gate refuses, and what the images do not say of themselves."""
    figures = sources.gate
    if figures is None:
        yield Fact("gate", "Gate", "none: the version answers to any image")
    else:
        refused = (
            f"{figures.refused:,} of {figures.judged:,} acceptable images of unseen patients "
            f"({figures.refused / figures.judged:.1%}, 95 % interval {figures.low:.1%} to "
            f"{figures.high:.1%}); asked for: at most {figures.share:.1%}"
        )
        yield Fact("gate", "Refused by the gate", refused)
        for number, one in enumerate(figures.strange):
            share = f"{one.refused:,} of {one.images:,}"
            yield Fact(f"gate_{number}", f"Refused, {one.kind}", share)
    yield Fact("never_shown", "Known of the images", _shown(sources.audit))


def _shown(audit: Audit | None) -> str:
    """Which ages, views and body parts the files of the images name; nobody knows of the others."""
    if audit is None:
        return "not stated: no audit was given; ages, views and machines may be missing"
    found = [f"{len(audit.facts):,} of {audit.images:,} files say something of their image"]
    for name, title in (("age_group", "ages"), ("view", "views"), ("sex", "sexes")):
        counts = Counter(getattr(facts, name) or "not stated" for facts in audit.facts.values())
        if audit.facts:
            listed = ", ".join(f"{value} {count:,}" for value, count in sorted(counts.items()))
            found.append(f"{title}: {listed}")
    return "; ".join([*found, "whatever is not named here, the version may never have been shown"])


def _operating_point(policy: Policy | None) -> Iterator[Fact]:
    if policy is None:
        yield Fact("policy", "Policy", None)
        return
    rule = str(attrs.evolve(policy, chosen_on=None, reported=None, warnings=()))
    yield Fact("policy", "Policy", "; ".join(line.strip() for line in rule.splitlines()))
    yield Fact("policy_version", "Chosen for the version", policy.version_arn)
    calibrated = policy.calibration.kind if policy.calibration else "no"
    yield Fact("calibration", "Calibration of the confidence of pneumonia", calibrated)
    yield Fact("policy_notes", "Notes", " ".join(policy.warnings) or "none")


def _software() -> Iterator[Fact]:
    yield Fact("rekognition-xray", "rekognition-xray", installed_version("rekognition-xray"))
    yield Fact("python", "Python", platform.python_version())
    for package in _PACKAGES:
        found = installed_version(package)
        if found is not None:  # else an extra that is not installed
            yield Fact(package.lower(), package, found)
