"""Where the commands work: profile, Region, endpoint; and finding the named version."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

import rekognition_xray as rx
from rekognition_xray.cli.options import Command
from rekognition_xray.cli.terminal import Terminal
from rekognition_xray.errors import (
    CredentialsError,
    InvalidRequestError,
    NotFoundError,
    PriceBookError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rekognition_xray.costs import Money

VERSION = "VERSION"
"""The name of the argument that ``Place.version`` reads."""


@attrs.frozen
class Place:
    """Profile, Region and endpoint, as the AWS CLI's options of these names."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None

    def aws(self, region: str | None = None) -> rx.Aws:
        """The `Aws` for this Region, or for that of the options.

        Raises:
            CredentialsError: there is no such profile.
            InvalidRequestError: no Region is set.
        """
        import boto3

        from rekognition_xray.cloud.aws import aws_errors

        try:
            with aws_errors():
                session = boto3.Session(
                    profile_name=self.profile, region_name=region or self.region or None
                )
        except CredentialsError as error:
            error.hint = "Name another --profile, or make it: aws configure, aws configure sso."
            raise
        if session.region_name is None:
            raise InvalidRequestError(
                "No Region is set.", hint="Give --region, or set AWS_DEFAULT_REGION."
            )
        return rx.Aws(session, urls=(self.endpoint_url, self.endpoint_url))

    def version(self, named: str) -> rx.ModelVersion:
        """Opens ``PROJECT/VERSION``, an ARN, or ``PROJECT`` for its version in use.

        An ARN names its Region; ``--region`` has precedence.

        Raises:
            NotFoundError: there is none of that name.
        """
        if named.startswith("arn:"):
            region = None if self.region else (named.split(":") + [""] * 4)[3]
            return rx.ModelVersion.from_arn(named, aws=self.aws(region))
        name, _, wanted = named.partition("/")
        project = find_project(self.aws(), name)
        version = project.version(wanted) if wanted else project.current()
        if version is None:
            what = f"no version {wanted!r}" if wanted else "no version in use"
            known = ", ".join(f"{name}/{seen.name}" for seen in project.describe_versions()[:5])
            raise NotFoundError(
                f"The project {name!r} has {what}.",
                arn=project.arn,
                hint=f"It has {known}." if known else "Train one: rekognition-xray train.",
            )
        return version


def find_project(aws: rx.Aws, name: str) -> rx.CustomLabelsProject:
    """The project of that name.

    Raises:
        NotFoundError: the account has none in this Region.
    """
    found = rx.CustomLabelsProject.find(name, aws=aws)
    if found is None:
        raise NotFoundError(
            f"There is no project {name!r} in {aws.region}.",
            hint="Check name, account and Region: --profile, --region.",
        )
    return found


def prices_for(aws: rx.Aws, prices: Path | None, cap: Money | None = None) -> rx.PriceBook:
    """The price book of a file for the Region, or the library's, with a warning if it has none.

    Raises:
        PriceBookError: the file cannot be used, or there is a cap and no price for the Region.
    """
    from rekognition_xray.cloud.pricing import book_for

    given = None if prices is None else rx.PriceBook.from_file(prices, region=aws.region)
    try:
        return book_for(aws, given, cap)
    except PriceBookError as error:
        error.hint = hint_of_prices(aws.region)
        raise


def hint_of_prices(region: str) -> str:
    """What to do where the prices of a Region are not known."""
    return f"Give a file with those of {region}: --prices FILE."


_profile = click.option("--profile", metavar="NAME", help="Profile of your AWS configuration.")
_region = click.option("--region", metavar="NAME", help="Region; else as boto3 finds it.")
_endpoint = click.option(
    "--endpoint-url", metavar="URL", help="Other address, such as a local cloud's."
)


def in_a_place(function: Command) -> Command:
    """Gives a command ``--profile``, ``--region`` and ``--endpoint-url``, and a Place."""

    @_profile
    @_region
    @_endpoint
    @functools.wraps(function)
    def wrapped(
        terminal: Terminal,
        *,
        profile: str | None,
        region: str | None,
        endpoint_url: str | None,
        **arguments: object,
    ) -> None:
        function(terminal, Place(profile, region, endpoint_url), **arguments)

    return wrapped


def in_regions(function: Callable[..., None]) -> Command:
    """Gives a command the same options for many Regions, and a Place."""

    @_profile
    @click.option("--region", "regions", metavar="NAME", multiple=True, help="Region; repeatable.")
    @click.option("--all-regions", is_flag=True, help="All Regions that offer Custom Labels.")
    @_endpoint
    @functools.wraps(function)
    def wrapped(
        terminal: Terminal,
        *,
        profile: str | None,
        regions: tuple[str, ...],
        all_regions: bool,
        endpoint_url: str | None,
        **arguments: object,
    ) -> None:
        place = Place(profile, regions[0] if len(regions) == 1 else None, endpoint_url)
        if all_regions:
            from rekognition_xray.cloud.aws import REGIONS

            regions = tuple(sorted(REGIONS))
        function(terminal, place, regions, **arguments)

    return wrapped
