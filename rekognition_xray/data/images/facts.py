"""``ImageFacts``: what a file says of its image, besides the pixels."""

from __future__ import annotations

import attrs


@attrs.frozen
class ImageFacts:
    """What the file says of the image, in words of our own; empty where it says nothing.

    Only DICOM says anything. No fact names a patient: words that are not in our tables, which could
    be a name, are left out.

    Attributes:
        body_part: ``chest``, or another part, such as ``hand``.
        view: ``PA``, ``AP``, ``lateral``, ``oblique`` or ``decubitus``.
        laterality: ``left``, ``right`` or ``both``, of a paired body part.
        age_group: ``under 1``, ``1-4``, ``5-9``, ``10-17`` or ``18+`` years.
        sex: ``female``, ``male`` or ``other``.
    """

    body_part: str = ""
    view: str = ""
    laterality: str = ""
    age_group: str = ""
    sex: str = ""
