"""What an image can be given as."""

from __future__ import annotations

import os
from typing import TypeAlias

from PIL import Image

ImageSource: TypeAlias = str | os.PathLike[str] | bytes | Image.Image
"""A path, the bytes of a file, or a Pillow image.

Files are PNG, JPEG, TIFF, BMP, GIF, WebP or JPEG 2000 of one picture, or DICOM.
"""
