"""``python -m rekognition_xray.local serve``: the local cloud as a process of its own."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from rekognition_xray.local import LocalCloud
from rekognition_xray.local.assumptions import Assumptions, Limits
from rekognition_xray.local.learning import LEARNERS

_BILL_SIGNAL = getattr(signal, "SIGUSR1", None)  # Windows has none

_KEPT = """\
# projects, datasets and models are as they were; S3 objects ended with the last process,
# upload images again before you train on a dataset"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit status is 0, or 2 where it cannot start."""
    asked = parse(arguments)
    logging.basicConfig(level=logging.INFO if asked.verbose else logging.WARNING)
    try:
        run(asked)
    except (ImportError, OSError, ValueError) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the command's arguments for ``run``."""
    return _parser().parse_args(arguments)


def run(asked: argparse.Namespace) -> None:
    """Serves until SIGINT or SIGTERM.

    Raises:
        ImportError: packages that the learner needs are missing.
        OSError: the port is taken, or a file cannot be read or written.
        ValueError: a bucket's name or a price that is none.
    """
    kept = asked.data is not None and (asked.data / "state.sqlite").exists()
    cloud = LocalCloud(
        buckets=asked.bucket,
        region=asked.region,
        pace=asked.pace,
        learner=asked.learner,
        training_budget=asked.training_budget,
        prices=asked.prices,
        seed=asked.seed,
        data=asked.data,
        assumptions=Assumptions.of(dict(asked.assume)),
        limits=Limits.throttled() if asked.throttle else None,
        check=asked.check,
        host=asked.host,
        port=asked.port,
    )
    cloud.start()
    output = _Lines() if asked.json else _Words()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    asked_for_bill = threading.Event()
    if _BILL_SIGNAL is not None:
        signal.signal(_BILL_SIGNAL, lambda *_: asked_for_bill.set())
    try:
        output.ready(cloud, kept=kept)
        while not stop.wait(0.5):  # a wait without end would not see signals on every system
            if asked_for_bill.is_set():
                asked_for_bill.clear()
                output.bill(cloud, "so far")
    finally:
        cloud.close()
    output.bill(cloud, "in all")


class _Words:
    """For people and for a shell that takes the lines in."""

    def ready(self, cloud: LocalCloud, *, kept: bool) -> None:
        if kept:
            print(_KEPT)
        for name, value in cloud.environment().items():
            print(f"export {name}={shlex.quote(value)}")
        if _BILL_SIGNAL is not None:
            print(f"# the bill so far: kill -USR1 {os.getpid()}")
        print("# ready; stop with Ctrl-C", flush=True)

    def bill(self, cloud: LocalCloud, when: str) -> None:
        print(f"# AWS would have charged, {when}\n{cloud.bill}", flush=True)


class _Lines:
    """For programs: JSON Lines."""

    def ready(self, cloud: LocalCloud, *, kept: bool) -> None:
        record = {"pid": os.getpid(), "kept": kept, "environment": cloud.environment()}
        print(json.dumps({"ready": record}), flush=True)

    def bill(self, cloud: LocalCloud, when: str) -> None:
        bill = cloud.bill
        record = {
            "when": when,
            "training_seconds": bill.training_seconds,
            "unit_seconds": bill.unit_seconds,
            "training": str(bill.training),
            "inference": str(bill.inference),
            "total": str(bill.total),
            "currency": "USD",
            "running": list(bill.running),
        }
        print(json.dumps({"bill": record}), flush=True)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rekognition_xray.local")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="answer as Rekognition Custom Labels and S3 until stopped",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    serve.add_argument("--port", type=int, default=5005, help="0 takes a free one")
    serve.add_argument(
        "--host", default="127.0.0.1", help="any other address is open to other machines"
    )
    serve.add_argument("--region", default="us-east-1", help="Region of the buckets")
    serve.add_argument(
        "--bucket", action="append", default=[], metavar="NAME", help="make this bucket; repeatable"
    )
    serve.add_argument(
        "--pace", choices=("instant", "realistic"), default="instant", help="how fast jobs end"
    )
    serve.add_argument(
        "--learner", choices=LEARNERS, default="fast", help="what learns; pretrained needs PyTorch"
    )
    serve.add_argument(
        "--training-budget",
        type=float,
        metavar="SECONDS",
        help="time that a training of pretrained may take",
    )
    serve.add_argument("--prices", type=Path, metavar="FILE", help="JSON of dollars by name")
    serve.add_argument("--seed", type=int, default=0, help="for splits and learning")
    serve.add_argument("--data", type=Path, metavar="DIR", help="keep state and models there")
    serve.add_argument(
        "--assume",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="answer so where AWS documents nothing; repeatable",
    )
    serve.add_argument("--throttle", action="store_true", help="allow as few calls as AWS does")
    serve.add_argument("--check", action="store_true", help="check replies against AWS's model")
    serve.add_argument("--json", action="store_true", help="print JSON Lines instead of words")
    serve.add_argument("--verbose", action="store_true", help="log what happens")
    return parser


if __name__ == "__main__":
    sys.exit(main())
