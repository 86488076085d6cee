"""``ImageOptions``: what the user decides where a file does not."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import attrs

from rekognition_xray.errors import DataError

Polarity: TypeAlias = Literal["photometric", "presentation"]
_POLARITIES = ("photometric", "presentation", None)


def _as_pair(window: object) -> object:
    return tuple(window) if isinstance(window, list) else window  # as JSON has it


@attrs.frozen(kw_only=True)
class ImageOptions:
    """How to read images where a file leaves it open, and what to take all the same.

    Training and detection need the same options: what a model learned from is what it knows.

    Attributes:
        allow_burned_in: also take DICOM whose pixels may show a patient's name.
        allow_other_views: also take DICOM marked as another body part than the chest, or as a
            lateral view.
        polarity: for DICOM whose PhotometricInterpretation and PresentationLUTShape contradict
            each other (PS3.3 C.8.11.3): which of the two is right. None holds such images back.
        window: the values that become black and white, for images of floating-point pixels, which
            do not say it themselves; without it they are refused.
        stretch: let the least value of each image be black and its greatest white.

    Raises:
        DataError: another polarity, or a window of no two numbers that rise.
    """

    allow_burned_in: bool = False
    allow_other_views: bool = False
    polarity: Polarity | None = None
    window: tuple[float, float] | None = attrs.field(default=None, converter=_as_pair)
    stretch: bool = False

    def __attrs_post_init__(self) -> None:
        for name in ("allow_burned_in", "allow_other_views", "stretch"):
            if not isinstance(getattr(self, name), bool):
                raise DataError(
                    f"{name}={getattr(self, name)!r} is neither True nor False.",
                    hint="A word such as 'no' would count as yes.",
                )
        if self.polarity not in _POLARITIES:
            raise DataError(
                f"polarity={self.polarity!r} is none of 'photometric', 'presentation' and None.",
                hint="Say which tag is right: PhotometricInterpretation or PresentationLUTShape.",
            )
        if self.window is not None and not _rises(self.window):
            raise DataError(
                f"window={self.window!r} are no two finite numbers, the greater one last.",
                hint="Give the value that is black and the value that is white: window=(0.0, 1.0).",
            )


def _rises(window: object) -> bool:
    if not isinstance(window, tuple) or len(window) != 2:
        return False
    try:
        black, white = (float(end) for end in window)
    except (TypeError, ValueError, OverflowError):
        return False
    return math.isfinite(black) and math.isfinite(white) and black < white


DEFAULT_OPTIONS = ImageOptions()
"""Nothing is allowed and nothing decided."""
