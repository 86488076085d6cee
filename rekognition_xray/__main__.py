"""``python -m rekognition_xray``, and what the command ``rekognition-xray`` calls."""

from __future__ import annotations

import sys

from rekognition_xray.errors import MissingExtraError


def main() -> None:
    """Runs the command; ends the process with its exit code. Needs the extra ``cli``."""
    try:
        from rekognition_xray.cli import commands  # noqa: PLC0415 (click is an extra)
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(f"{MissingExtraError('cli', needed_for='The command rekognition-xray')}\n")
        sys.exit(1)
    commands.main(prog_name="rekognition-xray")


if __name__ == "__main__":
    main()
