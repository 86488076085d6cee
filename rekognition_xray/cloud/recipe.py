"""How an ``Aws`` is made again in another process: a recipe, which never holds credentials."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from rekognition_xray.cloud.waiting import Clock

if TYPE_CHECKING:
    from rekognition_xray.cloud.aws import Aws, SessionFactory

_HINT: Final = (
    "Name a function of a module that makes the session there, too: "
    "Aws(session_factory=my_module.make_session)."
)
_BY_RULE: Final = frozenset(
    {
        "env",
        "assume-role",
        "assume-role-with-web-identity",
        "sso",
        "shared-credentials-file",
        "login",
        "custom-process",
        "config-file",
        "ec2-credentials-file",
        "boto-config",
        "container-role",
        "iam-role",
    }
)
"""Where boto3 finds credentials by its own rules, so that another process finds them, too."""


@attrs.frozen
class AwsRecipe:
    """What it takes to make an ``Aws`` again.

    Attributes:
        factory: a function of a module that makes the session; None makes it by boto3's own rules.
        profile: the profile's name; None for the default.
        region: the Region.
        endpoints: addresses of Rekognition and S3 where they are not AWS's own.
        settings: the other arguments of ``Aws``.
        clock: its clock.
    """

    factory: SessionFactory | None
    profile: str | None
    region: str
    endpoints: tuple[str | None, str | None]
    settings: tuple[tuple[str, object], ...]
    clock: Clock = attrs.field(eq=False)


def recipe_of(aws: Aws) -> AwsRecipe:
    """The recipe of an ``Aws``. May ask boto3 for the credentials, to see where they come from.

    Raises:
        TypeError: another process could not make its session again.
    """
    factory = aws.session_factory
    if factory is None:
        _check_by_rule(aws)
    elif "<" in getattr(factory, "__qualname__", "<"):
        raise TypeError(f"The session factory {factory!r} is no function of a module. {_HINT}")
    profile = aws.session.profile_name
    settings = {
        "connect_timeout": aws.connect_timeout,
        "read_timeout": aws.read_timeout,
        "attempts": aws.attempts,
        "regions": frozenset(aws.regions),
        "opted_out": aws.opted_out,
    }
    return AwsRecipe(
        factory=factory,
        profile=None if factory or profile == "default" else profile,
        region=aws.region,
        endpoints=(None, None) if factory else endpoints(aws),
        settings=tuple(settings.items()),
        clock=aws.clock,
    )


def endpoints(aws: Aws) -> tuple[str | None, str | None]:
    """Addresses of Rekognition and S3, where they are not AWS's own."""
    return aws.endpoint_url, own_address(aws.s3.meta.endpoint_url)


def own_address(url: str) -> str | None:
    """The address, where it is not AWS's own."""
    host = urlsplit(url).hostname or ""
    return None if host.endswith((".amazonaws.com", ".api.aws", ".amazonaws.com.cn")) else url


def _check_by_rule(aws: Aws) -> None:
    session = aws.session
    name = f"{type(session).__module__}.{type(session).__qualname__}"
    if name != "boto3.session.Session":
        raise TypeError(f"A session of {name} cannot be made again in another process. {_HINT}")
    credentials = session.get_credentials()
    if credentials is not None and credentials.method not in _BY_RULE:
        raise TypeError(
            "A session with credentials of its own cannot be made again in another process: they "
            f"are never sent there. {_HINT}"
        )


_made: dict[AwsRecipe, Aws] = {}
_making = threading.Lock()


def rebuilt(recipe: AwsRecipe) -> Aws:
    """The ``Aws`` of a recipe; one for each recipe in a process, so that connections are kept."""
    with _making:
        if recipe not in _made:
            _made[recipe] = _make(recipe)
        return _made[recipe]


def _make(recipe: AwsRecipe) -> Aws:
    from rekognition_xray.cloud.aws import from_recipe  # noqa: PLC0415 - it imports this module

    return from_recipe(recipe)
