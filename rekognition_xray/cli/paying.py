"""``running`` and ``stop``: list models that bill, and stop them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

import rekognition_xray as rx
from rekognition_xray._text import quantity
from rekognition_xray.cli.errors import EPILOG, FAILED, print_error
from rekognition_xray.cli.options import prices_option, yes_option
from rekognition_xray.cli.places import Place, in_regions
from rekognition_xray.cli.terminal import Terminal, speaks
from rekognition_xray.errors import XrayError

if TYPE_CHECKING:
    from rekognition_xray.cloud.meter import RunningVersion


@attrs.frozen
class _Region:
    """One Region and its running models."""

    aws: rx.Aws
    book: rx.PriceBook
    seen: tuple[RunningVersion, ...]


@attrs.frozen
class _Outcome:
    """The result for one model."""

    arn: str
    stopped: bool
    reason: str
    error: XrayError | None = None

    def __str__(self) -> str:
        what = "stopped" if self.stopped else "NOT STOPPED" if self.error else "left as it is"
        return f"{what}: {self.arn} ({self.reason})"


@click.command(epilog=EPILOG)
@prices_option
@speaks
@in_regions
def running(
    terminal: Terminal, place: Place, regions: tuple[str, ...], *, prices: Path | None
) -> None:
    """List running models: price, owners.

    Lists models that start, run or stop, with price per hour and who uses them: in the Region of
    your configuration, in each --region, or in --all-regions. If a Region refuses, the others are
    listed all the same and the exit code is 1. Free.
    """
    found, refused = _look(terminal, place, regions, prices)
    seen = [one for region in found for one in region.seen]
    total = sum((one.per_hour for one in seen), Decimal(0))
    currency = seen[0].currency if seen else "USD"
    record = {
        "running": seen,
        "per_hour": total,
        "currency": currency,
        "refused": refused,
    }
    lines = [f"{one.arn}\n  {one}" for one in seen]
    lines.append(f"{len(seen)} running: {total} {currency} per hour" if seen else "Nothing runs.")
    terminal.result(record, "\n".join(lines))
    if refused:
        click.get_current_context().exit(FAILED)


@click.command(epilog=EPILOG)
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
@click.option("--expired", is_flag=True, help="Stop models that dead processes left running.")
@click.option("--unleased", is_flag=True, help="With --expired: also models without a lease.")
@yes_option
@prices_option
@speaks
@in_regions
def stop(
    terminal: Terminal,
    place: Place,
    regions: tuple[str, ...],
    *,
    versions: tuple[str, ...],
    expired: bool,
    unleased: bool,
    yes: bool,
    prices: Path | None,
) -> None:
    """Stop models, and wait until they have stopped.

    Stops the models that you name by ARN or PROJECT/VERSION, or with --expired those that dead
    processes left running. A named model is stopped even if others use it; the command shows
    who does, and asks unless --yes. A model with a live lease never counts as expired. A model
    that does not run is not an error. If a stop fails, the exit code is 1, and that model may
    continue to bill. Free.
    """
    if bool(versions) == expired or (unleased and not expired):
        raise click.UsageError("Name versions, or give --expired (and perhaps --unleased).")
    if versions and len(regions) > 1:
        raise click.UsageError("Named versions are stopped in one Region; an ARN names its own.")
    terminal.must_not_ask(agreed=yes, by="--yes")
    if expired:
        _stop_expired(terminal, place, regions, prices, unleased=unleased, yes=yes)
    else:
        _stop_named(terminal, place, versions, prices, yes=yes)


def _stop_named(
    terminal: Terminal, place: Place, versions: Sequence[str], prices: Path | None, *, yes: bool
) -> None:
    from rekognition_xray.cloud import meter

    named = {one.arn: one for one in map(place.version, versions)}
    regions = {one.aws.region: one.aws for one in named.values()}
    seen = {
        one.arn: one
        for aws in regions.values()
        for one in meter.running(aws, prices=_book(aws, prices))
        if one.arn in named
    }
    for arn, one in seen.items():
        terminal.say(f"{arn}\n  {one}")
    if seen:
        terminal.ask(f"Stop {quantity(len(seen), 'model')}?", agreed=yes)
    outcomes = [
        _Outcome(arn, stopped=False, reason="it does not run") for arn in named if arn not in seen
    ]
    for arn, one in seen.items():
        try:
            meter.stop(named[arn], per_hour=one.per_hour)
            outcomes.append(_Outcome(arn, stopped=True, reason="it was named"))
        except XrayError as error:
            outcomes.append(_Outcome(arn, stopped=False, reason="it was named", error=error))
    _report(terminal, outcomes)


def _stop_expired(
    terminal: Terminal,
    place: Place,
    regions: tuple[str, ...],
    prices: Path | None,
    *,
    unleased: bool,
    yes: bool,
) -> None:
    from rekognition_xray.cloud import meter

    found, refused = _look(terminal, place, regions, prices)
    seen = [one for region in found for one in region.seen]
    for one in seen:
        terminal.say(f"{one.arn}\n  {one}")
    outcomes: list[_Outcome] = []
    if seen:
        which = "nobody claims or all have left" if unleased else "all have left"
        terminal.ask(f"Stop those of {quantity(len(seen), 'model')} that {which}?", agreed=yes)
        outcomes = [
            _Outcome(one.seen.arn, one.stopped, one.reason, one.error)
            for region in found
            if region.seen
            for one in meter.stop_expired(region.aws, unleased=unleased, prices=region.book)
        ]
    _report(terminal, outcomes, refused)


def _report(
    terminal: Terminal, outcomes: Sequence[_Outcome], refused: Sequence[object] = ()
) -> None:
    failed = [one.error for one in outcomes if one.error]
    models = [
        {
            "arn": one.arn,
            "stopped": one.stopped,
            "reason": one.reason,
            "error": one.error.message if one.error else None,
        }
        for one in outcomes
    ]
    text = "\n".join(map(str, outcomes)) or "Nothing runs."
    terminal.result({"models": models, "refused": refused}, text)
    for error in failed:
        print_error(error, as_json=terminal.as_json)
    if failed or refused:
        click.get_current_context().exit(FAILED)


def _book(aws: rx.Aws, prices: Path | None) -> rx.PriceBook:
    """The prices of the file, else those of us-east-1; other Regions' lines say so."""
    if prices is None:
        return rx.PriceBook()
    return rx.PriceBook.from_file(prices, region=aws.region)


def _look(
    terminal: Terminal, place: Place, regions: tuple[str, ...], prices: Path | None
) -> tuple[list[_Region], list[dict[str, object]]]:
    """The running models of each Region, and the Regions that refused."""
    from rekognition_xray.cloud import meter

    found: list[_Region] = []
    refused: list[dict[str, object]] = []
    for region in regions or (None,):
        aws = place.aws(region)
        try:
            book = _book(aws, prices)
            found.append(_Region(aws, book, meter.running(aws, prices=book)))
        except XrayError as error:
            if len(regions) < 2:
                raise
            refused.append({"region": region, "message": error.message, "hint": error.hint})
            terminal.say(f"{region}: {error}")
    return found, refused
