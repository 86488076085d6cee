"""Former modules and names of cloud: the error names the place that they have now."""

from __future__ import annotations

from importlib import import_module

import pytest

from rekognition_xray import cloud
from rekognition_xray.cloud import storage


@pytest.mark.parametrize(("module", "place"), cloud._MOVED.items())
def test_a_former_module_is_answered_with_its_new_place(module: str, place: str) -> None:
    with pytest.raises(AttributeError, match=f"it moved to {place}"):
        getattr(cloud, module)
    import_module(place)


@pytest.mark.parametrize(
    ("module", "place"),
    [
        ("access", "permissions"),
        ("dataset_calls", "datasets"),
        ("films_in_s3", "storage"),
        ("leases", "meter"),
        ("project_datasets", "projects"),
        ("traces", "forgetting"),
        ("version", "versions"),
    ],
)
def test_the_place_is_the_right_one(module: str, place: str) -> None:
    assert cloud._MOVED[module] == f"rekognition_xray.cloud.{place}"


@pytest.mark.parametrize(
    ("name", "place"),
    [("forget", "forget"), ("ForgetPlan", "ForgetPlan"), ("Forgotten", "ForgetResult")],
)
def test_forgetting_left_the_door_of_storage(name: str, place: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"moved to rekognition_xray\.cloud\.forgetting\.{place}"
    ):
        getattr(storage, name)
    assert hasattr(import_module("rekognition_xray.cloud.forgetting"), place)


def test_an_unknown_name_is_a_plain_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing_like_this'$"):
        cloud.nothing_like_this  # noqa: B018
