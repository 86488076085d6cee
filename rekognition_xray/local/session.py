"""A boto3 session that can reach one local cloud and nothing else."""

from __future__ import annotations

import functools
import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader, create_loader

SECRET = "local"  # noqa: S105 (signatures are made with it, and nobody checks them)


def local_session(endpoint_url: str, *, access_key: str, region: str) -> boto3.Session:
    """A session whose clients and resources go to `endpoint_url`, despite AWS_* variables."""
    # Without these, AWS_PROFILE and the files of the user could break or redirect the session.
    nothing = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    inner = botocore.session.Session(session_vars=nothing)
    inner.register_component("data_loader", _service_models())
    return _LocalSession(endpoint_url, inner, access_key, region)


@functools.cache
def _service_models() -> Loader:
    """One for all sessions: to read the models of all services costs more than a small training."""
    return create_loader()


class _LocalSession(boto3.Session):
    def __init__(
        self,
        endpoint_url: str,
        inner: botocore.session.Session,
        access_key: str,
        region: str,
    ) -> None:
        self._endpoint_url = endpoint_url
        super().__init__(
            aws_access_key_id=access_key,
            aws_secret_access_key=SECRET,
            region_name=region,
            botocore_session=inner,
        )
        paths = _service_models().search_paths  # to which boto3 adds its own once per session
        paths[:] = dict.fromkeys(paths)

    def client(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["endpoint_url"] = kwargs.get("endpoint_url") or self._endpoint_url
        ours = Config(
            proxies={},
            use_fips_endpoint=False,
            use_dualstack_endpoint=False,
            s3={"addressing_style": "path"},
        )
        given = kwargs.get("config")
        kwargs["config"] = ours if given is None else ours.merge(given)
        return super().client(*args, **kwargs)
