"""What every rule works with: the parts of one local cloud, and the caller."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from rekognition_xray.local.assumptions import Assumptions, Limits
from rekognition_xray.local.bill import Bill, Prices, bill
from rekognition_xray.local.clock import Clock
from rekognition_xray.local.faults import Faults
from rekognition_xray.local.manifests import ManifestReader
from rekognition_xray.local.objects import Objects
from rekognition_xray.local.state.jobs import DescribeHold, Jobs
from rekognition_xray.local.state.models import Models
from rekognition_xray.local.state.pages import Pager
from rekognition_xray.local.state.rates import Rates
from rekognition_xray.local.state.store import Store


@attrs.frozen
class Caller:
    """The caller: a 12-digit account and a Region."""

    account: str
    region: str

    @property
    def arn(self) -> str:
        """How every ARN of this caller's resources begins."""
        return f"arn:{partition(self.region)}:rekognition:{self.region}:{self.account}:"


@attrs.frozen(kw_only=True)
class World:
    """One local cloud, without its HTTP."""

    store: Store
    objects: Objects
    models: Models
    clock: Clock
    jobs: Jobs
    holding: DescribeHold
    pager: Pager
    assumptions: Assumptions
    limits: Limits
    prices: Prices
    seed: int
    faults: Faults = attrs.field(factory=Faults)
    rates: Rates = attrs.field(factory=Rates)
    remembered: set[str] = attrs.field(factory=set)
    """Datasets of an earlier process; its S3 objects, and so the images, may be gone."""
    starts: dict[str, object] = attrs.field(factory=dict)
    """The latest start of each version: one that was stopped has work under way for a while."""

    @property
    def manifests(self) -> ManifestReader:
        """Reads manifests by this cloud's limits."""
        return ManifestReader(self.limits, self.assumptions)

    def hold(self, arns: Iterable[str]) -> None:
        """Holds a Describe on these resources, where the pace is one that holds."""
        if self.clock.holds:
            self.holding.hold(self.jobs, arns)

    def bill(self) -> Bill:
        """What everything so far would have cost."""
        with self.store.transaction():
            charges = self.store.charges.find()
        return bill(charges, now=self.clock.now(), prices=self.prices)

    def close(self) -> None:
        """Frees everything; state and models in a data folder remain."""
        self.objects.close()
        self.store.close()


def partition(region: str) -> str:
    """The partition of a Region, the first part of its ARNs."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
