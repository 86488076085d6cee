"""TODO rekognition_xray.data.reading."""

from __future__ import annotations

from rekognition_xray.data.reading.folders import IMAGE_EXTENSIONS, read_folder
from rekognition_xray.data.reading.kaggle import (
    HANDLE,
    PUBLISHED,
    VERSION,
    PublishedCounts,
    download,
    read_download,
)
from rekognition_xray.data.reading.names import (
    FOLDERS,
    KERMANY,
    ImageName,
    KermanyRule,
    Names,
    NamingRule,
    as_rule,
)
from rekognition_xray.data.reading.names_to_images import (
    looks_like_image,
    of_entries,
    sort_out,
    stated,
)
from rekognition_xray.data.reading.tables import TableNames

__all__ = [
    "FOLDERS",
    "HANDLE",
    "IMAGE_EXTENSIONS",
    "KERMANY",
    "PUBLISHED",
    "VERSION",
    "ImageName",
    "KermanyRule",
    "Names",
    "NamingRule",
    "PublishedCounts",
    "TableNames",
    "as_rule",
    "download",
    "looks_like_image",
    "of_entries",
    "read_download",
    "read_folder",
    "sort_out",
    "stated",
]
