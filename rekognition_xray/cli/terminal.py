"""``Terminal``: output to stdout and stderr, questions, and progress bars."""

from __future__ import annotations

import functools
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import click

from rekognition_xray.cli.errors import DeclinedError
from rekognition_xray.records import plain


@attrs.frozen
class Terminal:
    """Output and questions of one run of a command.

    Attributes:
        as_json: results as JSON on stdout; no words, no bar, no question.
        debug: tracebacks are shown.
    """

    as_json: bool
    debug: bool

    @property
    def progress(self) -> bool:
        """Whether long work shows a bar: only on a terminal, and without JSON."""
        return not self.as_json and sys.stderr.isatty()

    def result(self, record: object, text: object) -> None:
        """The result, once: a JSON document, or text."""
        if self.as_json:
            click.echo(json.dumps(plain(record), indent=2, ensure_ascii=False, allow_nan=False))
        else:
            click.echo(str(text))

    def line(self, record: object, text: object) -> None:
        """One of many results: a line of JSON Lines, or text; it does not break a bar."""
        if self.as_json:
            click.echo(json.dumps(plain(record), ensure_ascii=False, allow_nan=False))
        elif self.progress and sys.stdout.isatty():
            from tqdm import tqdm  # (only where a bar is shown)

            tqdm.write(str(text), file=sys.stdout)
        else:
            click.echo(str(text))

    def say(self, text: object) -> None:
        """Messages for people, on stderr; none with JSON."""
        if not self.as_json:
            click.echo(str(text), err=True)

    def must_not_ask(self, *, agreed: bool, by: str) -> None:
        """Refuses early where a question could not be asked later."""
        if self.as_json and not agreed:
            raise click.UsageError(f"--json asks no questions: answer beforehand by {by}.")

    def ask(self, question: str, *, agreed: bool) -> None:
        """Continues if the user agreed before, or agrees now.

        Raises:
            DeclinedError: the user did not agree.
        """
        if agreed:
            return
        try:
            agreed = click.confirm(question, err=True)
        except click.Abort:  # Ctrl-C, or the end of what stdin holds
            if sys.stdin.isatty():
                raise KeyboardInterrupt from None
            click.echo(err=True)
        if not agreed:
            raise DeclinedError("Nothing was started.")


class _Handler(logging.Handler):
    """Log lines on stderr that do not break a bar; tracebacks only with --debug."""

    def __init__(self, terminal: Terminal, level: int) -> None:
        super().__init__(level)
        self.terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        level, text = record.levelname.lower(), record.getMessage()
        if self.terminal.debug and record.exc_info:
            text += f"\n{logging.Formatter().formatException(record.exc_info)}"
        if self.terminal.as_json:
            line = {"log": {"level": level, "message": text}}
            click.echo(json.dumps(line, ensure_ascii=False), err=True)
        elif self.terminal.progress:
            from tqdm import tqdm  # (only where a bar is shown)

            tqdm.write(f"{level}: {text}", file=sys.stderr)
        else:
            click.echo(f"{level}: {text}", err=True)


@contextmanager
def _listening(terminal: Terminal, verbose: int) -> Iterator[None]:
    """Shows what the library logs, and Python's warnings, while a command runs."""
    chosen = 2 if terminal.debug else min(verbose, 2)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[chosen]
    logger, handler = logging.getLogger("rekognition_xray"), _Handler(terminal, level)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        with warnings.catch_warnings():
            show = logger.getChild("cli").warning
            warnings.showwarning = lambda message, *_, **__: show("%s", message)
            yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def wait_for_ctrl_c() -> None:
    """Waits until Ctrl-C, which raises KeyboardInterrupt.

    The system may give the signal to another thread, and a wait without an end then never hears
    of it; so the main thread looks up twice a second.
    """
    while True:
        threading.Event().wait(0.5)


def speaks(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command ``--json``, ``-v`` and ``--debug``, and a Terminal as its first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON; errors, too, on stderr.")
    @click.option("-v", "--verbose", count=True, show_default=False, help="Log; -vv: more.")
    @click.option("--debug", is_flag=True, help="Log everything and show tracebacks.")
    @functools.wraps(function)
    def wrapped(*, as_json: bool, verbose: int, debug: bool, **arguments: object) -> None:
        terminal = Terminal(as_json, debug)
        with _listening(terminal, verbose):
            function(terminal, **arguments)

    return wrapped
