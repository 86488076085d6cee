"""``diagnose`` and ``review``: a model's answers to images, and people's answers to those."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from decimal import Decimal
from pathlib import Path

import click

import rekognition_xray as rx
from rekognition_xray._text import quantity
from rekognition_xray.cli.errors import EPILOG, IMAGES, for_a_shell
from rekognition_xray.cli.images import report_left_out
from rekognition_xray.cli.options import (
    FILE,
    gate_in,
    gate_option,
    image_options,
    max_cost_option,
    prices_option,
    repair_option,
    units_option,
    yes_option,
)
from rekognition_xray.cli.places import VERSION, Place, in_a_place, prices_for
from rekognition_xray.cli.terminal import Terminal, speaks, wait_for_ctrl_c
from rekognition_xray.errors import NotReadyError


@click.command(epilog=EPILOG)
@click.argument("version", metavar=VERSION)
@click.argument("images", nargs=-1, required=True)
@click.option("--policy", type=FILE, help="Policy that evaluate --policy wrote.")
@click.option("--journal", type=FILE, help="JSON Lines file from which a second run resumes.")
@click.option("--retry-failed", is_flag=True, help="Try failures in the journal again.")
@click.option("--as-they-come", is_flag=True, help="Print answers as they arrive.")
@image_options
@gate_option
@repair_option
@click.option("--start", is_flag=True, help="Run the model for these images, then stop it.")
@units_option("Inference units to start on.")
@max_cost_option("End when the cost may reach this; replaces --yes.")
@click.option("--max-hours", type=float, metavar="HOURS", help="End after this many hours.")
@click.option(
    "--idle-stop",
    type=float,
    metavar="SECONDS",
    help="End after this many seconds without a call.",
)
@yes_option
@prices_option
@speaks
@in_a_place
def diagnose(
    terminal: Terminal,
    place: Place,
    *,
    version: str,
    images: tuple[str, ...],
    policy: Path | None,
    journal: Path | None,
    retry_failed: bool,
    as_they_come: bool,
    image_options: rx.ImageOptions,
    gate: Path | None,
    repair: bool,
    start: bool,
    units: int,
    max_cost: Decimal | None,
    max_hours: float | None,
    idle_stop: float | None,
    yes: bool,
    prices: Path | None,
) -> None:
    """Diagnose images with a version.

    IMAGES are files, folders, and s3:// addresses. VERSION is PROJECT/VERSION, an ARN, or PROJECT
    for its version in use. It must be running, or --start runs it: the command shows the price and
    asks unless --yes or --max-cost is given, and always stops the model at the end, also after
    Ctrl-C. If an image gets no answer, the exit code is 3.

    --json prints a line for each image, and a last one with a summary. Not a medical device: a
    person must read every image.
    """
    from rekognition_xray.clinic.notices import NOTICE

    agreed = yes or max_cost is not None
    if start:
        terminal.must_not_ask(agreed=agreed, by="--yes or --max-cost")
    elif max_cost is not None or max_hours is not None or idle_stop is not None:
        raise click.UsageError("--max-cost, --max-hours and --idle-stop need --start.")
    found = list(_images(images))
    handle = place.version(version)
    book = prices_for(handle.aws, prices, max_cost)
    rule = None if policy is None else rx.Policy.from_json(policy.read_bytes())
    guard = gate_in(gate, repair=repair)
    rx.Diagnoser(handle, rule)  # a policy of another version is refused before anything bills
    terminal.say(NOTICE)
    block: AbstractContextManager[rx.ModelVersion] = nullcontext(handle)
    if start:
        terminal.say(f"{handle.arn}\n{_price(book, units, max_cost)}")
        terminal.ask(f"Run it for {len(found):,} images?", agreed=agreed)
        block = handle.running(
            units,
            max_cost=max_cost,
            max_hours=None if max_hours is None else f"{max_hours:.12g}",
            idle_stop=idle_stop,
            progress=terminal.progress,
            prices=book,
        )
    else:
        _require_running(handle, book)
    with block as model, _report_stop(terminal, started=start):
        asker = rx.Diagnoser(model, rule, options=image_options, gate=guard)
        with asker.diagnose_many(
            found,
            journal=journal,
            ordered=not as_they_come,
            progress=terminal.progress,
            retry_failed=retry_failed,
        ) as run:
            for answer in run:
                terminal.line(answer, _answer_text(answer))
    summary = run.summary(units=units if start else None, prices=book)
    if terminal.as_json:
        terminal.line({"summary": summary, "notice": NOTICE}, "")
    terminal.say(summary)
    if summary.failed:
        click.get_current_context().exit(IMAGES)


@click.command(epilog=EPILOG)
@click.argument("journal", type=FILE)
@click.option(
    "--readings", type=FILE, default="readings.jsonl", help="JSON Lines file to append to."
)
@click.option("--port", type=int, metavar="N", default=5006, help="Port; 0 for a free one.")
@click.option("--html", type=FILE, help="Write the page to this file instead of serving it.")
@click.option(
    "--random", type=click.IntRange(0), metavar="N", default=20, help="Images of the rest."
)
@click.option("--seed", type=int, metavar="N", default=0, help="For what is random.")
@click.option("--show-findings", is_flag=True, help="Show the model's finding before the answer.")
@speaks
def review(
    terminal: Terminal,
    *,
    journal: Path,
    readings: Path,
    port: int,
    html: Path | None,
    random: int,
    seed: int,
    show_findings: bool,
) -> None:
    """Let a person read the images of a journal that diagnose wrote.

    Serves a page on this machine alone until Ctrl-C: images without a diagnosis, referred and
    suspect ones, and random ones of the rest, read by keyboard. Each reading is appended to the
    file at once. By default the model's finding is shown after the answer. Calls nothing of AWS.
    """
    from rekognition_xray.clinic.review import review_page, serve_review

    blind = not show_findings
    if html is not None:
        written = review_page(journal, html, random=random, seed=seed, blind=blind)
        terminal.result({"html": written}, f"html: {written}")
        return
    served = serve_review(journal, readings, port=port, random=random, seed=seed, blind=blind)
    with served as page, suppress(KeyboardInterrupt):
        images = len(page.images)
        terminal.line(
            {"url": page.url, "images": images, "readings": readings},
            f"{page.url}\n{images} images to read; readings go to {readings}. Ctrl-C ends.",
        )
        wait_for_ctrl_c()


@contextmanager
def _report_stop(terminal: Terminal, *, started: bool) -> Iterator[None]:
    """Reports at the end, also after Ctrl-C, that the stop takes minutes."""
    try:
        yield
    finally:
        if started:
            terminal.say("Stopping the model; that takes minutes on AWS.")


def _price(book: rx.PriceBook, units: int, max_cost: Decimal | None) -> str:
    per_hour = book.per_hour(units)
    price = f"{per_hour} {book.currency} per hour on {quantity(units, 'unit')}"
    if max_cost is None:
        return f"{price}, used or not; stopped after the images"
    hours = book.hours_within(max_cost, units=units)
    return f"{price}, used or not; stopped after the images, at the latest after {hours:.2f} h"


def _require_running(version: rx.ModelVersion, book: rx.PriceBook) -> None:
    status = version.describe().status
    if status != "RUNNING":
        raise NotReadyError(
            f"{version.arn} does not run; it is {status}.",
            arn=version.arn,
            hint=f"Add --start: it runs for these images at {book.per_hour()} {book.currency} per "
            "hour and is stopped after them.",
        )


def _images(named: tuple[str, ...]) -> Iterator[str]:
    """Files and addresses as they are; of folders, every image in them."""
    for name in named:
        if name.startswith("s3://") or not Path(name).is_dir():
            yield name
            continue
        folder = rx.XrayDataset.from_folder(name, names=lambda _: "image")
        report_left_out(folder)
        yield from (str(image.path) for image in folder)


def _answer_text(answer: rx.Diagnosis | rx.FailedDiagnosis) -> str:
    if isinstance(answer, rx.FailedDiagnosis):
        return for_a_shell(f"{answer.source}: no diagnosis ({answer.error}): {answer.reason}")
    confidences = ", ".join(f"{label} {share:.3f}" for label, share in answer.confidences.items())
    why = f"; {answer.reason}" if answer.policy else ""
    return f"{answer.source}: {answer.finding} ({confidences}{why})"
