"""``node``, ``doctor``, ``serve`` and ``verify-aws``: what runs long, and what stands for AWS."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import click

import rekognition_xray as rx
from rekognition_xray.cli.errors import EPILOG, FAILED, DeclinedError
from rekognition_xray.cli.options import (
    FILE,
    FOLDER,
    gate_in,
    gate_option,
    image_options,
    key_in,
    key_option,
    max_cost_option,
    prices_option,
    yes_option,
)
from rekognition_xray.cli.places import VERSION, Place, in_a_place, prices_for
from rekognition_xray.cli.terminal import Terminal, speaks, wait_for_ctrl_c


@click.command(epilog=EPILOG)
@click.option("--bucket", metavar="NAME", help="The bucket that images are to go to.")
@prices_option
@speaks
@in_a_place
def doctor(terminal: Terminal, place: Place, *, bucket: str | None, prices: Path | None) -> None:
    """Look whether everything is there that a training needs.

    Versions, credentials, Region, bucket, permissions, quotas, running models with their price an
    hour, and AWS's notices: each good, bad or unknown, with what to do. If one is bad, the exit
    code is 1. Changes nothing. Free.
    """
    from rekognition_xray.cloud.doctor import examine

    aws = place.aws()
    checks = examine(aws, bucket=bucket, prices=prices_for(aws, prices))
    terminal.result({"checks": list(checks)}, "\n".join(map(str, checks)))
    if any(check.state == "bad" for check in checks):
        click.get_current_context().exit(FAILED)


@click.command(epilog=EPILOG)
@click.option("--port", type=int, metavar="N", default=5005, help="Port; 0 for a free one.")
@click.option(
    "--host", default="127.0.0.1", metavar="ADDRESS", help="Any other opens it to other machines."
)
@click.option("--region", default="us-east-1", metavar="NAME", help="Region of the buckets.")
@click.option("--bucket", metavar="NAME", multiple=True, help="Make this bucket; repeatable.")
@click.option(
    "--pace",
    type=click.Choice(["instant", "realistic"]),
    default="instant",
    help="Speed of its jobs.",
)
@click.option(
    "--learner",
    type=click.Choice(["fast", "pretrained"]),
    default="fast",
    help="Learner; pretrained needs PyTorch.",
)
@click.option(
    "--training-budget", type=float, metavar="SECONDS", help="Time for a training of pretrained."
)
@click.option("--prices", type=FILE, help="JSON of dollars by name.")
@click.option("--seed", type=int, metavar="N", default=0, help="For splits and learning.")
@click.option("--data", type=FOLDER, help="Keep state and models in it.")
@click.option(
    "--assume",
    metavar="NAME=VALUE",
    multiple=True,
    help="Answer so where AWS documents nothing, such as"
    " duplicate_project=ResourceAlreadyExistsException. Repeatable.",
)
@click.option("--throttle", is_flag=True, help="Apply AWS's rate limits.")
@click.option("--check", is_flag=True, help="Check replies against AWS's model.")
@speaks
def serve(terminal: Terminal, **options: object) -> None:
    """Run the local cloud until Ctrl-C.

    It answers as Rekognition Custom Labels and S3 on this machine. Prints the variables to
    export; then boto3, the AWS CLI and this command reach it. Nothing is sent to AWS and nothing
    is charged; at the end, and on SIGUSR1, it prints what AWS would have charged. --json prints
    the same as JSON Lines. Needs the extra local.
    """
    from rekognition_xray.local.__main__ import parse, run

    words = ["serve", *(["--json"] if terminal.as_json else [])]
    for parameter, value in options.items():
        name = parameter.replace("_", "-")
        if value is True:
            words.append(f"--{name}")
        elif isinstance(value, tuple):
            words += [f"--{name}={one}" for one in value]
        elif value is not None and value is not False:
            words.append(f"--{name}={value}")
    try:
        run(parse(words))
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


@click.command(epilog=EPILOG)
@click.argument("version", metavar=VERSION)
@click.option("--folder", type=FOLDER, required=True, help="Where images and answers wait.")
@click.option(
    "--caller",
    "callers",
    metavar="TITLE",
    multiple=True,
    required=True,
    help="AE title that may send; repeatable.",
)
@click.option("--ae-title", metavar="TITLE", default="RXRAY", help="The node's own AE title.")
@click.option("--port", type=int, metavar="N", default=11112, help="Port; 0 for a free one.")
@click.option(
    "--host", default="127.0.0.1", metavar="ADDRESS", help="Any other opens it to other machines."
)
@click.option(
    "--peer", metavar="TITLE@HOST:PORT", help="Where answers go; else they stay in the folder."
)
@click.option(
    "--identified", is_flag=True, help="Answers bear the patient's name; else a pseudonym."
)
@click.option("--policy", type=FILE, help="Policy that evaluate --policy wrote.")
@gate_option
@image_options
@key_option
@speaks
@in_a_place
def node(
    terminal: Terminal,
    place: Place,
    *,
    version: str,
    folder: Path,
    callers: tuple[str, ...],
    ae_title: str,
    port: int,
    host: str,
    peer: str | None,
    identified: bool,
    policy: Path | None,
    gate: Path | None,
    image_options: rx.ImageOptions,
    key_file: Path | None,
) -> None:
    """Receive DICOM images, diagnose them and send answers, until Ctrl-C.

    Each image that a known caller sends gives a structured report and a picture, for the peer or in
    the folder. Images and answers wait on the disk, also after a kill. The model must run: it is
    not started or stopped here. DICOM connections are not encrypted. Needs the extra node. Not a
    medical device: a person must read every image.
    """
    from rekognition_xray.clinic.node import Peer, run_node
    from rekognition_xray.clinic.notices import NOTICE
    from rekognition_xray.data.pseudonyms import PseudonymKey

    handle = place.version(version)
    rule = None if policy is None else rx.Policy.from_json(policy.read_bytes())
    key = None if identified else PseudonymKey.find(key_in(key_file), store=str(folder.absolute()))
    running = run_node(
        rx.Diagnoser(handle, rule, options=image_options, gate=gate_in(gate, repair=False)),
        folder,
        callers=callers,
        port=port,
        host=host,
        ae_title=ae_title,
        peer=None if peer is None else Peer.parse(peer),
        key=key,
        identified=identified,
    )
    terminal.say(NOTICE)
    with running as started, suppress(KeyboardInterrupt):
        terminal.line(
            {"ae_title": ae_title, "host": host, "port": started.port, "folder": folder},
            f"{ae_title} listens on {host}:{started.port}; images wait in {folder}. Ctrl-C ends.",
        )
        wait_for_ctrl_c()


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
    if transcript is not None and not transcript.absolute().parent.is_dir():
        raise click.BadParameter(f"{transcript.parent} is no folder.", param_hint="--transcript")

    def keep(seen: contract.Verification) -> None:
        if transcript is not None:
            contract.Transcript.of(seen, bucket=bucket).save(transcript)

    def keep_and_show(seen: contract.Verification) -> None:
        keep(seen)
        terminal.say(f"The run ended early. Until then: {seen}")

    run = contract.verify(
        aws, bucket, max_cost=max_cost, prices=book, say=terminal.say, on_error=keep_and_show
    )
    terminal.result(run, run)
    keep(run)
