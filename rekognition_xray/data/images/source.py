"""What an image can be given as."""

from __future__ import annotations

import os
from typing import TypeAlias

from PIL import Image

ImageSource: TypeAlias = str | os.PathLike[str] | bytes | Image.Image
"""A path, the bytes of a PNG, JPEG or DICOM file, or a Pillow image."""
