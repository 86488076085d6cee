"""The tree of errors: drawn as it is, complete, helpful, and able to cross processes."""

from __future__ import annotations

import pickle
import re

import botocore.session
import pytest

from rekognition_xray import errors
from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.errors import XrayError

LEAVES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, XrayError)
]
MODEL = botocore.session.get_session().get_service_model("rekognition")


def drawn_tree() -> dict[str, str]:
    """Name to name of the parent, read from the drawing at the top of the module."""
    parents, path = {}, [(0, "XrayError")]
    for line in errors.__doc__.splitlines():  # type: ignore[union-attr]
        found = re.match(r"(    [│ ]*)[├└]── (\w+)", line)
        if not found:
            continue
        depth = len(found[1])
        while len(path) > 1 and path[-1][0] >= depth:
            path.pop()
        parents[found[2]] = path[-1][1]
        path.append((depth, found[2]))
    return parents


def test_the_drawing_shows_exactly_the_classes() -> None:
    real = {leaf.__name__: leaf.__mro__[1].__name__ for leaf in LEAVES if leaf is not XrayError}
    assert drawn_tree() == real


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_every_error_says_what_to_do(leaf: type[XrayError]) -> None:
    assert leaf.default_hint.endswith((".", ">"))
    if leaf is errors.MissingExtraError:
        assert "pip install" in str(errors.MissingExtraError("local", needed_for="LocalCloud"))
    else:
        assert leaf("it broke").hint in str(leaf("it broke"))


@pytest.mark.parametrize("shape", MODEL.error_shapes, ids=lambda shape: shape.name)
def test_every_error_of_the_service_has_a_class_of_its_own(shape) -> None:
    from botocore.exceptions import ClientError

    reply = {"Error": {"Code": shape.name, "Message": "no"}, "ResponseMetadata": {"RequestId": "r"}}
    with pytest.raises(errors.AwsError) as caught, aws_errors("arn:x"):
        raise ClientError(reply, "CreateProject")
    error = caught.value
    assert type(error) is not errors.AwsError
    assert (error.operation, error.code, error.request_id) == ("CreateProject", shape.name, "r")
    assert error.arn == "arn:x"


@pytest.mark.parametrize(
    ("status", "leaf"), [(503, errors.ServiceFaultError), (418, errors.AwsError)]
)
def test_an_unknown_code_is_judged_by_its_status(status: int, leaf: type[XrayError]) -> None:
    from botocore.exceptions import ClientError

    reply = {"Error": {"Code": "New"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(leaf) as caught, aws_errors():
        raise ClientError(reply, "CreateProject")
    assert type(caught.value) is leaf


def test_missing_credentials_and_region_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.InvalidRequestError, match="region") as no_region:
        Aws().rekognition  # noqa: B018
    assert "AWS_DEFAULT_REGION" in no_region.value.hint
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with pytest.raises(errors.CredentialsError), aws_errors():
        Aws().rekognition.describe_projects()


def test_an_endpoint_that_nobody_serves_is_a_connection_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    aws = Aws(attempts=1)
    with pytest.raises(ConnectionError) as caught, aws_errors():
        aws.rekognition.describe_projects()
    assert isinstance(caught.value, errors.ConnectionFailedError)
    assert aws.endpoint_url == "http://127.0.0.1:9"


def test_errors_survive_the_way_between_processes() -> None:
    error = errors.QuotaError("full", operation="StartProjectVersion", arn="arn:x", code="L")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.arn) == (errors.QuotaError, str(error), "arn:x")
    missing = pickle.loads(pickle.dumps(errors.MissingExtraError("local", needed_for="X")))
    assert missing.extra == "local"


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_every_error_can_come_back_from_a_process(leaf: type[XrayError]) -> None:
    made = leaf("dicom", needed_for="X") if leaf is errors.MissingExtraError else leaf("it broke")
    back = pickle.loads(pickle.dumps(made))
    assert (type(back), str(back), back.args) == (leaf, str(made), made.args)


def test_a_long_list_of_paths_is_cut_and_counted() -> None:
    text = errors.list_paths(f"file{n}" for n in range(105))
    assert "file99" in text
    assert "file100" not in text
    assert "5 more" in text
