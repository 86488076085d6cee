"""LocalCloud: Custom Labels and S3 on this machine, started and stopped as a context manager."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import boto3

from rekognition_xray.local.assumptions import DURATIONS, Assumptions, Limits
from rekognition_xray.local.bill import Bill, Prices
from rekognition_xray.local.clock import Clock, Pace
from rekognition_xray.local.faults import Faults
from rekognition_xray.local.http import HOLDING_PLACES, Application, Front, Server, Term
from rekognition_xray.local.learning import Learner, choose_learner
from rekognition_xray.local.objects import Objects
from rekognition_xray.local.rules import recover
from rekognition_xray.local.session import SECRET, local_session
from rekognition_xray.local.state import DescribeHold, Jobs, Models, Pager, Store, World

logger = logging.getLogger(__name__)

ACCOUNT = "123456789012"


class LocalCloud:
    """Amazon Rekognition Custom Labels and S3 on this machine, with models that really learn.

    Any AWS client reaches it: point it at `endpoint_url` with any credentials. An access key id of
    12 digits is the account. Nothing is sent to AWS and nothing is charged; `bill` says what AWS
    would have charged.

    Args:
        buckets: S3 buckets to make at the start, in `region`.
        region: the Region of `session` and `environment`; requests may name any other.
        pace: ``instant`` does everything at once, and a Describe of a busy resource waits
            until the work ends; ``realistic`` takes as long as AWS; ``manual`` does not move
            until `advance`.
        hold: seconds that a Describe is held at most; keep it below your client's read time-out.
        learner: what learns: ``fast``, ``pretrained`` (a network that ImageNet trained, extra
            ``pretrained``), or your own `Learner`; by default ``fast``.
        prices: dollars by name (``training-hour``, ``inference-unit-hour``), or a JSON file.
        seed: for splits and learning; the same seed and images give the same model.
        data: a folder for state and models that outlive the process; S3 objects do not.
        training_budget: seconds that a training of the learner ``pretrained`` may take; by default
            as many as it needs. A training that cannot be done in that time fails and says so.
        assumptions: answers to what AWS leaves undocumented.
        limits: quotas.
        durations: seconds of each step at pace ``realistic`` and ``manual``.
        time_scale: factor on `durations`.
        check: check every reply against botocore's model, and answer 500 to one that breaks it.
        host: address to listen on; any other than loopback is open to other machines.
        port: port to listen on; 0 takes a free one.
    """

    def __init__(  # noqa: PLR0917 (the order is part of the interface)
        self,
        buckets: Iterable[str] = (),
        region: str = "us-east-1",
        pace: Pace = "instant",
        hold: float = 20.0,
        learner: Learner | str | None = None,
        prices: Prices | Mapping[str, object] | str | Path | None = None,
        seed: int = 0,
        data: str | Path | None = None,
        *,
        training_budget: float | None = None,
        assumptions: Assumptions | None = None,
        limits: Limits | None = None,
        durations: Mapping[str, float] | None = None,
        time_scale: float = 1.0,
        check: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._buckets = tuple(buckets)
        self._region = region
        self._clock = Clock(pace, {**DURATIONS, **(durations or {})}, time_scale)
        self._hold = hold
        self._learner = choose_learner(learner, training_budget)
        self._prices = Prices.of(prices)
        self._seed = seed
        self._data = None if data is None else Path(data)
        self._assumptions = assumptions or Assumptions()
        self._limits = limits or Limits()
        self._check = check
        self._address = (host, port)
        self._scratch: Path | None = None
        self._final_bill: Bill | None = None
        self._front: Front | None = None
        self._server: Server | None = None
        self._ending: list[Term] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Starts answering.

        Raises:
            ValueError: S3 refuses a bucket's name.
            OSError: the port is taken, or the data folder cannot be written.
        """
        if self._server is not None:
            raise RuntimeError("the local cloud is running already")
        if self._data is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="local-cloud-"))
        else:
            self._data.mkdir(parents=True, exist_ok=True)
        try:
            self._front = Front(self._new_term())
            self._server = Server(self._front, *self._address)
        except BaseException:
            self.close()
            raise
        logger.info("the local cloud answers at %s", self.endpoint_url)

    def reset(self) -> None:
        """Goes back to the state after `start`: the buckets, empty, and nothing else.

        Work under way and faults are dropped, the bill starts from zero, and the contents of a
        `data` folder are deleted; only the clock keeps its time. Address, sessions and clients
        remain valid.
        """
        front = self._running()
        self._ending.append(front.change(self._next_term))
        # Whoever is still at work in an old world is not waited for: it can do no harm there.
        self._ending = [term for term in self._ending if not term.end(0.005)]

    def close(self) -> None:
        """Stops answering, ends trainings and frees everything; closing twice does no harm."""
        front, server = self._front, self._server
        if front is not None:
            front.term.world.jobs.close()
            front.term.world.faults.close()
        if server is not None:
            server.close()
        if front is not None:
            self._final_bill = front.term.world.bill()
            for term in [*self._ending, front.term]:
                term.end(30.0)
        self._front = self._server = None
        self._ending = []
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def endpoint_url(self) -> str:
        """Where it answers, such as ``http://127.0.0.1:40123``."""
        if self._server is None:
            raise RuntimeError("the local cloud is not running; use it in a with block")
        host = self._address[0]
        return f"http://{'127.0.0.1' if host in {'', '0.0.0.0'} else host}:{self._server.port}"  # noqa: S104

    @property
    def bill(self) -> Bill:
        """What AWS would have charged so far; after the end, for all of it."""
        if self._front is not None:
            return self._front.term.world.bill()
        if self._final_bill is None:
            raise RuntimeError("the local cloud was not started")
        return self._final_bill

    def session(self, account: str = ACCOUNT, region: str | None = None) -> boto3.Session:
        """A boto3 session whose clients and resources reach this cloud only.

        Args:
            account: 12 digits; each account has its own projects and buckets.
            region: by default the cloud's own.
        """
        return local_session(self.endpoint_url, access_key=account, region=region or self._region)

    def environment(self) -> dict[str, str]:
        """Variables under which unmodified AWS programs reach this cloud."""
        unproxied = [name for name in os.environ.get("NO_PROXY", "").split(",") if name]
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_REKOGNITION": self.endpoint_url,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_REGION": self._region,
            "NO_PROXY": ",".join(dict.fromkeys([*unproxied, "127.0.0.1"])),
        }

    @property
    def faults(self) -> Faults:
        """Failures on demand; `reset` replaces them, so read this property again afterwards."""
        return self._running().term.world.faults

    def advance(self, seconds: float) -> None:
        """Moves the clock of pace ``manual``, and waits for what is done by then."""
        self._running().term.world.jobs.advance(seconds)

    def _running(self) -> Front:
        if self._front is None:
            raise RuntimeError("the local cloud is not running")
        return self._front

    def _new_term(self) -> Term:
        if self._data is None:
            scratch = Path(tempfile.mkdtemp(dir=self._scratch))
            world = self._make_world(scratch, None)
        else:
            scratch = None
            world = self._make_world(self._data, self._data / "state.sqlite")
        try:
            recover(world)
            for bucket in self._buckets:
                world.objects.create_bucket(ACCOUNT, self._region, bucket)
        except BaseException:
            world.close()
            raise
        return Term(world, Application(world, region=self._region, check=self._check), scratch)

    def _next_term(self, old: Term) -> Term:
        if self._data is not None:  # the new world needs the place of the old one's files
            old.end(30.0)
            for file in self._data.glob("state.sqlite*"):
                file.unlink()
            shutil.rmtree(self._data / "models", ignore_errors=True)
        return self._new_term()

    def _make_world(self, folder: Path, database: Path | None) -> World:
        return World(
            store=Store(database),
            objects=Objects(),
            models=Models(folder / "models", self._learner),
            clock=self._clock,
            jobs=Jobs(self._clock),
            holding=DescribeHold(self._hold, HOLDING_PLACES),
            pager=Pager(),
            assumptions=self._assumptions,
            limits=self._limits,
            prices=self._prices,
            seed=self._seed,
        )
