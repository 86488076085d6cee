"""``estimate``: prices before anything starts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

import rekognition_xray as rx
from rekognition_xray.cli.errors import EPILOG
from rekognition_xray.cli.options import (
    FOLDER,
    Names,
    image_options,
    key_in,
    key_option,
    names_options,
    prices_option,
    units_option,
    work_option,
)
from rekognition_xray.cli.places import Place, find_project, hint_of_prices, in_a_place, prices_for
from rekognition_xray.cli.terminal import Terminal, speaks
from rekognition_xray.errors import PriceBookError
from rekognition_xray.plans import PUBLISHED_TPS, plan_batch, plan_month

_speed = click.option(
    "--per-second",
    type=click.FloatRange(min=0, min_open=True),
    metavar="IMAGES",
    default=float(PUBLISHED_TPS),
    help="Images a second and unit; by default those of AWS's example.",
)
_region = click.option(
    "--region", metavar="NAME", help="Region of the prices; only us-east-1's are known."
)


def _offline(prices: Path | None, region: str | None) -> rx.PriceBook:
    """The price book of a Region; refuses a Region without known prices."""
    known = region or "us-east-1"
    if prices is not None:
        return rx.PriceBook.from_file(prices, region=known)
    try:
        return rx.PriceBook.for_region(known)
    except PriceBookError as error:
        error.hint = hint_of_prices(known)
        raise


@click.group(epilog=EPILOG)
def estimate() -> None:
    """Estimate what something will cost; start nothing."""


@estimate.command(epilog=EPILOG)
@click.option("--hours", type=click.FloatRange(min=0), metavar="HOURS", help="Billable hours.")
@click.option(
    "--images",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images to train on; gives AWS's range.",
)
@click.option(
    "--project",
    metavar="NAME",
    help="Project to train; gives a range from its earlier trainings.",
)
@prices_option
@speaks
@in_a_place
def training(
    terminal: Terminal,
    place: Place,
    *,
    hours: float | None,
    images: int | None,
    project: str | None,
    prices: Path | None,
) -> None:
    """Price a training, by one of --hours, --images and --project.

    Only --project calls AWS, which is free. AWS bills only a training that succeeds.
    """
    from rekognition_xray.cloud.versions import training_range

    if sum(given is not None for given in (hours, images, project)) != 1:
        raise click.UsageError("Give one of --hours, --images and --project.")
    if project is not None:
        aws = place.aws()
        book = prices_for(aws, prices)
        result = find_project(aws, project).training_estimate(book)
        terminal.result(result, result)
    elif images is not None:
        ranged = training_range(images, (), _offline(prices, place.region))
        terminal.result(ranged, ranged)
    else:
        exact = _offline(prices, place.region).training(f"{hours:.12g}")
        terminal.result(exact, exact)


@estimate.command(epilog=EPILOG)
@click.option(
    "--hours",
    type=float,
    metavar="HOURS",
    required=True,
    help="Hours that the model runs, used or not.",
)
@units_option("Inference units.")
@_region
@prices_option
@speaks
def running(
    terminal: Terminal, *, hours: float, units: int, region: str | None, prices: Path | None
) -> None:
    """Price a running model."""
    result = _offline(prices, region).inference(f"{hours:.12g}", units=units)
    terminal.result(result, result)


@estimate.command(epilog=EPILOG)
@click.option(
    "--images",
    type=click.IntRange(min=1),
    metavar="N",
    required=True,
    help="Images to diagnose.",
)
@click.option("--within", type=float, required=True, metavar="HOURS", help="Deadline in hours.")
@_speed
@click.option(
    "--max-units", type=click.IntRange(1, 5), metavar="N", default=5, help="Most inference units."
)
@_region
@prices_option
@speaks
def batch(
    terminal: Terminal,
    *,
    images: int,
    within: float,
    per_second: float,
    max_units: int,
    region: str | None,
    prices: Path | None,
) -> None:
    """Find the cheapest way to diagnose images."""
    result = plan_batch(
        images,
        tps_per_unit=per_second,
        deadline=dt.timedelta(hours=within),
        max_units=max_units,
        prices=_offline(prices, region),
    )
    terminal.result(result, result)


@estimate.command(epilog=EPILOG)
@click.option(
    "--images-per-day", type=click.IntRange(min=1), metavar="N", required=True, help="Images a day."
)
@_speed
@units_option("Inference units.")
@click.option(
    "--days", type=click.IntRange(min=1), metavar="N", default=28, help="Days of the month."
)
@click.option(
    "--runs-per-day", type=click.IntRange(min=1), metavar="N", default=1, help="Starts a day."
)
@_region
@prices_option
@speaks
def month(
    terminal: Terminal,
    *,
    images_per_day: int,
    per_second: float,
    units: int,
    days: int,
    runs_per_day: int,
    region: str | None,
    prices: Path | None,
) -> None:
    """Compare three ways to run a model for a month.

    Always on; 4 hours a day, as in the 2020 article; and start, drain, stop.
    """
    result = plan_month(
        images_per_day,
        tps_per_unit=per_second,
        units=units,
        days=days,
        runs_per_day=runs_per_day,
        prices=_offline(prices, region),
    )
    terminal.result(result, result)


@estimate.command(epilog=EPILOG)
@click.argument("folder", type=FOLDER)
@click.option("--store", required=True, metavar="S3", help="Bucket and prefix for the images.")
@names_options
@image_options
@key_option
@work_option
@prices_option
@speaks
@in_a_place
def upload(
    terminal: Terminal,
    place: Place,
    *,
    folder: Path,
    store: str,
    names: Names,
    image_options: rx.ImageOptions,
    key_file: Path | None,
    work: Path | None,
    prices: Path | None,
) -> None:
    """Price the upload of FOLDER's images.

    Prepares them, checks what is in S3 already, and sends nothing. Calls HeadBucket and
    ListObjectsV2, and checks who may read the bucket: fractions of a cent.
    """
    from rekognition_xray.cloud import storage

    dataset = names.open(folder).with_options(image_options)
    aws = place.aws()
    result = storage.plan(
        dataset,
        store,
        aws=aws,
        key=key_in(key_file),
        work=work,
        prices=prices_for(aws, prices),
    )
    terminal.result(result, result)
