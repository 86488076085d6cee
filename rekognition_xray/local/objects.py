"""S3 objects of one local cloud: moto's S3, read and written in process.

moto keeps one S3 a process. Here each local cloud has its own: while a thread works for a cloud,
moto's modules see the storage of that cloud; at any other time they see moto's, so that tests
which use moto beside a local cloud are not disturbed.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import moto.s3.models as moto_models
import moto.s3.responses as moto_responses
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, FakeMultipart, S3Backend, S3BackendDict
from moto.utilities.utils import PARTITION_NAMES, get_partition

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Made = TypeVar("Made", FakeKey, FakeMultipart)

_entered_storage: ContextVar[S3BackendDict | None] = ContextVar("_entered_storage", default=None)


class ObjectUnreadable(Exception):  # noqa: N818 (names the condition)
    """No such bucket, key or object version."""


class BucketUnwritable(Exception):  # noqa: N818 (names the condition)
    """No such bucket, or one that refuses the object."""


class _Backend(S3Backend):
    """moto's backend, with objects that moto does not track.

    moto keeps lists of all keys and uploads of the process: they would never be freed, and a reset
    of moto would empty them.
    """

    def put_object(self, *args: Any, **kwargs: Any) -> FakeKey:
        return _remove_from_list(super().put_object(*args, **kwargs))

    def create_multipart_upload(self, *args: Any, **kwargs: Any) -> FakeMultipart:
        return _remove_from_list(super().create_multipart_upload(*args, **kwargs))

    def upload_part(self, *args: Any, **kwargs: Any) -> FakeKey:
        return _remove_from_list(super().upload_part(*args, **kwargs))

    def upload_part_copy(self, *args: Any, **kwargs: Any) -> FakeKey:
        return _remove_from_list(super().upload_part_copy(*args, **kwargs))


def _remove_from_list(made: Made) -> Made:
    with suppress(ValueError):
        type(made).instances_tracked.remove(made)  # type: ignore[attr-defined]
    if isinstance(made, FakeKey):
        made.disposed = True  # else moto warns when an overwritten key is freed
    return made


class _Storage(S3BackendDict):
    """The accounts of one cloud; moto does not track it, so it never resets it."""

    def __init__(self) -> None:
        super().__init__(
            _Backend, "s3", use_boto3_regions=False, additional_regions=PARTITION_NAMES
        )
        self._making = threading.Lock()

    def _create_account_specific_backend(self, account_id: str) -> None:
        with self._making:
            if account_id in self:
                return
            super()._create_account_specific_backend(account_id)
            with suppress(ValueError):
                _known_to_moto().remove(self)


def _known_to_moto() -> list[Any]:
    known: list[Any] = BackendDict._instances  # type: ignore[misc] # noqa: SLF001
    return known


class _Switch:
    """Replaces the storage in moto's modules; gives each caller the storage of its cloud."""

    def __init__(self, usual: S3BackendDict) -> None:
        self._usual = usual

    def __getitem__(self, account: str) -> Any:
        return self._current()[account]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._current(), name)

    def _current(self) -> S3BackendDict:
        storage = _entered_storage.get()
        return self._usual if storage is None else storage


def _install_switch() -> None:
    usual = moto_models.s3_backends
    if not isinstance(usual, _Switch):
        switch = _Switch(usual)
        for module in (moto_models, moto_responses):
            vars(module)["s3_backends"] = switch


@functools.cache
def _application() -> Any:
    return create_backend_app("s3")


class Objects:
    """Buckets and objects of one local cloud."""

    def __init__(self) -> None:
        _install_switch()
        self._storage = _Storage()
        self.application = _application()

    def serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers an S3 request; the whole reply is made before this returns."""
        with self._entered():
            reply: Iterable[bytes] = self.application(environ, start_response)
            return reply

    def create_bucket(self, account: str, region: str, bucket: str) -> None:
        """Makes an empty bucket. Raises ValueError for a name that is taken or not allowed."""
        try:
            with self._entered():
                self._backend(account, region).create_bucket(bucket, region)
        except S3ClientError as error:
            raise ValueError(f"bucket {bucket!r} cannot be created: {error.message}") from error

    def check_region(self, account: str, region: str, bucket: str) -> None:
        """Raises `ObjectUnreadable` for a bucket that is missing or in another Region."""
        try:
            with self._entered():
                found: str = self._backend(account, region).get_bucket(bucket).region_name
        except S3ClientError as error:
            raise ObjectUnreadable(f"s3://{bucket}: {error.message}") from error
        if found != region:
            raise ObjectUnreadable(f"s3://{bucket} is in {found}, not in {region}")

    def read(
        self, account: str, region: str, bucket: str, key: str, version: str | None = None
    ) -> bytes:
        """The bytes of an object. Raises `ObjectUnreadable`."""
        return self._key(account, region, bucket, key, version).value

    def size(
        self, account: str, region: str, bucket: str, key: str, version: str | None = None
    ) -> int:
        """Bytes in an object. Raises `ObjectUnreadable`."""
        return self._key(account, region, bucket, key, version).size

    def has(self, account: str, region: str, bucket: str, key: str) -> bool:
        """Whether there is such an object."""
        try:
            self._key(account, region, bucket, key, None)
        except ObjectUnreadable:
            return False
        return True

    def write(
        self, account: str, region: str, bucket: str, key: str, data: bytes, *, content_type: str
    ) -> None:
        """Writes an object. Raises `BucketUnwritable`."""
        try:
            with self._entered():
                made = self._backend(account, region).put_object(bucket, key, data)
                made.set_metadata({"Content-Type": content_type})
        except S3ClientError as error:
            raise BucketUnwritable(f"s3://{bucket}/{key}: {error.message}") from error

    def close(self) -> None:
        """Frees what the objects hold."""
        with self._entered():
            for account in self._storage.values():
                for backend in account.values():
                    _dispose(backend)
            self._storage.clear()

    def _key(
        self, account: str, region: str, bucket: str, key: str, version: str | None
    ) -> FakeKey:
        try:
            with self._entered():
                found = self._backend(account, region).get_object(bucket, key, version)
        except S3ClientError as error:
            raise ObjectUnreadable(f"s3://{bucket}/{key}: {error.message}") from error
        if found is None:
            raise ObjectUnreadable(f"s3://{bucket}/{key}: no such object")
        return found

    def _backend(self, account: str, region: str) -> S3Backend:
        backend: S3Backend = self._storage[account][get_partition(region)]
        return backend

    @contextmanager
    def _entered(self) -> Iterator[None]:
        token = _entered_storage.set(self._storage)
        try:
            yield
        finally:
            _entered_storage.reset(token)


def _dispose(backend: S3Backend) -> None:
    for bucket in backend.buckets.values():
        for name in bucket.keys:
            for key in bucket.keys.getlist(name, []):
                if isinstance(key, FakeKey):
                    key.dispose()
        for upload in bucket.multiparts.values():
            if isinstance(upload, FakeMultipart):
                upload.dispose()
