"""``evaluate``: the figures of a trained version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import rekognition_xray as rx
from rekognition_xray.cli.errors import EPILOG
from rekognition_xray.cli.options import FILE
from rekognition_xray.cli.places import VERSION, Place, in_a_place
from rekognition_xray.cli.terminal import Terminal, speaks

if TYPE_CHECKING:
    from rekognition_xray.clinic.report import Images

_AIMS = ("sensitivity", "specificity", "max_referrals")
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command(epilog=EPILOG)
@click.argument("version", metavar=VERSION)
@click.option("--html", type=FILE, help="Write the page of figures to this file.")
@click.option("--pictures", is_flag=True, help="Show the test images on it; fetched from S3.")
@click.option("--card", type=FILE, help="Write the model card: JSON if .json, else Markdown.")
@click.option("--policy", "policy_file", type=FILE, help="Write the policy for diagnose.")
@click.option(
    "--sensitivity", type=_SHARE, metavar="SHARE", help="Choose a policy that reaches it."
)
@click.option(
    "--specificity", type=_SHARE, metavar="SHARE", help="Choose a policy that reaches it."
)
@click.option(
    "--max-referrals",
    type=_SHARE,
    metavar="SHARE",
    help="Choose a policy that refers at most this share.",
)
@click.option(
    "--confidence",
    type=_SHARE,
    metavar="SHARE",
    help="Guarantee sensitivity, specificity or both on new patients, with this probability.",
)
@click.option(
    "--prevalence",
    type=_SHARE,
    metavar="SHARE",
    help="Add predictive values at this prevalence to the page.",
)
@click.option("--allow-leaks", is_flag=True, help="Go on if test patients were trained on.")
@click.option(
    "--resamples", type=click.IntRange(100), metavar="N", default=1000, help="Bootstrap samples."
)
@click.option(
    "--seed", type=int, metavar="N", default=0, help="Seed of the intervals and of a policy."
)
@speaks
@in_a_place
def evaluate(
    terminal: Terminal,
    place: Place,
    *,
    version: str,
    html: Path | None,
    pictures: bool,
    card: Path | None,
    policy_file: Path | None,
    confidence: float | None,
    prevalence: float | None,
    allow_leaks: bool,
    resamples: int,
    seed: int,
    **aims: float | None,
) -> None:
    """Show the figures of a version.

    They are of its test images, each with a 95 % interval. VERSION is PROJECT/VERSION, an ARN, or
    PROJECT for its version in use; it need not run. Reads its three result files from S3; free
    except for these requests. Not a medical device.
    """
    asked = {name: value for name, value in aims.items() if value is not None}
    if (len(asked) > 1 and confidence is None) or ((policy_file or confidence) and not asked):
        options = ", ".join("--" + name.replace("_", "-") for name in _AIMS)
        raise click.UsageError(
            f"A policy takes exactly one of {options}; "
            "with --confidence, it can take the first two."
        )
    handle = place.version(version)
    evaluation = rx.Evaluation.from_version(
        handle, allow_leaks=allow_leaks, resamples=resamples, seed=seed
    )
    policy = (
        evaluation.policy(**asked, confidence=confidence, seed=seed)  # type: ignore[arg-type]
        if asked
        else None
    )
    written: dict[str, str | None] = dict.fromkeys(("html", "card", "policy"))
    if html is not None:
        images = _images_from_s3(handle.aws) if pictures else None
        page = evaluation.to_html(html, images=images, policy=policy, prevalence=prevalence)
        written["html"] = str(page)
    if card is not None:
        made = rx.ModelCard.of(evaluation, version=handle.describe(), policy=policy)
        written["card"] = _write(
            card, made.to_json() if card.suffix == ".json" else made.to_markdown()
        )
    if policy_file is not None and policy is not None:
        written["policy"] = _write(policy_file, policy.to_json())
    record = {"evaluation": evaluation, "policy": policy, "files": written}
    parts = [str(evaluation), *([f"Policy\n{policy}"] if policy else [])]
    files = [f"{what}: {path}" for what, path in written.items() if path]
    parts += ["\n".join(files)] if files else []
    terminal.result(record, "\n\n".join(parts))


def _images_from_s3(aws: rx.Aws) -> Images:
    """Pictures for the page: each image by GetObject."""
    from rekognition_xray.cloud.s3 import read_object

    return lambda address: read_object(aws, rx.S3Location.parse(address))


def _write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return str(path)
