"""What it takes to make an ``Aws`` again in another process. It never holds credentials."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import attrs

from rekognition_xray.cloud.waiting import Clock


@attrs.frozen
class AwsRecipe:
    """What it takes to make an ``Aws`` again; ``Aws.recipe`` writes it, ``Aws.from_recipe`` reads it.

    Attributes:
        factory: a function of a module that makes the session; None makes it by boto3's own rules.
        profile: the profile's name; None for the default.
        region: the Region.
        endpoints: addresses of Rekognition and S3 where they are not AWS's own.
        settings: the other arguments of ``Aws``.
        clock: its clock.
    """

    factory: Callable[[], object] | None
    profile: str | None
    region: str
    endpoints: tuple[str | None, str | None]
    settings: tuple[tuple[str, object], ...]
    clock: Clock = attrs.field(eq=False)


def own_address(url: str) -> str | None:
    """The address, where it is not AWS's own."""
    host = urlsplit(url).hostname or ""
    return None if host.endswith((".amazonaws.com", ".api.aws", ".amazonaws.com.cn")) else url
