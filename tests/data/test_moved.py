"""Former modules of data: the error names the place that they have now."""

from __future__ import annotations

from importlib import import_module

import pytest

from rekognition_xray import data


@pytest.mark.parametrize(("module", "place"), data._MOVED.items())
def test_a_former_module_is_answered_with_its_new_place(module: str, place: str) -> None:
    with pytest.raises(AttributeError, match=f"it moved to {place}"):
        getattr(data, module)
    import_module(place)


@pytest.mark.parametrize(
    ("module", "place"),
    [
        ("audit", "dataset"),
        ("dicom", "images"),
        ("films", "xrays"),
        ("folders", "reading"),
        ("manifest", "manifests"),
        ("near", "auditing"),
        ("prepare_run", "preparing"),
        ("split_drawing", "splitting"),
    ],
)
def test_the_place_is_the_right_one(module: str, place: str) -> None:
    assert data._MOVED[module] == f"rekognition_xray.data.{place}"


def test_an_unknown_name_is_a_plain_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing_like_this'$"):
        data.nothing_like_this  # noqa: B018
