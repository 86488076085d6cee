"""The command ``rekognition-xray``: one subcommand to each verb of the library, and no more.

Everything that decides anything is in the library; here are words, prompts, bars and exit codes.
"""

from __future__ import annotations

from rekognition_xray.cli.app import commands

__all__ = ["commands"]
