"""From a boto3 session to clients, and from boto3's errors to ours. The only boto3 file."""

from __future__ import annotations

import datetime as dt
import io
import logging
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

import attrs
import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)
from botocore.parsers import ResponseParserError, ResponseParserFactory
from botocore.utils import parse_timestamp

from rekognition_xray import errors
from rekognition_xray.cloud.quotas import Quotas
from rekognition_xray.cloud.recipe import AwsRecipe, own_address
from rekognition_xray.cloud.retries import RetryRule, retry_after
from rekognition_xray.cloud.waiting import Clock, SystemClock

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from botocore.model import OperationModel
    from types_boto3_rekognition import RekognitionClient
    from types_boto3_s3 import S3Client

log = logging.getLogger(__name__)

_CODES: Final[dict[type[errors.AwsError], tuple[str, ...]]] = {
    errors.AccessDeniedError: ("AccessDeniedException", "AccessDenied", "403", "AllAccessDisabled"),
    errors.CredentialsError: (
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ),
    errors.NotFoundError: ("ResourceNotFoundException", "SessionNotFoundException"),
    errors.AlreadyExistsError: ("ResourceAlreadyExistsException",),
    errors.InUseError: (
        "ResourceInUseException",
        "ConflictException",
        "IdempotentParameterMismatchException",
    ),
    errors.NotReadyError: ("ResourceNotReadyException",),
    errors.InvalidRequestError: (
        "InvalidParameterException",
        "ValidationException",
        "InvalidPaginationTokenException",
        "InvalidPolicyRevisionIdException",
        "MalformedPolicyDocumentException",
        "SerializationException",
        "UnknownOperationException",
    ),
    errors.InvalidImageError: (
        "ImageTooLargeException",
        "InvalidImageFormatException",
        "VideoTooLargeException",
    ),
    errors.StorageError: (
        "InvalidS3ObjectException",
        "InvalidManifestException",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchVersion",
        "404",
        "301",
        "PermanentRedirect",
        "AuthorizationHeaderMalformed",
        "InvalidBucketName",
        "BadDigest",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    ),
    errors.QuotaError: (
        "LimitExceededException",
        "ServiceQuotaExceededException",
        "HumanLoopQuotaExceededException",
    ),
    errors.ThrottledError: (
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "SlowDown",
        "RequestLimitExceeded",
    ),
    errors.ServiceFaultError: ("InternalServerError", "InternalError", "ServiceUnavailable"),
}
_ERROR_OF: Final = {code: leaf for leaf, codes in _CODES.items() for code in codes}
REGIONS: Final = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "eu-central-1",
        "eu-west-1",
        "eu-west-2",
        "us-east-1",
        "us-east-2",
        "us-west-2",
    }
)
"""Regions that offer Custom Labels, by AWS's general reference as of November 2026."""

_NO_REPLY: Final = (BotoConnectionError, HTTPClientError)
_ASK_FROM: Final = 1 << 20  # bytes
_NO_IDENTITY: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    CredentialRetrievalError,
    SSOError,
)
_STILL_EXPIRED: Final = "refreshed credentials are still expired"
"""How botocore says it; it has no class of its own for that."""


def _from_reply(error: ClientError, arn: str) -> errors.AwsError:
    """The leaf of our tree for an error reply; its class comes from the code, else the status."""
    details = error.response.get("Error", {})
    meta = error.response.get("ResponseMetadata", {})
    code, text = str(details.get("Code", "")), str(details.get("Message", ""))
    leaf = _ERROR_OF.get(code)
    if leaf is None:
        fault = int(meta.get("HTTPStatusCode", 0)) >= 500
        leaf = errors.ServiceFaultError if fault else errors.AwsError
    request_id = str(meta.get("RequestId", ""))
    about = f" for {arn}" if arn else ""
    request = f" (request id {request_id})" if request_id else ""
    made = leaf(
        f"{error.operation_name}{about} was refused: {code}: {text}{request}",
        operation=error.operation_name,
        code=code,
        request_id=request_id,
        arn=arn,
    )
    if isinstance(made, errors.ThrottledError):
        made.retry_after = retry_after(meta.get("HTTPHeaders", {}))
    return made


def _from_client(error: BotoCoreError, arn: str) -> errors.AwsError:
    """The leaf for an error that never became a reply."""
    text = str(error)
    if isinstance(error, _NO_IDENTITY):
        return errors.CredentialsError(text, arn=arn)
    if isinstance(error, _NO_REPLY):
        return errors.ConnectionFailedError(text, arn=arn)
    if isinstance(error, NoRegionError):
        hint = "Set AWS_DEFAULT_REGION, or pass boto3.Session(region_name=...)."
        return errors.InvalidRequestError(text, arn=arn, hint=hint)
    if isinstance(error, ParamValidationError):
        return errors.InvalidRequestError(text, arn=arn)
    hint = "The call never left this machine: check the session's profile, Region and settings."
    return errors.AwsError(text, arn=arn, hint=hint)


class _AwsErrors:  # a generator would cost a detection three times as much
    __slots__ = ("_arn",)

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, ClientError):
            raise _from_reply(error, self._arn) from error
        if isinstance(error, BotoCoreError):
            raise _from_client(error, self._arn) from error
        if isinstance(error, ResponseParserError):
            text = f"a reply that is no reply: {error}"
            raise errors.ServiceFaultError(text, arn=self._arn) from error
        if isinstance(error, RuntimeError) and _STILL_EXPIRED in str(error):
            hint = "Check this machine's clock, and what gives out the credentials."
            raise errors.CredentialsError(str(error), arn=self._arn, hint=hint) from error


def aws_errors(arn: str = "") -> AbstractContextManager[None]:
    """Raises whatever boto3 raises inside as an error of our tree.

    Args:
        arn: ARN or address of what the calls are about, for the message.
    """
    return _AwsErrors(arn)


def _log_reply(model: OperationModel, parsed: Mapping[str, Any], **_: object) -> None:
    """Logs AWS's id of each request, at DEBUG; the record has it as ``request_id``, too."""
    if not log.isEnabledFor(logging.DEBUG):
        return
    meta = parsed.get("ResponseMetadata", {})
    known = {"operation": model.name, "request_id": str(meta.get("RequestId", ""))}
    status = meta.get("HTTPStatusCode", "no status")
    log.debug("%s: %s, request id %s", model.name, status, known["request_id"], extra=known)


def _send_at_once(request: AWSRequest, **_: object) -> None:
    """Sends a small body with its headers; to ask S3 first costs an image one more round trip."""
    body = request.data
    if isinstance(body, io.BytesIO) and body.getbuffer().nbytes < _ASK_FROM:
        del request.headers["Expect"]  # no error where it is absent


def _read_times_fast(client: S3Client) -> None:
    """Lets a client read ISO times by the standard library.

    botocore's own way, which guesses the form of each, takes four fifths of the time of a listing.
    Where a later botocore keeps its parser elsewhere, listings are slower, and that is all.
    """
    endpoint = getattr(client, "_endpoint", None)
    if hasattr(endpoint, "_response_parser_factory"):
        factory = ResponseParserFactory()
        factory.set_parser_defaults(timestamp_parser=_time)
        vars(endpoint)["_response_parser_factory"] = factory


def _time(text: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:  # headers write times in another form
        return parse_timestamp(text)
    return found if found.tzinfo else parse_timestamp(text)


SessionFactory: TypeAlias = Callable[[], boto3.Session]

_FACTORY_HINT: Final = (
    "Name a function of a module that makes the session there, too: "
    "Aws(session_factory=my_module.make_session)."
)
_BY_RULE: Final = frozenset(
    {
        "env",
        "assume-role",
        "assume-role-with-web-identity",
        "sso",
        "shared-credentials-file",
        "login",
        "custom-process",
        "config-file",
        "ec2-credentials-file",
        "boto-config",
        "container-role",
        "iam-role",
    }
)
"""Where boto3 finds credentials by its own rules, so that another process finds them, too."""


def _default_session(aws: Aws) -> boto3.Session:
    return aws.session_factory() if aws.session_factory else boto3.Session()


@attrs.frozen
class Aws:
    """A boto3 session as it is, and clients with retries and time-outs set.

    Profiles, SSO, roles, Regions and ``AWS_ENDPOINT_URL`` work as boto3 users know them. The raw
    clients stay reachable as ``aws.rekognition`` and ``aws.s3``. Building one makes no call.
    Each reply's request id is logged at DEBUG.

    It pickles as a recipe (profile, Region, endpoints, settings), never with credentials; where
    boto3's own rules do not lead to the session, that needs a ``session_factory``.

    Attributes:
        session: the boto3 session; by default one that the factory makes, or boto3's own rules.
        session_factory: a function of a module that makes the session, in other processes, too.
        connect_timeout: seconds to wait for a connection.
        read_timeout: seconds to wait for a reply.
        attempts: attempts in all for a call that was throttled or met a fault, on every version of
            boto3; what the session says of retries is not used.
        clock: source of time for waiting.
        regions: the Regions that images may go to. If AWS's endpoints list one that its guide does
            not, name it here: it is then used, with a warning.
        quotas: what the account may have; see ``Quotas``.
        opted_out: that your organisation has opted out of AWS's use of content to improve its
            services; the notice about it is then left out. See ``storage.store``.
    """

    session_factory: SessionFactory | None = attrs.field(default=None, kw_only=True)
    session: boto3.Session = attrs.field(default=attrs.Factory(_default_session, takes_self=True))
    connect_timeout: float = attrs.field(default=10.0, kw_only=True)
    read_timeout: float = attrs.field(default=60.0, kw_only=True)
    attempts: int = attrs.field(default=5, kw_only=True, validator=attrs.validators.ge(1))
    clock: Clock = attrs.field(factory=SystemClock, kw_only=True)
    regions: Collection[str] = attrs.field(default=REGIONS, kw_only=True, repr=False)
    opted_out: bool = attrs.field(default=False, kw_only=True)
    quotas: Quotas = attrs.field(factory=Quotas, kw_only=True, repr=False)
    # A boto3 session must not make clients in several threads at once.
    _making: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False, eq=False)
    _regions: dict[str, str] = attrs.field(factory=dict, init=False, repr=False, eq=False)
    _urls: tuple[str | None, str | None] = attrs.field(
        default=(None, None), alias="urls", kw_only=True, repr=False
    )

    def __reduce__(self) -> tuple[Callable[[AwsRecipe], Aws], tuple[AwsRecipe]]:
        return Aws.from_recipe, (self.recipe(),)

    def _client(self, service: Literal["rekognition", "s3"], url: str | None, attempts: int) -> Any:
        config = Config(
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=64,
        )
        with self._making, aws_errors():
            try:
                client = self.session.client(service, config=config, endpoint_url=url)
            except ValueError as error:  # an endpoint that is no address
                hint = "Give an address such as http://127.0.0.1:5005."
                raise errors.InvalidRequestError(str(error), hint=hint) from error
        client.meta.events.register(
            f"needs-retry.{service}", cast("Any", RetryRule(attempts, _NO_REPLY))
        )
        client.meta.events.register("after-call", _log_reply)
        return client

    @cached_property
    def rekognition(self) -> RekognitionClient:
        """Client for Rekognition; it repeats what may be repeated."""
        return cast("RekognitionClient", self._client("rekognition", self._urls[0], self.attempts))

    @cached_property
    def rekognition_once(self) -> RekognitionClient:
        """Client that repeats nothing: for detections whose caller finds the right rate itself."""
        return cast("RekognitionClient", self._client("rekognition", self._urls[0], 1))

    @cached_property
    def s3(self) -> S3Client:
        """Client for S3."""
        client = cast("S3Client", self._client("s3", self._urls[1], self.attempts))
        client.meta.events.register("before-sign.s3.PutObject", _send_at_once)
        _read_times_fast(client)
        return client

    @property
    def region(self) -> str:
        """The Region that the clients speak to.

        Raises:
            InvalidRequestError: none is set.
        """
        return self.session.region_name or self.rekognition.meta.region_name  # the client explains

    @property
    def endpoint_url(self) -> str | None:
        """Address of a custom endpoint, such as a local cloud's; None for AWS itself."""
        return own_address(self.rekognition.meta.endpoint_url)

    def bucket_region(self, bucket: str) -> str:
        """The Region of a bucket. Calls HeadBucket, once for each bucket.

        Raises:
            StorageError: it does not exist, or lies elsewhere.
            AccessDeniedError: not allowed.
        """
        if bucket not in self._regions:
            with aws_errors(f"s3://{bucket}"):
                reply = self.s3.head_bucket(Bucket=bucket)
            self._regions[bucket] = reply.get("BucketRegion") or self.region
        return self._regions[bucket]

    def recipe(self) -> AwsRecipe:
        """What another process needs to make this ``Aws`` again.

        May ask boto3 for the credentials, to see where they come from.

        Raises:
            TypeError: another process could not make the session again.
        """
        factory = self.session_factory
        if factory is None:
            self._check_found_by_rule()
        elif "<" in getattr(factory, "__qualname__", "<"):
            raise TypeError(
                f"The session factory {factory!r} is no function of a module. {_FACTORY_HINT}"
            )
        profile = self.session.profile_name
        settings = {
            "connect_timeout": self.connect_timeout,
            "read_timeout": self.read_timeout,
            "attempts": self.attempts,
            "regions": frozenset(self.regions),
            "opted_out": self.opted_out,
            "quotas": self.quotas,
        }
        return AwsRecipe(
            factory=factory,
            profile=None if factory or profile == "default" else profile,
            region=self.region,
            endpoints=(None, None) if factory else self._endpoints(),
            settings=tuple(settings.items()),
            clock=self.clock,
        )

    @classmethod
    def from_recipe(cls, recipe: AwsRecipe) -> Aws:
        """The ``Aws`` of a recipe.

        A process makes one for each recipe, so that its connections are kept.
        """
        with _remaking:
            if recipe not in _remade:
                _remade[recipe] = _remake(recipe)
            return _remade[recipe]

    def _endpoints(self) -> tuple[str | None, str | None]:
        """Addresses of Rekognition and S3, where they are not AWS's own."""
        return self.endpoint_url, own_address(self.s3.meta.endpoint_url)

    def _check_found_by_rule(self) -> None:
        name = f"{type(self.session).__module__}.{type(self.session).__qualname__}"
        if name != "boto3.session.Session":
            raise TypeError(
                f"A session of {name} cannot be made again in another process. {_FACTORY_HINT}"
            )
        credentials = self.session.get_credentials()
        if credentials is not None and credentials.method not in _BY_RULE:
            raise TypeError(
                "A session with credentials of its own cannot be made again in another process: "
                f"credentials are never sent there. {_FACTORY_HINT}"
            )


def method_of(client: RekognitionClient, operation: str) -> Callable[..., Any]:
    """The method of a client for an operation by AWS's name, such as ``CreateProject``.

    Raises:
        KeyError: there is no such operation.
    """
    python = {wire: name for name, wire in client.meta.method_to_api_mapping.items()}
    method: Callable[..., Any] = getattr(client, python[operation])
    return method


def offers_custom_labels(aws: Aws) -> bool:
    """Whether the Region offers Custom Labels, by AWS's guide or by ``aws.regions``.

    Logs a warning where only ``aws.regions`` says so.
    """
    if aws.region in aws.regions and aws.region not in REGIONS:
        log.warning(
            "AWS's guide does not list %s for Custom Labels (as of November 2026); it is used "
            "because regions= names it.",
            aws.region,
        )
    return aws.region in aws.regions


_remade: dict[AwsRecipe, Aws] = {}
_remaking = threading.Lock()


def _remake(recipe: AwsRecipe) -> Aws:
    factory = cast("SessionFactory | None", recipe.factory)
    session = (
        factory()
        if factory
        else boto3.Session(profile_name=recipe.profile, region_name=recipe.region)
    )
    return Aws(
        session,
        session_factory=factory,
        clock=recipe.clock,
        urls=recipe.endpoints,
        **dict(recipe.settings),  # type: ignore[arg-type]
    )
