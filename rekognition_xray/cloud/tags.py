"""Tags on projects, datasets and versions: what this library notes there, and what AWS takes."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.errors import AccessDeniedError, InvalidRequestError, list_paths

log = logging.getLogger(__name__)

OURS: Final = "rxray."
"""How the keys of this library begin."""
SPLIT: Final = f"{OURS}split"
"""On a version: the fingerprint of the split that it was trained and tested with."""
LEAKS: Final = f"{OURS}leaks"
"""On a version or its datasets: train and test share patients or pictures, which was allowed."""
ENTRIES: Final = f"{OURS}entries"
"""On a dataset: a digest of the lines that were put into it, and when it was changed then."""
TRAINING: Final = f"{OURS}training"
"""On a version: a digest of the datasets and settings that its training was started with."""
IMAGES: Final = f"{OURS}images"
"""On a version: how many images it was trained on."""
CURRENT: Final = f"{OURS}current"
"""On a project: the version in use."""
PREVIOUS: Final = f"{OURS}previous"
"""On a project: the version that was in use before."""
LEAKING: Final[Mapping[str, str]] = {LEAKS: "allowed"}

_MOST: Final = 200
_LONGEST_KEY: Final = 128
_LONGEST_VALUE: Final = 256
_SIGNS: Final = frozenset("_.:/=+-@")


def read_tags(aws: Aws, arn: str) -> Mapping[str, str]:
    """The tags of a resource. Calls ListTagsForResource; free.

    Who may not read tags learns of none: they are notes, and nothing depends on them.

    Raises:
        NotFoundError: no such resource.
    """
    try:
        return all_tags(aws, arn)
    except AccessDeniedError:
        log.info("the tags of %s may not be read (rekognition:ListTagsForResource)", arn)
        return {}


def all_tags(aws: Aws, arn: str) -> Mapping[str, str]:
    """The tags of a resource, for whoever depends on them. Calls ListTagsForResource; free.

    Raises:
        NotFoundError: no such resource. AccessDeniedError: they may not be read.
    """
    with aws_errors(arn):
        return aws.rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"]


def write_tags(aws: Aws, arn: str, tags: Mapping[str, str]) -> None:
    """Adds tags to a resource, or changes them. Calls TagResource; free.

    Raises:
        NotFoundError: no such resource. QuotaError: it has too many tags.
    """
    with aws_errors(arn):
        aws.rekognition.tag_resource(ResourceArn=arn, Tags=dict(tags))


def remove_tags(aws: Aws, arn: str, keys: Iterable[str]) -> None:
    """Removes tags; a key that is not there is no error. Calls UntagResource; free.

    Raises:
        NotFoundError: no such resource.
    """
    with aws_errors(arn):
        aws.rekognition.untag_resource(ResourceArn=arn, TagKeys=list(keys))


def check_tags(tags: Mapping[str, str], what: str = "version") -> None:
    """Makes sure that a user's tags are ones that AWS takes, and none of ours.

    AWS takes 200 tags at most (its usual quota is 50), keys of 1 to 128 and values of up to 256
    characters: letters, numbers, spaces and ``_.:/=+-@``; no key begins with ``aws:``.

    Raises:
        InvalidRequestError: names every tag that is none.
    """
    bad = [f"{key!r}: {value!r}" for key, value in tags.items() if not _is_fine(key, value)]
    if bad or len(tags) > _MOST:
        raise InvalidRequestError(
            f"These are no tags for a {what} ({len(tags)} are given):\n{list_paths(bad)}",
            hint=f"At most {_MOST} tags; keys of 1 to {_LONGEST_KEY}, values of up to "
            f"{_LONGEST_VALUE} letters, numbers, spaces and _.:/=+-@; no key begins with aws: "
            f"or {OURS}.",
        )


def is_value(text: str) -> bool:
    """Whether AWS takes a text as the value of a tag."""
    return len(text) <= _LONGEST_VALUE and all(map(_is_allowed, text))


def _is_fine(key: str, value: str) -> bool:
    fits = 1 <= len(key) <= _LONGEST_KEY and not key.startswith(("aws:", OURS))
    return fits and all(map(_is_allowed, key)) and is_value(value)


def _is_allowed(sign: str) -> bool:
    return sign in _SIGNS or unicodedata.category(sign)[0] in "LNZ"
