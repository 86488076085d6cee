"""Former modules of clinic: the error names the part that has their names now."""

from __future__ import annotations

from importlib import import_module

import pytest

from rekognition_xray import clinic


@pytest.mark.parametrize(("module", "place"), clinic._MOVED.items())
def test_a_former_module_is_answered_with_its_new_place(module: str, place: str) -> None:
    with pytest.raises(AttributeError, match=f"it moved to {place}"):
        getattr(clinic, module)
    import_module(place)


@pytest.mark.parametrize(
    ("module", "place"),
    [
        ("similar", "cases"),
        ("fields", "json_fields"),
        ("calibration_map", "policy"),
        ("bulk_films", "diagnosis"),
        ("estimates", "statistics"),
    ],
)
def test_the_place_is_the_right_one(module: str, place: str) -> None:
    assert clinic._MOVED[module] == f"rekognition_xray.clinic.{place}"


def test_an_unknown_name_is_a_plain_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing_like_this'$"):
        clinic.nothing_like_this  # noqa: B018
