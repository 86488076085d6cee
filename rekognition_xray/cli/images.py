"""``audit`` and ``prepare``: images on this machine; no AWS."""

from __future__ import annotations

import logging
from pathlib import Path

import click

import rekognition_xray as rx
from rekognition_xray.cli.errors import EPILOG, IMAGES
from rekognition_xray.cli.options import FOLDER, Names, burned_in_option, names_options
from rekognition_xray.cli.terminal import Terminal, speaks

log = logging.getLogger(__name__)


def dataset_summary(dataset: rx.XrayDataset) -> str:
    """A dataset in one line."""
    counts = ", ".join(f"{label} {count:,}" for label, count in dataset.counts.items())
    return f"{len(dataset):,} images of {dataset.patient_count:,} patients: {counts}"


def report_left_out(dataset: rx.XrayDataset) -> None:
    """Lists on stderr, also with --json, the files that look like images and were left out."""
    for rejected in dataset.rejected:
        log.warning("left out: %s: %s", rejected.path, rejected.reason)


@click.command(epilog=EPILOG)
@click.argument("folder", type=FOLDER)
@names_options
@click.option("--strict", is_flag=True, help="Exit with 3 for warnings, too.")
@speaks
def audit(
    terminal: Terminal,
    *,
    folder: Path,
    names: Names,
    strict: bool,
) -> None:
    """List what is wrong with the images of FOLDER.

    Opens every image and changes nothing. Errors give the exit code 3, warnings only with
    --strict. --json lists all files of each finding. Makes no AWS call.
    """
    dataset = names.open(folder)
    found = dataset.audit(progress=terminal.progress)
    terminal.result(found, f"{dataset_summary(dataset)}\n{found}")
    if found.errors or (strict and found.warnings):
        click.get_current_context().exit(IMAGES)


@click.command(epilog=EPILOG)
@click.argument("folder", type=FOLDER)
@click.argument("output", type=FOLDER)
@names_options
@burned_in_option
@click.option(
    "--leave-out-burned-in", is_flag=True, help="Go on without images that may show a name."
)
@speaks
def prepare(
    terminal: Terminal,
    *,
    folder: Path,
    output: Path,
    names: Names,
    allow_burned_in: bool,
    leave_out_burned_in: bool,
) -> None:
    """Prepare images as AWS will see them.

    Writes the grey pixels of every image in FOLDER to OUTPUT, without metadata, in files named by
    their content. OUTPUT/ledger.jsonl records what was done to each. A second run prepares only
    new images. If images cannot be used or have no label, all are listed, the others are prepared,
    and the exit code is 3. Makes no AWS call.
    """
    dataset = names.open(folder)
    report_left_out(dataset)
    done = dataset.prepare(
        output,
        progress=terminal.progress,
        allow_burned_in=allow_burned_in,
        held="leave-out" if leave_out_burned_in else "error",
    )
    terminal.result(done, done)
    if dataset.rejected:
        click.get_current_context().exit(IMAGES)
