"""``verify-aws``: puts the local cloud's assumptions to an endpoint, for a few dollars."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click

from rekognition_xray.cli.errors import EPILOG, DeclinedError
from rekognition_xray.cli.options import FILE, max_cost_option, prices_option, yes_option
from rekognition_xray.cli.places import Place, in_a_place, prices_for
from rekognition_xray.cli.terminal import Terminal, speaks


@click.command(name="verify-aws", epilog=EPILOG)
@click.option("--bucket", metavar="NAME", required=True, help="A bucket of yours in the Region.")
@max_cost_option("Start nothing that is expected to cost more, and stop the model before it does.")
@click.option("--transcript", type=FILE, help="Write every call to this file, without names.")
@click.option("--remove-only", is_flag=True, help="Only remove what a killed run has left.")
@yes_option
@prices_option
@speaks
@in_a_place
def verify_aws(
    terminal: Terminal,
    place: Place,
    *,
    bucket: str,
    max_cost: Decimal | None,
    transcript: Path | None,
    remove_only: bool,
    yes: bool,
    prices: Path | None,
) -> None:
    """Compare AWS with what the local cloud assumes.

    Makes projects named rxray-verify-... from drawn phantoms, calls all operations, trains once,
    starts and stops the model once, and deletes everything it made, also after an error. Shows the
    price first, and does nothing without --yes. If it was killed, run it again: it removes the rest
    first. Needs the extra local. BILLED: about an hour of training, half an hour of the model.
    """
    from rekognition_xray import contract

    aws = place.aws()
    if remove_only:
        removed = contract.remove_remains(aws, bucket)
        terminal.result({"removed": removed}, f"{removed} projects were removed.")
        return
    book = prices_for(aws, prices, max_cost or Decimal(0))
    terminal.say(contract.price(aws, book))
    if max_cost is None:
        raise click.UsageError("Give --max-cost, the most that the run may cost.")
    if not yes:
        raise DeclinedError("Nothing was started: give --yes to agree to the price.")
    run = contract.verify(aws, bucket, max_cost=max_cost, prices=book, say=terminal.say)
    if transcript is not None:
        contract.Transcript.of(run, bucket=bucket).save(transcript)
    terminal.result(run, run)
