"""Films in S3, as users reach for it: ``storage.store``."""

from __future__ import annotations

from rekognition_xray.cloud.upload import Receipt, store

__all__ = ["Receipt", "store"]
