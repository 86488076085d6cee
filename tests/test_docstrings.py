"""Docstrings of what ``rekognition_xray`` exports: complete, and true about arguments and calls."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import attrs
import botocore.session
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import meter, storage
from rekognition_xray.data.images import prepare_image
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

from .support.learner import MeanLearner

OUR_ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.XrayError)
}
CLASSES = [name for name in rx.__all__ if isinstance(getattr(rx, name), type)]


def _function(member: object) -> object:
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    return member.fget if isinstance(member, property) else getattr(member, "func", member)


def _members() -> Iterator[tuple[str, Callable[..., object]]]:
    """Every function that is exported, and every public method and property of what is."""
    for name in rx.__all__:
        value = getattr(rx, name)
        if inspect.isfunction(value):
            yield name, value
        for kind in value.__mro__ if isinstance(value, type) else ():
            if kind.__module__.startswith("rekognition_xray"):
                for word, member in vars(kind).items():
                    function = _function(member)
                    if not word.startswith("_") and inspect.isfunction(function):
                        yield f"{name}.{word}", function


MEMBERS = dict(reversed([*_members()]))  # a class's own come before its bases'


def _doc(value: object) -> str:
    return inspect.cleandoc(getattr(value, "__doc__", None) or "")


def _arguments(function: object) -> set[str]:
    """The arguments that a docstring describes, in its own section or where it refers to."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", _doc(function), re.MULTILINE | re.DOTALL)
    if section:
        named = re.findall(r"^    (\w[\w, ]*):", section[1], re.MULTILINE)
        return {name for group in named for name in group.split(", ")}
    return {name for referred in _referred(function) for name in _arguments(referred)}


def _referred(function: object) -> Iterator[object]:
    found = re.search(r"[Ss]ee\s+``rekognition_xray\.([\w.]+)\.(\w+)``", _doc(function))
    if found:
        yield getattr(import_module(f"rekognition_xray.{found[1]}"), found[2])


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_every_member_is_described_with_its_arguments(name: str) -> None:
    function = MEMBERS[name]
    assert _doc(function)
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    taken = {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name not in {"self", "cls"} and parameter.kind not in kinds
    }
    reported = _arguments(function)
    if len(taken) > 1 or (reported and not [*_referred(function)]):
        assert taken <= reported
    if not [*_referred(function)]:
        assert reported <= taken


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_tells_of_its_attributes(name: str) -> None:
    kind = getattr(rx, name)
    public = [field.name for field in attrs.fields(kind)] if attrs.has(kind) else []
    public = [field for field in public if not field.startswith("_")]
    assert [field for field in public if not re.search(rf"\b{field}\b", _doc(kind))] == []


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_what_a_member_raises_by_itself_stands_in_its_docstring(name: str) -> None:
    function = MEMBERS[name]
    raised = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            called = ast.unparse(node.exc.func).rpartition(".")[2]
            raised |= {called} & (OUR_ERRORS | {"ValueError", "TypeError"})
    assert [error for error in raised if error not in _doc(function)] == []


# -- calls: one story runs, and every call that is seen must stand in the docstring -------------

OPERATIONS = {
    operation
    for service in ("rekognition", "s3")
    for operation in botocore.session.get_session().get_service_model(service).operation_names
}


def _named(function: object) -> set[str]:
    """The operations that a docstring names, or that of what it refers to."""
    own = set(re.findall(r"\b[A-Z]\w+\b", _doc(function))) & OPERATIONS
    return own.union(*(_named(referred) for referred in _referred(function)))


@attrs.define
class Story:
    """Which operations were called, by the name of what was asked."""

    asked: str = ""
    seen: dict[str, set[str]] = attrs.field(factory=lambda: defaultdict(set))

    def note(self, model: object, **_: object) -> None:
        watching = threading.current_thread().name == "rxray watchdog"
        self.seen["ModelVersion.running" if watching else self.asked].add(model.name)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        self.asked, before = name, self.asked
        yield
        self.asked = before

    def ask(self, handle: object, *words: str) -> None:
        """Asks what needs no argument, each under its name."""
        for word in words:
            with self.of(f"{type(handle).__name__}.{word}"):
                getattr(handle, word)()


STANDALONE = {"meter.running": meter.running, "meter.stop_expired": meter.stop_expired} | {
    f"storage.{name}": getattr(storage, name) for name in ("plan", "store", "open_dataset")
}
CALLS_NOTHING = {
    *("CustomLabelsProject.name", "ModelVersion.name"),
    *("Aws.region", "Aws.endpoint_url", "Aws.recipe", "Aws.from_recipe"),
}
"""What stands on a handle and asks AWS for nothing."""
STORE, OUTPUT, KEY = "s3://clinic-xrays/images", "s3://clinic-xrays/models", "a key for tests only"
HANDLES = ("Aws.", "CustomLabelsProject.", "ModelVersion.", "Diagnoser.")


def test_every_method_of_a_handle_names_the_calls_that_it_makes() -> None:
    asks = [name for name in MEMBERS if name.startswith(HANDLES) and name not in CALLS_NOTHING]
    assert [name for name in asks if not _named(MEMBERS[name])] == []
    assert sorted(CALLS_NOTHING - MEMBERS.keys()) == []
    assert [name for name in CALLS_NOTHING if _named(MEMBERS[name])] == []


@pytest.fixture
def local_cloud_options() -> dict[str, object]:
    return {"buckets": ["clinic-xrays"], "learner": MeanLearner()}


@pytest.mark.heavy
def test_a_docstring_names_every_call_that_is_seen_when_a_story_is_reported(
    local_cloud: LocalCloud, tmp_path: Path
) -> None:
    session, story = local_cloud.session(), Story()
    session.events.register("provide-client-params", story.note)
    _tell(story, rx.Aws(session=session, clock=NoWaitClock()), tmp_path)
    known = MEMBERS | STANDALONE
    unsaid = {name: seen - _named(known[name]) for name, seen in story.seen.items() if name}
    reported = [f"{name}: {', '.join(sorted(seen))}" for name, seen in unsaid.items() if seen]
    assert "\n".join(reported) == ""
    asks = {name for name in MEMBERS if name.startswith(HANDLES)} - CALLS_NOTHING | set(STANDALONE)
    assert sorted(asks - story.seen.keys() - LEFT_OUT) == []


LEFT_OUT = {"ModelVersion.copy_to", "Diagnoser.explain", "CustomLabelsProject.check"}
"""Not in the story, for its length; each has tests of its own."""


def _tell(story: Story, aws: rx.Aws, folder: Path) -> None:
    images = make_phantoms(folder, patients=15, images_per_patient=(1, 2), heights=(80, 90))
    train, test = rx.XrayDataset.from_folder(images).split(test=0.4, seed=7)
    _store(story, aws, train)
    project = _project(story, aws, train, test)
    with story.of("CustomLabelsProject.train"):
        version = project.train("v1", output=OUTPUT)
    story.ask(version, "wait_until_trained", "describe", "tags")
    with story.of("ModelVersion.tag"):
        version.tag(team="chest")
    with story.of("ModelVersion.from_arn"):
        rx.ModelVersion.from_arn(version.arn, aws=aws)
    with story.of("Evaluation.from_version"):
        rx.Evaluation.from_version(version, resamples=100)
    with story.of("ModelVersion.running"), version.running() as model:
        _diagnose(story, model, test)
        with story.of("meter.running"):
            meter.running(aws)
    with story.of("meter.stop_expired"):
        meter.stop_expired(aws)
    _promote(story, project, version)
    with story.of("CustomLabelsProject.export"):
        project.export(folder.parent / "exported")
    with story.of("CustomLabelsProject.delete"):
        project.delete(confirm=lambda plan: True)


def _store(story: Story, aws: rx.Aws, images: rx.XrayDataset) -> None:
    with story.of("storage.plan"):
        storage.plan(images, STORE, aws=aws, key=KEY)
    with story.of("storage.store"):
        storage.store(images, STORE, aws=aws, key=KEY)
    with story.of("storage.open_dataset"):
        storage.open_dataset(STORE, names=lambda path: "normal", aws=aws)
    with story.of("Aws.bucket_region"):
        rx.Aws(session=aws.session).bucket_region("clinic-xrays")


def _project(
    story: Story, aws: rx.Aws, train: rx.XrayDataset, test: rx.XrayDataset
) -> rx.CustomLabelsProject:
    for _ in range(2):
        with story.of("CustomLabelsProject.get_or_create"):
            project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    with story.of("CustomLabelsProject.find"):
        rx.CustomLabelsProject.find("pneumonia", aws=aws)
    with story.of("CustomLabelsProject.list"):
        rx.CustomLabelsProject.list(aws=aws)
    with story.of("CustomLabelsProject.put_datasets"):
        project.put_datasets(train=train, test=test, store=STORE, key=KEY)
    with story.of("CustomLabelsProject.entries"):
        list(project.entries("TRAIN"))
    with story.of("CustomLabelsProject.labels"):
        project.labels("TEST")
    with story.of("CustomLabelsProject.tag"):
        project.tag(team="chest")
    story.ask(project, "training_estimate", "datasets", "tags")
    return project


def _diagnose(story: Story, model: rx.ModelVersion, images: rx.XrayDataset) -> None:
    diagnoser, image = rx.Diagnoser(model), images.images[0].path
    with story.of("Diagnoser.diagnose"):
        diagnoser.diagnose(image)
    with story.of("Diagnoser.diagnose_many"):
        list(diagnoser.diagnose_many(image.path for image in images))
    with story.of("ModelVersion.detect"):
        model.detect(prepare_image(image).data)


def _promote(story: Story, project: rx.CustomLabelsProject, version: rx.ModelVersion) -> None:
    with story.of("CustomLabelsProject.version"):
        assert project.version("v1") == version
    with story.of("CustomLabelsProject.promote"):
        project.promote(version)
    other = project.train("v2", output=OUTPUT)
    other.wait_until_trained()
    project.promote(other)
    story.ask(project, "current", "rollback", "versions", "describe_versions")
    story.ask(other, "delete")
