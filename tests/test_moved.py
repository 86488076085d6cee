"""Former modules and names of data, cloud and clinic: the error names the place they have now."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest

from rekognition_xray import clinic, cloud, data
from rekognition_xray.cloud import storage

DOORS = (data, cloud, clinic)
MOVED = [(door, name, place) for door in DOORS for name, place in door._MOVED.items()]


@pytest.mark.parametrize(("door", "module", "place"), MOVED)
def test_a_former_module_is_answered_with_its_new_place(
    door: ModuleType, module: str, place: str
) -> None:
    with pytest.raises(AttributeError, match=f"it moved to {place}"):
        getattr(door, module)
    import_module(place)


@pytest.mark.parametrize(
    ("door", "module", "place"),
    [
        (data, "audit", "dataset"),
        (data, "dicom", "images"),
        (data, "films", "xrays"),
        (data, "folders", "reading"),
        (data, "manifest", "manifests"),
        (data, "near", "auditing"),
        (data, "prepare_run", "preparing"),
        (data, "split_drawing", "splitting"),
        (cloud, "access", "permissions"),
        (cloud, "dataset_calls", "datasets"),
        (cloud, "films_in_s3", "storage"),
        (cloud, "leases", "meter"),
        (cloud, "project_datasets", "projects"),
        (cloud, "traces", "forgetting"),
        (cloud, "version", "versions"),
        (clinic, "similar", "cases"),
        (clinic, "fields", "json_fields"),
        (clinic, "calibration_map", "policy"),
        (clinic, "bulk_films", "diagnosis"),
        (clinic, "estimates", "statistics"),
    ],
)
def test_the_place_is_the_right_one(door: ModuleType, module: str, place: str) -> None:
    assert door._MOVED[module] == f"{door.__name__}.{place}"


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


@pytest.mark.parametrize("door", DOORS)
def test_an_unknown_name_is_a_plain_attribute_error(door: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing_like_this'$"):
        door.nothing_like_this  # noqa: B018
