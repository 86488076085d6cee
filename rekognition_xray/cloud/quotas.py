"""``Quotas``: what an account may have, by AWS's defaults or as AWS has raised it."""

from __future__ import annotations

from typing import Final

import attrs

_IN_REGION: Final = {"ap-southeast-2": 1}  # trainings at a time; two everywhere else
_HOW: Final = (
    "To raise it, ask AWS (console: Service Quotas, Amazon Rekognition; else AWS Support), then "
    "say Aws(..., quotas=Quotas({name}={example}))."
)


_AT_LEAST_ONE: Final = attrs.validators.ge(1)


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

    images: int = attrs.field(default=250_000, validator=_AT_LEAST_ONE)
    versions: int = attrs.field(default=100, validator=attrs.validators.ge(0))
    trainings: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(_AT_LEAST_ONE)
    )
    running_versions: int = attrs.field(default=2, validator=_AT_LEAST_ONE)
    units: int = attrs.field(default=5, validator=_AT_LEAST_ONE)

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
