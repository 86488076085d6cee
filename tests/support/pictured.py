"""As much of an audit as splits and folds look at."""

from __future__ import annotations

import attrs

from rekognition_xray.data.dataset import Xray


@attrs.frozen
class SamePicture:
    """Images that an audit found to show one picture."""

    images: tuple[Xray, ...]


@attrs.frozen
class Audited:
    """As much of an audit as a split looks at."""

    images: int
    duplicates: tuple[SamePicture, ...] = ()
