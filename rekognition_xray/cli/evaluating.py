"""``evaluate`` and ``monitor``: the figures of a trained version, and of its use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

import rekognition_xray as rx
from rekognition_xray.cli.errors import ALARM, EPILOG, IMAGES
from rekognition_xray.cli.options import FILE
from rekognition_xray.cli.places import VERSION, Place, in_a_place
from rekognition_xray.cli.terminal import Terminal, speaks

if TYPE_CHECKING:
    from collections.abc import Callable

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


@click.command(epilog=EPILOG)
@click.argument("journals", metavar="JOURNAL...", nargs=-1, required=True, type=FILE)
@click.option(
    "--reference",
    required=True,
    metavar="REFERENCE",
    help="An earlier journal, or the version whose test images to compare with.",
)
@click.option("--html", type=FILE, help="Write the page of the report to this file.")
@click.option(
    "--false-alarms",
    type=_SHARE,
    metavar="SHARE",
    default=0.01,
    help="Largest probability that journals without change ever raise an alarm.",
)
@click.option(
    "--recent", type=click.IntRange(8), metavar="N", default=500, help="Images for figures."
)
@click.option(
    "--patient",
    metavar="REGEX",
    help="Pattern in an image's path; its first group is the patient, who counts once.",
)
@click.option("--seed", type=int, metavar="N", default=0, help="Seed of draws among equal values.")
@speaks
@in_a_place
def monitor(
    terminal: Terminal,
    place: Place,
    *,
    journals: tuple[Path, ...],
    reference: str,
    html: Path | None,
    false_alarms: float,
    recent: int,
    patient: str | None,
    seed: int,
) -> None:
    """Test whether the images of a model in use have changed.

    Reads JOURNALs that diagnose wrote, in this order, and compares confidences, gate scores and
    referrals with those of the reference. Ends with exit code 4 if there is an alarm. Calls AWS
    only to read the test images of a VERSION. Not a medical device.
    """
    from rekognition_xray.clinic.monitoring import Monitor

    watch = Monitor(
        _reference(place, reference),
        false_alarms=false_alarms,
        recent=recent,
        patient=None if patient is None else _patient_by(patient),
        seed=seed,
    )
    report = [watch.update(journal) for journal in journals][-1]
    page = None if html is None else str(report.to_html(html))
    terminal.result({"report": report, "html": page}, f"{report}\nhtml: {page}" if page else report)
    if report.alarm:
        click.get_current_context().exit(ALARM)
    if not any(value.images for value in report.watched):  # no news, which is not good news
        click.get_current_context().exit(IMAGES)


def _reference(place: Place, named: str) -> rx.Evaluation | Path:
    """The journal of that name, or the evaluation of the version."""
    journal = Path(named)
    if journal.is_file() or journal.suffix == ".jsonl":
        return journal
    return rx.Evaluation.from_version(place.version(named), allow_leaks=True)


def _patient_by(pattern: str) -> Callable[[str], str]:
    """From a path to its patient; a path without the pattern is a patient of its own."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise click.BadParameter(f"{pattern!r}: {error}", param_hint="--patient") from error
    if not compiled.groups:
        raise click.BadParameter(f"{pattern!r} has no group.", param_hint="--patient")
    return lambda path: path if (found := compiled.search(path)) is None else found[1] or path


def _images_from_s3(aws: rx.Aws) -> Images:
    """Pictures for the page: each image by GetObject."""
    from rekognition_xray.cloud.s3 import read_object

    return lambda address: read_object(aws, rx.S3Location.parse(address))


def _write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return str(path)
