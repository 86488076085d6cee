"""Errors of evaluations and bulk runs."""

from __future__ import annotations

from rekognition_xray.errors.base import XrayError


class EvaluationError(XrayError, ValueError):
    """Result files of a training that are missing, unreadable or do not support a figure."""

    default_hint = "Check that the version is trained and its result files still lie in S3."


class JournalError(XrayError, ValueError):
    """A journal of a bulk run that belongs to another run or cannot be read."""

    default_hint = "Name another journal file, or repair the line that is named."
