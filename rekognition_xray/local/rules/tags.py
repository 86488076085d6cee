"""Tags on projects, datasets and versions."""

from __future__ import annotations

from rekognition_xray.local.failures import ServiceError, invalid_parameter
from rekognition_xray.local.rules.lookup import dataset_of, project_of, version_of
from rekognition_xray.local.state import Caller, Members, World


def tag_resource(world: World, caller: Caller, asked: Members) -> Members:
    """TagResource; a tag with the same key is overwritten."""
    arn = asked["ResourceArn"]
    with world.store.transaction():
        _check_exists(world, caller, arn)
        check_tags(world, {**world.store.tags(arn), **asked["Tags"]})
        world.store.put_tags(arn, asked["Tags"])
    return {}


def untag_resource(world: World, caller: Caller, asked: Members) -> Members:
    """UntagResource; a key that is not there is no error."""
    with world.store.transaction():
        _check_exists(world, caller, asked["ResourceArn"])
        world.store.delete_tags(asked["ResourceArn"], asked["TagKeys"])
    return {}


def list_tags_for_resource(world: World, caller: Caller, asked: Members) -> Members:
    """ListTagsForResource."""
    with world.store.transaction():
        _check_exists(world, caller, asked["ResourceArn"])
        return {"Tags": world.store.tags(asked["ResourceArn"])}


def check_tags(
    world: World, tags: dict[str, str], code: str = "ServiceQuotaExceededException"
) -> dict[str, str]:
    """The tags of a resource that is made or changed. Raises `code` for too many of them."""
    most = world.limits.tags
    if most is not None and len(tags) > most:
        raise ServiceError(code, f"A resource may have {most} tags, not {len(tags)}.")
    return tags


def _check_exists(world: World, caller: Caller, arn: str) -> None:
    if not arn.startswith("arn:") or ":project/" not in arn:
        raise invalid_parameter()
    if "/dataset/" in arn:
        dataset_of(world, caller, arn)
    elif "/version/" in arn:
        version_of(world, caller, arn)
    else:
        project_of(world, caller, arn)
