"""Review: which images people should read, a page to read them on, and how far readers agree."""

from __future__ import annotations

from rekognition_xray.clinic.review.agreement import ReaderAgreement, reader_agreement
from rekognition_xray.clinic.review.page import ImageOf, review_page
from rekognition_xray.clinic.review.reading_list import ListedImage
from rekognition_xray.clinic.review.selection import Selected, select_for_reading
from rekognition_xray.clinic.review.server import ServedReview, serve_review

__all__ = [
    "ImageOf",
    "ListedImage",
    "ReaderAgreement",
    "Selected",
    "ServedReview",
    "reader_agreement",
    "review_page",
    "select_for_reading",
    "serve_review",
]
