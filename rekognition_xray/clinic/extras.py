"""Optional packages: errors that name the extra to install, and the versions installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from rekognition_xray.errors import MissingExtraError


def needs_science(needed_for: str) -> None:
    """Raises MissingExtraError unless numpy, scipy and scikit-learn are installed."""
    _needs("science", ("numpy", "scipy", "sklearn"), needed_for)


def needs_report(needed_for: str) -> None:
    """Raises MissingExtraError unless jinja2 is installed."""
    _needs("report", ("jinja2",), needed_for)


def needs_frames(needed_for: str) -> None:
    """Raises MissingExtraError unless pandas is installed."""
    _needs("frames", ("pandas",), needed_for)


def needs_dicom(needed_for: str) -> None:
    """Raises MissingExtraError unless pydicom and highdicom are installed."""
    _needs("dicom", ("pydicom", "highdicom"), needed_for)


def needs_node(needed_for: str) -> None:
    """Raises MissingExtraError unless pynetdicom and what DICOM needs are installed."""
    _needs("node", ("pydicom", "highdicom", "pynetdicom"), needed_for)


def installed_version(package: str) -> str | None:
    """The version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _needs(extra: str, packages: tuple[str, ...], needed_for: str) -> None:
    if any(find_spec(package) is None for package in packages):
        raise MissingExtraError(extra, needed_for=needed_for)
