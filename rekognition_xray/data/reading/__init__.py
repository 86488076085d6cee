"""Who lies where: label, patient and official split from folders, names, tables and manifests."""

from __future__ import annotations

from rekognition_xray.data.reading.custom_vision import LABELLING as CUSTOM_VISION
from rekognition_xray.data.reading.custom_vision import read_custom_vision
from rekognition_xray.data.reading.folders import (
    IMAGE_EXTENSIONS,
    images_of_entries,
    looks_like_image,
    read_folder,
    resolve_labelling,
    sort_out,
)
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
    FoldersRule,
    ImageName,
    KermanyRule,
    Names,
    NamingRule,
    SkippingRule,
    as_rule,
)
from rekognition_xray.data.reading.public_tables import (
    chexpert,
    covid_radiography,
    nih,
    padchest,
    rsna,
    siim,
    vindr,
)
from rekognition_xray.data.reading.tables import TableNames

__all__ = [
    "CUSTOM_VISION",
    "FOLDERS",
    "HANDLE",
    "IMAGE_EXTENSIONS",
    "KERMANY",
    "PUBLISHED",
    "VERSION",
    "FoldersRule",
    "ImageName",
    "KermanyRule",
    "Names",
    "NamingRule",
    "PublishedCounts",
    "SkippingRule",
    "TableNames",
    "as_rule",
    "chexpert",
    "covid_radiography",
    "download",
    "images_of_entries",
    "looks_like_image",
    "nih",
    "padchest",
    "read_custom_vision",
    "read_download",
    "read_folder",
    "resolve_labelling",
    "rsna",
    "siim",
    "sort_out",
    "vindr",
]
