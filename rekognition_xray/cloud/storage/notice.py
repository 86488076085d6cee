"""The notice, once a process, that AWS may use what it is given to improve its services."""

from __future__ import annotations

import logging
import threading
from typing import Final

from rekognition_xray.cloud.aws import Aws

log = logging.getLogger(__name__)

POLICY: Final = '{"services": {"rekognition": {"opt_out_policy": {"@@assign": "optOut"}}}}'
"""An AI services opt-out policy of AWS Organizations that covers Amazon Rekognition."""

_NOTICE: Final = (
    "AWS may keep the content that Amazon Rekognition works on, and use it to improve its "
    "services, unless your organisation has opted out. How: in the management account of AWS "
    "Organizations enable the policy type AISERVICES_OPT_OUT_POLICY and attach to the root, or to "
    "this account, the policy %s. When that is done, Aws(..., opted_out=True) silences this notice."
)
_told = threading.Event()


def tell_once(aws: Aws) -> None:
    """Logs the notice as a warning, unless this process has or the user has opted out.

    Nothing is said where a custom endpoint answers, such as a local cloud.
    """
    if aws.opted_out or aws.endpoint_url is not None or _told.is_set():
        return
    _told.set()
    log.warning(_NOTICE, POLICY)
