"""Which version of a project is in use: one tag for it, and one for the version before."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, Protocol

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.tags import CURRENT, PREVIOUS, all_tags, is_value, write_tags
from rekognition_xray.cloud.version_description import VersionDescription, descriptions
from rekognition_xray.errors import InvalidRequestError, NotFoundError, NotReadyError

log = logging.getLogger(__name__)

_WORSE: Final = "worse"
_NONE: Final = "Look at project.describe_versions(), and promote one: project.promote(version)."


class VersionComparison(Protocol):
    """What ``promote`` wants to know of a comparison; ``clinic.evaluation.compare`` makes one."""

    @property
    def old(self) -> str:
        """ARN of the version that was in use."""
        raise NotImplementedError

    @property
    def new(self) -> str:
        """ARN of the version that is to be promoted."""
        raise NotImplementedError

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``no difference shown``."""
        raise NotImplementedError

    @property
    def not_inferior(self) -> bool | None:
        """Whether the new version is shown not to be worse by a margin; None without a margin."""
        raise NotImplementedError


def current(aws: Aws, project_arn: str) -> str | None:
    """ARN of the version in use; None where none was promoted.

    Raises:
        NotFoundError: it was deleted.
    """
    mark = all_tags(aws, project_arn).get(CURRENT)
    return _find_marked(aws, project_arn, mark).arn if mark else None


def promote(aws: Aws, project_arn: str, arn: str, comparison: VersionComparison | None) -> None:
    """Makes a version the one in use; see ``CustomLabelsProject.promote``."""
    seen = next((one for one in descriptions(aws, project_arn) if one.arn == arn), None)
    if seen is None:
        raise NotFoundError(f"The project {project_arn} has no version {arn}.", arn=arn)
    _check_usable(seen)
    before = all_tags(aws, project_arn).get(CURRENT)
    if comparison is not None:
        _check_compared(comparison, seen, before)
    mark = _mark(arn)
    if not is_value(mark):
        raise InvalidRequestError(
            f"The name {seen.name!r} is too long to be noted in a tag.",
            arn=arn,
            hint="Copy the version under a name of at most 240 characters: version.copy_to(...).",
        )
    if before == mark:
        log.info("version %s is in use already", seen.name)
        return
    # One call writes both, so that no crash can leave the one without the other.
    write_tags(aws, project_arn, {CURRENT: mark, **({PREVIOUS: before} if before else {})})
    log.info("version %s is in use now, after %s", seen.name, before or "none")


def rollback(aws: Aws, project_arn: str) -> str:
    """Puts the version that was in use before back; gives its ARN."""
    tags = all_tags(aws, project_arn)
    former = _former(project_arn, tags)
    seen = _find_marked(aws, project_arn, former)
    _check_usable(seen)
    write_tags(aws, project_arn, {CURRENT: former, PREVIOUS: tags.get(CURRENT, former)})
    log.info("version %s is in use again, after %s", seen.name, tags.get(CURRENT))
    return seen.arn


def _former(project_arn: str, tags: Mapping[str, str]) -> str:
    former = tags.get(PREVIOUS)
    if not former:
        raise NotFoundError(
            f"No version of {project_arn} was in use before this one.",
            arn=project_arn,
            hint=_NONE,
        )
    return former


def _mark(arn: str) -> str:
    """Name and time of creation: a version deleted and made anew under its name is another one."""
    return "/".join(arn.split("/")[-2:])


def _find_marked(aws: Aws, project_arn: str, mark: str) -> VersionDescription:
    """The version that a tag names; tags that people wrote by hand may name it without its time."""
    for seen in descriptions(aws, project_arn):
        if mark in {_mark(seen.arn), seen.name}:
            return seen
    raise NotFoundError(
        f"The version {mark} of {project_arn}, which its tags name, does not exist any more.",
        arn=project_arn,
        hint=_NONE,
    )


def _check_usable(seen: VersionDescription) -> None:
    if seen.retired or not seen.trained:
        why = seen.retired or seen.status_message
        raise NotReadyError(
            f"The version {seen.name!r} cannot be put to use; it is {seen.status}: {why}",
            arn=seen.arn,
            hint="Promote a version whose training has ended well: version.wait_until_trained().",
        )


def _check_compared(
    comparison: VersionComparison, seen: VersionDescription, before: str | None
) -> None:
    if comparison.new != seen.arn:
        raise InvalidRequestError(
            f"The comparison is about {comparison.new}, not about {seen.arn}.",
            hint="Give the comparison that has this version as its new one.",
        )
    if before and before not in {_mark(comparison.old), comparison.old.split("/")[-2]}:
        raise InvalidRequestError(
            f"The comparison is with {comparison.old}; in use is {before}.",
            hint="Compare with the version in use: project.current().",
        )
    if comparison.verdict == _WORSE:
        raise InvalidRequestError(
            f"The version {seen.name!r} was shown to be worse than the one in use.",
            arn=seen.arn,
            hint="Keep the one in use. Promote without the comparison if you know better.",
        )
    if comparison.not_inferior is False:
        raise InvalidRequestError(
            f"The version {seen.name!r} was not shown to be within the margin of the comparison.",
            arn=seen.arn,
            hint="Compare on more test images, or state another margin before you compare.",
        )
