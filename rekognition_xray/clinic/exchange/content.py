"""What a diagnosis must hold before it can leave: sound labels, confidences and a version."""

from __future__ import annotations

from rekognition_xray.clinic.diagnosis import Diagnosis
from rekognition_xray.errors import InvalidRequestError

_BACKSLASH = "\\"  # parts values in DICOM (PS3.5, 6.2)


def check_content(diagnosis: Diagnosis) -> None:
    """Refuses a diagnosis that would give an object that is not sound.

    Raises:
        InvalidRequestError: an empty finding, label or version ARN, or a confidence or threshold
            that is not from 0 to 1; all together.
    """
    _refuse(_faults(diagnosis))


def check_content_for_dicom(diagnosis: Diagnosis) -> None:
    """As ``check_content``; labels must fit a DICOM code too.

    Raises:
        InvalidRequestError: see ``check_content``; also a label or finding with a backslash or a
            control character.
    """
    names = {diagnosis.finding, *diagnosis.confidences}
    odd = [
        f"the label {name!r} has a backslash or a control character"
        for name in sorted(names)
        if has_control(name) or _BACKSLASH in name
    ]
    _refuse([*_faults(diagnosis), *odd])


def has_control(text: str) -> bool:
    """Whether a text has control characters, such as a line end."""
    return any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


def _faults(diagnosis: Diagnosis) -> list[str]:
    empty = {
        "the finding": diagnosis.finding,
        "the version ARN": diagnosis.version_arn,
        "a label": "" if any(not label.strip() for label in diagnosis.confidences) else "none is",
    }
    shares = {f"the confidence of {label!r}": n for label, n in diagnosis.confidences.items()}
    if diagnosis.threshold is not None:
        shares["the threshold"] = diagnosis.threshold
    return [
        *(f"{name} is empty" for name, text in empty.items() if not text.strip()),
        *(f"{name} is {n}, not from 0 to 1" for name, n in shares.items() if not 0 <= n <= 1),
    ]


def _refuse(faults: list[str]) -> None:
    if faults:
        raise InvalidRequestError(
            f"This diagnosis cannot be sent: {'; '.join(faults)}.",
            hint="Pass a diagnosis as diagnose() gave it, of a version with plain labels.",
        )
