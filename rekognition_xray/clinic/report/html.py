"""Writes the page: one HTML file that needs no network."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rekognition_xray._files import atomic_write
from rekognition_xray.clinic.extras import needs_report
from rekognition_xray.clinic.notices import (
    FORBIDDEN_USE,
    INTENDED_USE,
    NOTICE,
    TYPE_NOTICE,
)
from rekognition_xray.clinic.report.charts import SIDE
from rekognition_xray.clinic.report.page import Page

if TYPE_CHECKING:
    import jinja2

_TEMPLATE: Final = "evaluation.html.j2"


def write_page(page: Page, path: Path) -> Path:
    """Writes the page under a temporary name and then renames it, so it is never incomplete.

    Args:
        page: what it shows.
        path: of the file.

    Raises:
        MissingExtraError: the extra ``report`` is not installed.
    """
    text = render_page(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as stream:
        stream.write(text.encode())
    return path


def render_page(page: Page) -> str:
    """The page as HTML. Everything that comes from files is escaped."""
    needs_report("The evaluation page")
    style, script = _asset("page.css"), _asset("page.js")
    return (
        _environment()
        .get_template(_TEMPLATE)
        .render(
            page=page,
            notices=(NOTICE, TYPE_NOTICE),
            intended=INTENDED_USE,
            forbidden=FORBIDDEN_USE,
            side=SIDE,
            style=style,
            script=script,
            policy_of_content=_content_policy(style, script),
        )
    )


def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - optional

    return jinja2.Environment(
        loader=jinja2.PackageLoader("rekognition_xray.clinic.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(name: str) -> str:
    """A style sheet or script exactly as it is put into the page, for its hash to match."""
    folder = resources.files("rekognition_xray.clinic.report") / "templates"
    return "\n" + (folder / name).read_text("utf-8").replace("\r\n", "\n")


def _content_policy(style: str, script: str) -> str:
    """A content security policy: the page may use its own style, script and pictures only."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
