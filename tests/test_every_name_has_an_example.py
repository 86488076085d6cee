"""No public name without an example that runs, and no method or property of a public class."""

from __future__ import annotations

import functools

import pytest

import rekognition_xray as rx

from .support import annotated, surface, uses

pytestmark = pytest.mark.heavy  # imports the package whole, which takes every extra

LEFT_OUT = {
    "rekognition_xray.errors.": "errors are raised, not called; tests/test_errors.py raises each",
}
"""Beginnings of names that need no example, each with the reason."""


@functools.cache
def public() -> dict[str, str]:
    return surface.public()


@functools.cache
def used() -> frozenset[str]:
    return uses.used()


def test_every_public_name_is_used_by_an_example_that_runs() -> None:
    asked = {full: name for full, name in public().items() if not full.startswith(tuple(LEFT_OUT))}
    missing = [f"{name} ({full})" for full, name in asked.items() if full not in used()]
    assert not missing, "no fence of README or docs, and no example, uses\n" + "\n".join(missing)


def test_what_the_package_exports_is_looked_for() -> None:
    exported = {annotated.key(name, getattr(rx, name)) for name in rx.__all__}
    assert exported <= public().keys()
    assert {"XrayDataset.split", "ModelVersion.running", "Audit.warnings"} <= set(public().values())
    assert "Xray.label" not in public().values()  # a field


def test_what_the_reference_shows_are_names_of_doors() -> None:
    assert [full for full in sorted(surface.shown()) if not surface.is_from_a_door(full)] == []


def test_what_is_excused_is_there_and_needs_it() -> None:
    for start in LEFT_OUT:
        assert any(full.startswith(start) and full not in used() for full in public())


BEFORE = """
import rekognition_xray as rx
from rekognition_xray.cloud import meter

aws = rx.Aws()
project = rx.CustomLabelsProject.find("chest", aws=aws)
"""


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("project.delete(confirm=print)", "CustomLabelsProject.delete"),
        ("for version in project.versions(): version.delete()", "ModelVersion.delete"),
        ("[version.tags() for version in project.versions()]", "ModelVersion.tags"),
        ("with project.version('v1').running() as model: model.detect(b'')", "ModelVersion.detect"),
        (
            "train, test = rx.XrayDataset.from_folder('x').split(); test.audit()",
            "XrayDataset.audit",
        ),
        ("def ask(audit: rx.Audit): return audit.warnings", "Audit.warnings"),
        ("def made(): return rx.PriceBook()\nmade().storage(1)", "PriceBook.storage"),
        ("print(f'{rx.Evaluation.from_version(v).confusion}')", "Evaluation.confusion"),
        ("for seen in meter.running(aws): print(seen.cost)", "RunningVersion.cost"),
    ],
)
def test_a_use_is_seen(source: str, name: str) -> None:
    found = uses.used_in(BEFORE + source)
    assert {public()[full] for full in found & public().keys()} >= {name}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("project.version('v1').delete()", "CustomLabelsProject.delete"),
        ("project.delete(confirm=print)", "ModelVersion.delete"),
        ("something.delete()", "ModelVersion.delete"),
        ("import warnings; warnings.warn('x')", "Audit.warnings"),
        ("'project.delete()'  # project.delete()", "CustomLabelsProject.delete"),
    ],
)
def test_a_name_alone_or_of_another_is_no_use(source: str, name: str) -> None:
    found = uses.used_in(BEFORE + source)
    assert name not in {public()[full] for full in found & public().keys()}
