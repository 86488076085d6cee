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
    return _write(path, render_page(page))


def write_html(path: Path, template: str, **values: object) -> Path:
    """Writes a page of figures from one of the templates here; everything in it is escaped.

    Args:
        path: of the file; as for ``write_page``, it is never incomplete.
        template: file name of the template.
        values: what the template names, beside ``notices``.

    Raises:
        MissingExtraError: the extra ``report`` is not installed.
    """
    text = render_template(
        "rekognition_xray.clinic.report",
        template,
        what="The page",
        style="page.css",
        script="page.js",
        allow="img-src data:",
        notices=(NOTICE, TYPE_NOTICE),
        **values,
    )
    return _write(path, text)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as stream:
        stream.write(text.encode())
    return path


def render_page(page: Page) -> str:
    """The page as HTML. Everything that comes from files is escaped."""
    return render_template(
        "rekognition_xray.clinic.report",
        _TEMPLATE,
        what="The evaluation page",
        style="page.css",
        script="page.js",
        page=page,
        notices=(NOTICE, TYPE_NOTICE),
        intended=INTENDED_USE,
        forbidden=FORBIDDEN_USE,
        side=SIDE,
    )


def render_template(
    package: str,
    template: str,
    *,
    what: str,
    style: str,
    script: str,
    allow: str = "img-src data:",
    **values: object,
) -> str:
    """A page from the folder ``templates`` of a package; all values are escaped.

    Args:
        package: name of the package.
        template: file name of the template. It gets ``style`` and ``script``, the texts of the
            files, and ``policy_of_content``, which allows these and nothing else to run.
        what: what an error calls the page.
        style: file name of the style sheet.
        script: file name of the script.
        allow: what else the page may load, as directives of a content security policy.
        values: what the template shows.

    Raises:
        MissingExtraError: the extra ``report`` is not installed.
    """
    needs_report(what)
    style, script = _asset(package, style), _asset(package, script)
    return (
        _environment(package)
        .get_template(template)
        .render(
            style=style,
            script=script,
            policy_of_content=_content_policy(style, script, allow),
            **values,
        )
    )


def _environment(package: str) -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - optional

    return jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(package: str, name: str) -> str:
    """A style sheet or script exactly as it is put into the page, for its hash to match."""
    folder = resources.files(package) / "templates"
    return "\n" + (folder / name).read_text("utf-8").replace("\r\n", "\n")


def _content_policy(style: str, script: str, allow: str) -> str:
    """A content security policy: the page may use its own style and script, and what is allowed."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        f"{allow}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
