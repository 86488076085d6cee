"""Requests made from botocore's service model: what fits each shape, and what just does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs
import botocore.session
from botocore.model import Shape

TAGGING: Final = {"TagResource", "UntagResource", "ListTagsForResource"}
CUSTOM_LABELS: Final = {
    "CreateProject",
    "DescribeProjects",
    "DeleteProject",
    "CreateDataset",
    "DescribeDataset",
    "DeleteDataset",
    "UpdateDatasetEntries",
    "DistributeDatasetEntries",
    "ListDatasetEntries",
    "ListDatasetLabels",
    "CreateProjectVersion",
    "DescribeProjectVersions",
    "DeleteProjectVersion",
    "StartProjectVersion",
    "StopProjectVersion",
    "CopyProjectVersion",
    "PutProjectPolicy",
    "ListProjectPolicies",
    "DeleteProjectPolicy",
    "DetectCustomLabels",
}
OPERATIONS: Final = sorted(CUSTOM_LABELS | TAGGING)

MODEL: Final = botocore.session.Session().get_service_model("rekognition")

_PROJECT: Final = "arn:aws:rekognition:us-east-1:123456789012:project/absent/1234567890123"
EXAMPLES: Final[Mapping[str, str]] = {
    "ProjectArn": _PROJECT,
    "DatasetArn": _PROJECT.replace("/1234567890123", "/dataset/train/1234567890123"),
    "ProjectVersionArn": _PROJECT.replace("/1234567890123", "/version/v/1234567890123"),
    "ResourceArn": _PROJECT,
    "S3Bucket": "images",
    "ProjectPolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": []}),
    "ProjectPolicyRevisionId": "0123456789abcdef0123456789abcdef",
}
"""Texts that satisfy a pattern; other strings are satisfied by repeating the digit 1."""

_ARN: Final = ("x" * 30, "{}\n", " {}", "{}/", "{}x", "{}{}")
_NAME: Final = ("a b", "a/b", "a:b", "\u00e9", "a\n", "a*")
WRONG: Final[Mapping[str, tuple[str, ...]]] = {
    "ProjectArn": (*_ARN, EXAMPLES["DatasetArn"], EXAMPLES["ProjectVersionArn"]),
    "DatasetArn": (*_ARN, _PROJECT, EXAMPLES["ProjectVersionArn"]),
    "ProjectVersionArn": (*_ARN, _PROJECT, EXAMPLES["DatasetArn"]),
    "ProjectName": _NAME,
    "VersionName": _NAME,
    "ProjectPolicyName": _NAME,
    "S3Bucket": ("a b c", "images/x", "image\u00e9", "images\n"),
    "TagKey": ("aws:x", "k*", "k\t", "k#"),
    "TagValue": ("v*", "v\t", "v#"),
    "DatasetLabel": ("\n", "a\nb"),
    "QueryString": (" ", "\t ", "\n"),
    "KmsKeyId": ("-k", "/k", "k k", "k!", "k\n"),
    "VersionDescription": ("a/b", "a*", "\u00e9", "a\n"),
    "ProjectPolicyRevisionId": ("g", "12 34", "0x1", "12\n"),
    "ProjectPolicyDocument": ("\u0100", "\u20ac", "\x00", "\x0b"),
}
"""For every shape with a pattern, texts of an allowed length that break it."""


@attrs.frozen
class Place:
    """A spot in an operation's input: its shape, and how to put a value there."""

    operation: str
    path: str
    shape: Shape
    around: Callable[[Any], Any]


@attrs.frozen
class Case:
    """One request and what is special about it."""

    operation: str
    about: str
    path: str
    members: Any

    def __str__(self) -> str:
        return f"{self.operation}-{self.path}-{self.about}"


def fitting(shape: Shape) -> Any:
    """The least value that fits: required members only, one element, the shortest text."""
    if shape.type_name == "structure":
        return {name: fitting(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [fitting(shape.member)] * max(1, shape.metadata.get("min", 0))
    if shape.type_name == "map":
        return {fitting(shape.key): fitting(shape.value)}
    if shape.type_name == "string":
        choices = shape.metadata.get("enum")
        shortest = _text(shape, max(1, shape.metadata.get("min", 0)))
        return choices[0] if choices else EXAMPLES.get(shape.name, shortest)
    if shape.type_name == "blob":
        return _blob(max(1, shape.metadata.get("min", 0)))
    return False if shape.type_name == "boolean" else shape.metadata.get("min", 0)


def places(operation: str) -> Iterator[Place]:
    """Every member that the operation's input has, however deep."""
    shape = MODEL.operation_model(operation).input_shape
    return _places(operation, shape, "", lambda value: value)


def all_places() -> list[Place]:
    return [place for operation in OPERATIONS for place in places(operation)]


def within() -> Iterator[Case]:
    """Values at the very bounds, and every value of every enum."""
    for place in all_places():
        for about, value in (*_at_bounds(place.shape), *_choices(place.shape)):
            yield _case(place, about, value)


def outside() -> Iterator[Case]:
    """Values just beyond a bound, outside an enum or against a pattern."""
    for place in all_places():
        yield from (_case(place, *pair) for pair in _beyond_bounds(place.shape))
        yield from (_case(place, *pair) for pair in _no_choices(place.shape))
        if "pattern" in place.shape.metadata:
            example = fitting(place.shape)
            for text in WRONG[place.shape.name]:
                yield _case(place, f"pattern {text[:20]!a}", text.replace("{}", example))


def incomplete() -> Iterator[Case]:
    """Structures without a required member, or with null in its place."""
    for place in all_places():
        if place.shape.type_name == "structure":
            for name in place.shape.required_members:
                whole = fitting(place.shape)
                below = attrs.evolve(place, path=f"{place.path}.{name}".lstrip("."))
                yield _case(below, "null", {**whole, name: None}, place.around)
                del whole[name]
                yield _case(below, "absent", whole, place.around)


def wrongly_typed() -> Iterator[Case]:
    """Values of another JSON type than the member's."""
    for place in all_places():
        if not place.path.endswith(".key"):
            for value in _OTHER_TYPES[place.shape.type_name]:
                yield _case(place, f"as {json.dumps(value)}", value)


def unknown() -> Iterator[Case]:
    """Structures with a member that the model does not have."""
    for place in all_places():
        if place.shape.type_name == "structure":
            yield _case(place, "Colour", {**fitting(place.shape), "Colour": "red"})


_OTHER_TYPES: Final[Mapping[str, tuple[Any, ...]]] = {
    "structure": ([], "text", 7, True),
    "list": ({}, "text", 7),
    "map": ([], "text", 7),
    "string": (7, True, [], {}),
    "blob": (7, [], "%%%", "a"),
    "integer": ("7", True, 1.5, []),
    "float": ("7", True, []),
    "boolean": ("true", 1, []),
}


def _places(operation: str, shape: Shape, path: str, around: Callable[[Any], Any]) -> Iterator[Any]:
    yield Place(operation, path, shape, around)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _places(
                operation,
                member,
                f"{path}.{name}".lstrip("."),
                lambda value, name=name: around({**fitting(shape), name: value}),
            )
    elif shape.type_name == "list":
        rest = fitting(shape)[1:]
        inner = f"{path}.1.member"
        yield from _places(operation, shape.member, inner, lambda value: around([value, *rest]))
    elif shape.type_name == "map":
        pair = fitting(shape)
        ((key, value),) = pair.items()
        yield from _places(operation, shape.key, f"{path}.key", lambda made: around({made: value}))
        inner = f"{path}.{key}.value"
        yield from _places(operation, shape.value, inner, lambda made: around({key: made}))


def _case(place: Place, about: str, value: Any, around: Callable[[Any], Any] | None = None) -> Case:
    return Case(place.operation, about, place.path, (around or place.around)(value))


def _at_bounds(shape: Shape) -> Iterator[tuple[str, Any]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    for name, size in (("min", least), ("max", most)):
        # The shortest text that satisfies a pattern may be longer than the minimum.
        if size is not None and not (name == "min" and _longer_by_pattern(shape)):
            yield f"{name} {size}", _sized(shape, size)


def _beyond_bounds(shape: Shape) -> Iterator[tuple[str, Any]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    step = 0.001 if shape.type_name == "float" else 1
    if least is not None and (least > 0 or shape.type_name in {"integer", "float"}):
        yield f"below {least}", _sized(shape, least - step)
    if most is not None:
        yield f"above {most}", _sized(shape, most + step)


def _longer_by_pattern(shape: Shape) -> bool:
    return shape.name.endswith("Arn") and "pattern" in shape.metadata


def _sized(shape: Shape, size: float) -> Any:
    if shape.type_name == "string":
        return _text(shape, int(size))
    if shape.type_name == "blob":
        return _blob(int(size))
    if shape.type_name == "list":
        return [fitting(shape.member)] * int(size)
    if shape.type_name == "map":
        return {f"k{number}": fitting(shape.value) for number in range(int(size))}
    return size


def _text(shape: Shape, length: int) -> str:
    """Digits fit every pattern but an ARN's, and lengthen an ARN."""
    start = EXAMPLES[shape.name] if shape.name.endswith("Arn") else ""
    return f"{start}{'1' * (length - len(start))}"[:length]


def _blob(length: int) -> str:
    return base64.b64encode(b"1" * length).decode()


def _choices(shape: Shape) -> Iterator[tuple[str, Any]]:
    return ((f"choice {value}", value) for value in shape.metadata.get("enum", ()))


def _no_choices(shape: Shape) -> Iterator[tuple[str, Any]]:
    if "enum" in shape.metadata:
        right = shape.metadata["enum"][0]
        for text in ("", right.lower(), f"{right} ", "NOTHING_OF_THE_KIND"):
            yield f"choice {text!r}", text
