"""The group of all commands: its help, and the handling of errors."""

from __future__ import annotations

import errno
import sys
import traceback
from typing import NoReturn

import click

from rekognition_xray import __version__
from rekognition_xray.cli import (
    diagnosing,
    estimating,
    evaluating,
    images,
    paying,
    serving,
    training,
)
from rekognition_xray.cli.errors import (
    EPILOG,
    FAILED,
    INTERRUPTED,
    USAGE,
    InterruptedRunError,
    MisusedError,
    code_of,
    failed_stop,
    print_error,
)


class Commands(click.Group):
    """A group whose commands end in an exit code and a message, never in a traceback."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Notes --json and --debug before anything else is parsed."""
        asked = args[: args.index("--")] if "--" in args else args
        ctx.meta["json"], ctx.meta["debug"] = "--json" in asked, "--debug" in asked
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """The commands in the order in which they are used."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if not ctx.meta["json"]:
                raise
            where = error.ctx.command_path if error.ctx else "rekognition-xray"
            usage = MisusedError(error.format_message(), hint=f"See {where} --help.")
            _end(ctx, usage, USAGE)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as error:
            billing = failed_stop(error)
            if billing is not None:
                _end(ctx, billing, FAILED)
            _end(ctx, InterruptedRunError("Interrupted."), INTERRUPTED)
        except Exception as error:  # the user's terminal is the last resort
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            _end(ctx, error, code_of(error))


def _end(ctx: click.Context, error: Exception, code: int) -> NoReturn:
    if ctx.meta["debug"]:
        traceback.print_exception(error, file=sys.stderr)
    print_error(error, as_json=ctx.meta["json"])
    ctx.exit(code)


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(__version__)
def commands() -> None:
    """Chest X-ray classifiers on Amazon Rekognition Custom Labels.

    From a folder of images to a trained and evaluated model, with a limit on its cost.
    Not a medical device.

    It finds AWS as the AWS CLI does: profiles, AWS_* variables, SSO, roles.
    Every command takes --json and -v.
    """


for _command in (
    images.audit,
    images.gate,
    images.prepare,
    estimating.estimate,
    training.train,
    evaluating.evaluate,
    diagnosing.diagnose,
    evaluating.monitor,
    diagnosing.review,
    serving.node,
    paying.running,
    paying.stop,
    images.export,
    images.import_,
    serving.doctor,
    serving.serve,
    serving.verify_aws,
):
    commands.add_command(_command)
