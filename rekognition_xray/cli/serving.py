"""``serve``: the local cloud as a process; see ``local.__main__``."""

from __future__ import annotations

import click

from rekognition_xray.cli.errors import EPILOG
from rekognition_xray.cli.options import FILE, FOLDER
from rekognition_xray.cli.terminal import Terminal, speaks


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
    type=click.Choice(["fast", "deep"]),
    default="fast",
    help="Learner; deep needs PyTorch.",
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
    for name, value in options.items():
        if value is True:
            words.append(f"--{name}")
        elif isinstance(value, tuple):
            words += [f"--{name}={one}" for one in value]
        elif value is not None and value is not False:
            words.append(f"--{name}={value}")
    run(parse(words))
