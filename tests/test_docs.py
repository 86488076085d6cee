"""README and docs tell the truth: every snippet runs on the local cloud, and no link is broken.

A page runs in a folder of its own, in a world that all pages share: images in ``chest_xray``, an
``archive`` of DICOM files, and a local cloud, which stands for AWS (``rx.Aws()`` finds it), with a
bucket ``clinic-xrays`` and the trained version ``v1`` of the project ``pneumonia``.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import attrs
import botocore.session
import numpy as np  # noqa: F401 - runs in this process forget what they import, numpy must stay
import pytest
from botocore import xform_name

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.errors import MissingExtraError
from rekognition_xray.local import LocalCloud

from .support import downloads, pages

pytest_plugins = ["pytester"]

STORE = "s3://clinic-xrays/images"
MOST_LEFT_OUT = 4
"""Snippets in all that may go without being run, each with its reason beside it."""

TOLD = {
    "README.md": ("chest_xray/", "Not a medical device"),
    "how-to/know-the-price.md": (
        "448.00 USD",
        "\n3 2.204586 28.86\n",
        "estimated 28.86, billed 30.00 USD (+1.14, +3.8% of the bill)",
    ),
    "how-to/see-why.md": ("65 calls for a grid of 8 x 8",),
    "how-to/store-and-forget.md": (
        "S3 storage",
        "is deleted for good",
        "What remains",
        "are sent",
        "0 with 0.0 MB",
    ),
}
LEFT = {
    "README.md": ("evaluation.html", "today.jsonl"),
    "how-to/scale-out.md": ("archive.jsonl", "answer.json", "answer.png"),
    "how-to/refuse-strange-images.md": ("negative.png", "gate/gate.npz", "gate/gate.json"),
    "how-to/send-to-a-clinic.md": ("report.dcm", "picture.dcm"),
    "how-to/see-why.md": ("overlay.png", "cases.png", "cases/cases.npz"),
}
"""What pages print, and the files that they leave, beyond what they show themselves."""


@attrs.frozen
class World:
    """What lies around a page: a folder to copy, and a cloud."""

    folder: Path
    cloud: LocalCloud


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("docs")
    images = make_phantoms(
        folder / "chest_xray", patients=100, images_per_patient=(1, 2), heights=(80, 120)
    )
    with LocalCloud(buckets=["clinic-xrays"]) as cloud:
        aws = rx.Aws(session=cloud.session())
        train, test = rx.XrayDataset.from_folder(images).split(test=0.5, seed=7)
        project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
        project.put_datasets(train=train, test=test, store=STORE, key="a key for tests only")
        project.train("v1", output="s3://clinic-xrays/models").wait_until_trained()
        shutil.copy(test.images[0].path, folder / "image.jpeg")
        yield World(folder, cloud)


@pytest.fixture
def around(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The current folder is the page's own, and whatever asks for AWS finds the local cloud."""
    here = tmp_path / "here"
    shutil.copytree(world.folder, here)
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(here)
    for variable, value in world.cloud.environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(here / "kaggle"))
    yield world
    for name, module in list(sys.modules.items()):  # another page may have a file of the same name
        if str(getattr(module, "__file__", None)).startswith(str(here)):
            del sys.modules[name]


def _nothing(_: World) -> None:
    shutil.rmtree("chest_xray")


def _more_images(_: World) -> None:
    shutil.rmtree("chest_xray")
    make_phantoms("chest_xray", patients=160, images_per_patient=(1, 3), heights=(80, 120))


def _few_images(_: World) -> None:
    images = rx.XrayDataset.from_folder("chest_xray")
    few = sorted({image.group for image in images})[::4]
    for image in images:
        if image.group not in few:
            image.path.unlink()


def _one_image_each(_: World) -> None:
    shutil.rmtree("chest_xray")
    make_phantoms("chest_xray", patients=100, images_per_patient=(1, 1), heights=(80, 120))


def _archive(_: World) -> None:
    example = runpy.run_path(str(pages.ROOT / "examples" / "dicom_archive.py"))
    example["draw"](Path("drawn"))
    shutil.move("drawn/dicom", "archive")


def _failing_network(world: World) -> None:
    _few_images(world)
    world.cloud.faults.error("PutObject", "InvalidRequest")


def _held_out(_: World) -> None:
    make_phantoms("held_out", patients=40, images_per_patient=(1, 1), seed=8, heights=(80, 120))


def _partner(world: World) -> None:
    theirs = world.cloud.session(account="222222222222").client("s3")
    theirs.create_bucket(Bucket="their-models")
    keys = "[partner]\naws_access_key_id = 222222222222\naws_secret_access_key = theirs\n"
    file = Path("credentials").absolute()
    file.write_text(keys, encoding="utf-8")
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(file)  # until the fixture that set it undoes it


def _images_of_ones_own(_: World) -> None:
    (image, *_others) = sorted(Path("chest_xray").rglob("*.jpeg"))
    named = ["images/image-1", "images/image-2", "images/image-3", "images/image-4"]
    for name in [*named, "sorted/no finding/a", "sorted/effusion/b", "wards/w3_p017_ill"]:
        place = Path(f"{name}.jpeg")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, place)
    shutil.copy(image, "wards/w4_p017_well.jpeg")


SET_UP: dict[str, Callable[[World], None]] = {
    "README.md": _more_images,
    "tutorial/offline.md": _nothing,
    "reference/data.md": _few_images,
    "how-to/see-why.md": _few_images,
    "how-to/store-and-forget.md": _few_images,
    "how-to/dicom-archive.md": _archive,
    "how-to/refuse-strange-images.md": _one_image_each,
    "how-to/manifests.md": _few_images,
    "how-to/send-to-a-clinic.md": _archive,
    "how-to/public-images.md": lambda _: downloads.kaggle(Path(os.environ["KAGGLEHUB_CACHE"])),
    "how-to/resume-an-upload.md": _failing_network,
    "how-to/choose-a-threshold.md": _held_out,
    "how-to/bring-your-own-learner.md": _few_images,
    "how-to/share-a-model.md": _partner,
    "how-to/your-own-labels.md": _images_of_ones_own,
}
"""What a page's reader has otherwise than all have."""


def _with_code() -> list[Path]:
    return [page for page in pages.PAGES if pages.program(page)]


@pytest.mark.heavy
@pytest.mark.parametrize("page", _with_code(), ids=pages.name)
def test_the_page_runs_as_written(
    page: Path, around: World, request: pytest.FixtureRequest
) -> None:
    name, here = pages.name(page), Path.cwd()
    SET_UP.get(name, lambda _: None)(around)
    reported = pages.run(page, {"__name__": "__main__"})
    for text in TOLD.get(name, ()):
        assert text in reported
    for file in LEFT.get(name, ()):
        assert Path(file).stat().st_size
    if list(here.glob("test_*.py")):
        _run_tests(here, request.getfixturevalue("pytester"))


def _run_tests(here: Path, pytester: pytest.Pytester) -> None:
    """The tests that a page has written down, as its reader would run them."""
    pytester.syspathinsert(here)
    result = pytester.runpytest_inprocess(here, "-p", "no:randomly", "-p", "no:xdist", "-q")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes


def test_few_snippets_are_left_out_and_each_says_why() -> None:
    reasons = [
        (pages.name(page), fence.left_out)
        for page in pages.PAGES
        for fence in pages.fences(page)
        if fence.left_out is not None
    ]
    assert all(len(reason.split()) >= 4 for _, reason in reasons), reasons
    assert len(reasons) <= MOST_LEFT_OUT, reasons


def test_every_fence_says_its_language() -> None:
    known = {"python", "text", "console", "bash", "toml", "csv", "json", "yaml", "mermaid"}
    strange = [
        f"{pages.name(page)}:{fence.line}: {fence.language!r}"
        for page in pages.PAGES
        for fence in pages.fences(page)
        if fence.language not in known
    ]
    assert strange == []


# -- commands ------------------------------------------------------------------------------------


def _shell() -> list[tuple[str, str]]:
    return [
        (pages.name(page), command)
        for page in pages.PAGES
        for fence in pages.fences(page)
        if fence.language in {"console", "bash"}
        for command in pages.commands(fence)
    ]


def test_commands_can_be_parsed() -> None:
    script = "\n".join(command for _, command in _shell())
    parsed = subprocess.run(
        ["bash", "-n"], input=script, capture_output=True, text=True, check=False
    )
    assert (parsed.returncode, parsed.stderr) == (0, "")


def _targets() -> set[str]:
    text = (pages.ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


def _extras() -> set[str]:
    project = tomllib.loads((pages.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return set(project["optional-dependencies"])


def _subcommands() -> set[str]:
    cli = importlib.import_module("rekognition_xray.cli")
    return set(cli.commands.commands)


def _operations() -> set[str]:
    session = botocore.session.get_session()
    return {
        xform_name(operation, "-")
        for service in ("rekognition", "s3")
        for operation in session.get_service_model(service).operation_names
    }


def test_commands_name_what_there_is() -> None:
    wrong = []
    for page, command in _shell():
        words = command.split()
        there = True
        if words[0] == "make":
            there = words[1] in _targets()
        elif words[0] == "rekognition-xray":
            there = words[1].startswith("-") or words[1] in _subcommands()
        elif words[0] == "python" and words[1] == "-m":
            there = find_spec(words[2]) is not None
        elif words[0] == "python" and words[1].endswith(".py"):
            there = (pages.ROOT / words[1]).exists()
        elif words[:2] == ["aws", "rekognition"]:
            there = words[2] in _operations()
        for extras in re.findall(r"rekognition-xray\[([\w,-]+)\]", command):
            there = there and set(extras.split(",")) <= _extras()
        if not there:
            wrong.append(f"{page}: {command}")
    assert wrong == []


# -- links and names -----------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_links_of_the_page_lead_somewhere(page: Path) -> None:
    broken = []
    for link in pages.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in pages.anchors(target)):
            broken.append(link)
    assert broken == []


def _reference() -> set[str]:
    return {name for page in pages.PAGES for name in pages.documented(page)}


def _find(full: str) -> object:
    """An object by its full name; None where there is none."""
    home, _, rest = full, "", ""
    while home:
        try:
            found: object = importlib.import_module(home)
        except ModuleNotFoundError:
            home, _, last = home.rpartition(".")
            rest = f"{last}.{rest}".rstrip(".")
            continue
        for part in filter(None, rest.split(".")):
            found = getattr(found, part, None)
        return found
    return None


@pytest.mark.parametrize("full", sorted(_reference()))
def test_what_the_reference_documents_is_there_and_described(full: str) -> None:
    try:
        found = _find(full)
    except MissingExtraError as missing:
        pytest.skip(missing.message)
    assert getattr(found, "__doc__", None)


def _is_documented(full: str) -> bool:
    """By itself, or in a module that is documented as a whole."""
    module = full.rpartition(".")[0]
    whole = module in _reference() and not any(
        name.startswith(f"{module}.") for name in _reference()
    )
    return full in _reference() or whole


def test_every_public_name_is_in_the_reference() -> None:
    missing = []
    for name in rx.__all__:
        home = getattr(getattr(rx, name), "__module__", "")
        if not (_is_documented(f"rekognition_xray.{name}") or _is_documented(f"{home}.{name}")):
            missing.append(name)
    assert missing == []


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rekognition_xray"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _snippets() -> list[str]:
    return [
        fence.body
        for page in pages.PAGES
        for fence in pages.program(page)
        if fence.language == "python"
    ]


def test_what_pages_import_is_in_the_reference() -> None:
    names = {name for source in _snippets() for name in _imported(source)}
    modules = {full.rpartition(".")[0] for full in _reference()}
    assert sorted(name for name in names - modules if not _is_documented(name)) == []


# -- the site ------------------------------------------------------------------------------------


def test_every_page_stands_in_the_navigation() -> None:
    listed = re.findall(r"[\w/-]+\.md", (pages.ROOT / "mkdocs.yml").read_text("utf-8"))
    assert sorted(listed) == sorted(pages.name(page) for page in pages.PAGES[1:])
