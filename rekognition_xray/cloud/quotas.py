"""``Quotas``: what an account may have, by AWS's defaults or as AWS has raised it."""

from __future__ import annotations

from typing import Final

import attrs

_IN_REGION: Final = {"ap-southeast-2": 1}  # trainings at a time; two everywhere else
_HOW: Final = (
    "To raise it, ask AWS (console: Service Quotas, Amazon Rekognition; else AWS Support), then "
    "say Aws(..., quotas=Quotas({name}={example}))."
)


@attrs.frozen(kw_only=True)
class Quotas:
    """Quotas of an account in a Region; give your own where AWS has raised them.

    Defaults are those of AWS's general reference and guide as of November 2026.

    Attributes:
        images: images of a dataset; AWS allows up to 500,000 on request. Smaller limits of
            some Regions (Mumbai, London) apply while this is not raised.
        versions: versions of a project.
        trainings: trainings at a time; None for 2, or 1 in ap-southeast-2.
        running_versions: models that run at a time.
        units: inference units of a model.
    """

    images: int = 250_000
    versions: int = 100
    trainings: int | None = None
    running_versions: int = 2
    units: int = 5

    def trainings_in(self, region: str) -> int:
        """Trainings at a time in a Region."""
        return self.trainings or _IN_REGION.get(region, 2)


def how_to_raise(name: str, example: int) -> str:
    """The hint of an error about a quota.

    Args:
        name: of the attribute of ``Quotas``.
        example: a higher value.
    """
    return _HOW.format(name=name, example=example)
