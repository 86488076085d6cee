"""``audit``, ``prepare``, ``export`` and ``import``: images, and what is known of them."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import click

import rekognition_xray as rx
from rekognition_xray.cli.errors import EPILOG, IMAGES
from rekognition_xray.cli.options import (
    FILE,
    FOLDER,
    Names,
    gate_in,
    gate_option,
    image_options,
    names_options,
    repair_option,
)
from rekognition_xray.cli.places import Place, find_project, in_a_place
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
@image_options
@gate_option
@click.option("--strict", is_flag=True, help="Exit with 3 for warnings, too.")
@speaks
def audit(
    terminal: Terminal,
    *,
    folder: Path,
    names: Names,
    image_options: rx.ImageOptions,
    gate: Path | None,
    strict: bool,
) -> None:
    """List what is wrong with the images of FOLDER.

    Opens every image and changes nothing. Errors give the exit code 3, warnings only with
    --strict. --json lists all files of each finding. Makes no AWS call.
    """
    dataset = names.open(folder).with_options(image_options)
    found = dataset.audit(gate=gate_in(gate, repair=False), progress=terminal.progress)
    terminal.result(found, f"{dataset_summary(dataset)}\n{found}")
    if found.errors or (strict and found.warnings):
        click.get_current_context().exit(IMAGES)


@click.command(epilog=EPILOG)
@click.argument("folder", type=FOLDER)
@click.argument("output", type=FOLDER)
@names_options
@image_options
@gate_option
@repair_option
@click.option(
    "--leave-out-held",
    is_flag=True,
    help="Go on without images that only one of these options would take.",
)
@speaks
def prepare(
    terminal: Terminal,
    *,
    folder: Path,
    output: Path,
    names: Names,
    image_options: rx.ImageOptions,
    gate: Path | None,
    repair: bool,
    leave_out_held: bool,
) -> None:
    """Prepare images as AWS will see them.

    Writes the grey pixels of every image in FOLDER to OUTPUT, without metadata, in files named by
    their content. OUTPUT/ledger.jsonl records what was done to each. A second run prepares only
    new images. If images cannot be used or have no label, all are listed, the others are prepared,
    and the exit code is 3. Makes no AWS call.
    """
    dataset = names.open(folder).with_options(image_options)
    report_left_out(dataset)
    done = dataset.prepare(
        output,
        progress=terminal.progress,
        gate=gate_in(gate, repair=repair),
        held="leave-out" if leave_out_held else "error",
    )
    terminal.result(done, done)
    if dataset.rejected:
        click.get_current_context().exit(IMAGES)


@click.command(epilog=EPILOG)
@click.argument("folder", type=FOLDER)
@click.argument("output", type=FOLDER)
@names_options
@image_options
@click.option(
    "--refuse",
    type=float,
    metavar="SHARE",
    default=0.01,
    help="Share of acceptable images that it may refuse.",
)
@click.option("--seed", type=int, metavar="N", default=0, help="Seed of its folds.")
@speaks
def gate(
    terminal: Terminal,
    *,
    folder: Path,
    output: Path,
    names: Names,
    image_options: rx.ImageOptions,
    refuse: float,
    seed: int,
) -> None:
    """Fit a gate that refuses images unlike those of FOLDER, and write it to OUTPUT.

    Give it the training images, never the test images. audit, prepare and diagnose take it by
    --gate: what it refuses is referred to a person before a call is paid. Makes no AWS call.
    """
    dataset = names.open(folder).with_options(image_options)
    report_left_out(dataset)
    made = rx.ImageGate.fit(dataset, refuse=refuse, seed=seed, progress=terminal.progress)
    made.save(output)
    terminal.result(made.figures, made.figures)


@click.command(epilog=EPILOG)
@click.argument("project", metavar="PROJECT")
@click.argument("folder", type=FOLDER)
@click.option(
    "--also", type=FILE, multiple=True, help="Copy this file in, such as a policy. Repeatable."
)
@speaks
@in_a_place
def export(
    terminal: Terminal, place: Place, *, project: str, folder: Path, also: tuple[Path, ...]
) -> None:
    """Write what can be taken along of PROJECT to a new FOLDER.

    Addresses, labels and split of the images, result files, description and tags of every
    version, and the files that you name. The images stay in S3; a model cannot leave AWS. Free
    but for S3 requests.
    """
    done = find_project(place.aws(), project).export(folder, also=also)
    terminal.result({"folder": folder, "export": str(done)}, f"{folder}: {done}")


@click.command(name="import", epilog=EPILOG)
@click.argument("folder", type=FOLDER)
@click.option(
    "--custom-vision", is_flag=True, help="FOLDER is of Azure Custom Vision, not of export."
)
@click.option(
    "--patient", metavar="KEY", help="Metadata of Custom Vision that identifies the patient."
)
@click.option("--table", type=FILE, help="Write the labels to this CSV file, for --names.")
@speaks
def import_(
    terminal: Terminal,
    *,
    folder: Path,
    custom_vision: bool,
    patient: str | None,
    table: Path | None,
) -> None:
    """Read what export wrote, or what was saved of Azure Custom Vision.

    Of Custom Vision: the replies of GetTaggedImages as *.json, and each image under its id. The
    images are audited on arrival: copies and leaks are listed, and errors give the exit code 3.
    Makes no AWS call.
    """
    if not custom_vision:
        from rekognition_xray.cloud.projects import ProjectExport

        done = ProjectExport.read(folder)
        parts = {kind: dataset_summary(done.dataset(kind)) for kind in done.parts}
        lines = [str(done), *(f"{kind}: {text}" for kind, text in parts.items())]
        terminal.result({"export": str(done), "parts": parts}, "\n".join(lines))
        return
    dataset = rx.XrayDataset.from_custom_vision(folder, patient=patient)
    report_left_out(dataset)
    if table is not None:
        _write_table(dataset, table)
    found = dataset.audit(progress=terminal.progress)
    terminal.result(found, f"{dataset_summary(dataset)}\n{found}")
    if found.errors or dataset.rejected:
        click.get_current_context().exit(IMAGES)


def _write_table(dataset: rx.XrayDataset, path: Path) -> None:
    """File, label and patient of each image, as ``--names FILE`` reads them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "label", "patient"])
        rows.writerows([image.name, image.label, image.patient or ""] for image in dataset)
