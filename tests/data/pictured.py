"""As much of an audit as splits and folds look at."""

from __future__ import annotations

import attrs

from rekognition_xray.data.dataset import Xray


@attrs.frozen
class SamePicture:
    """Films that an audit found to show one picture."""

    films: tuple[Xray, ...]


@attrs.frozen
class Audited:
    """As much of an audit as a split looks at."""

    films: int
    duplicates: tuple[SamePicture, ...] = ()
