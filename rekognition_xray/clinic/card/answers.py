"""The answers to TRIPOD+AI and CLAIM that a model card gives by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rekognition_xray.clinic.card.facts import CardSources
from rekognition_xray.clinic.card.values import NamedFigure, Section

_DECIDED = (
    "the label of highest confidence; confidence of pneumonia: the sum over the labels that mean "
    "it, at most 1"
)


def answers(
    sources: CardSources, sections: Sequence[Section], figures: Sequence[NamedFigure]
) -> Mapping[str, str | None]:
    """Key of an item to the answer; None, or no key, if the card has no answer.

    If the card can answer only a part of an item, the answer says so.
    """
    known = {f"{section.key}.{row.key}": row.value for section in sections for row in section.rows}
    by_both = _numbers(figures) | _data(sources, known)
    return _single_answers(sources, known) | {
        key: answer for pair, answer in by_both.items() for key in pair
    }


def _single_answers(sources: CardSources, known: Mapping[str, str | None]) -> dict[str, str | None]:
    made_by = known["model.made_by"]
    return {
        "tripod-1": f"Model card of {sources.evaluation.name}",
        "tripod-3b": "purpose and users: section Intended use",
        "tripod-6a": known["data.population"],
        "tripod-9b": "the pixels of one image, nothing else",
        "tripod-12f": _recalibration(sources),
        "tripod-12g": _DECIDED,
        "tripod-15": f"a confidence, 0 to 1, for each of {known['model.labels']}",
        "tripod-16": "both are parts of one dataset" if sources.split else None,
        "tripod-21": "sections Data and Figures",
        "tripod-22": known["model.arn"],
        "tripod-27a": _poor_input(sources),
        "tripod-27b": "a person must read every image",
        "claim-1": made_by and f"image classifier made by {made_by}",
        "claim-3": "intended use only: section Intended use",
        "claim-21": _partition_level(sources, known),
        "claim-23": "of the evaluation only: section Software that made this card",
        "claim-29": _uncertainty(sources),
        "claim-37": "confusion of labels only: section Confusion",
        "claim-39": "intended use only: section Intended use",
    }


def _data(
    sources: CardSources, known: Mapping[str, str | None]
) -> dict[tuple[str, ...], str | None]:
    labels = "; ".join(
        f"{name} {known[key]}"
        for name, key in (
            ("by", "labels.by"),
            ("by the date", "labels.on"),
            ("rule", "labels.rule"),
        )
        if known[key]
    )
    flow = "images and patients included: section Data; those excluded before are not counted"
    return {
        ("tripod-5a", "claim-7"): known["data.source"],
        ("tripod-8a", "claim-14"): f"labels {labels}" if labels else None,
        ("tripod-8b", "claim-16"): known["labels.by"],
        ("tripod-12a", "claim-20"): _partition(sources),
        ("tripod-20a", "claim-33"): flow if sources.parts else None,
        ("tripod-26", "claim-38"): "section Limits",
    }


def _numbers(figures: Sequence[NamedFigure]) -> dict[tuple[str, ...], str | None]:
    names = dict.fromkeys(figure.name for figure in figures)
    return {
        ("tripod-12e", "claim-28"): ", ".join(names),
        ("tripod-23a", "claim-35", "claim-36"): "section Figures",
    }


def _partition(sources: CardSources) -> str | None:
    split = sources.split
    if split is None:
        return sources.evaluation.split
    origin = "the official folders" if split.seed is None else f"seed {split.seed}"
    parts = ", ".join(f"{name} {len(part)} images" for name, part in sources.parts.items())
    return f"{parts}; {origin}, fingerprint {split.fingerprint}"


def _partition_level(sources: CardSources, known: Mapping[str, str | None]) -> str | None:
    shared = known["data.shared"]
    level = "parts of whole patients" if sources.split and sources.split.seed is not None else None
    found = shared and f"patients or pictures in training and test: {shared}"
    return "; ".join(filter(None, (level, found))) or None


def _uncertainty(sources: CardSources) -> str:
    unit = "patients" if sources.evaluation.known_patients else "images"
    return f"95 % intervals from {sources.evaluation.resamples} bootstrap resamples of the {unit}"


def _recalibration(sources: CardSources) -> str | None:
    calibration = sources.policy and sources.policy.calibration
    return f"the policy's probabilities are calibrated: {calibration.kind}" if calibration else None


def _poor_input(sources: CardSources) -> str | None:
    if sources.policy is None:
        return None
    return "images without a usable confidence for every label are referred to a person"
