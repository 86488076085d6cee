"""The tree of errors: drawn as it is, complete, helpful, and able to cross processes."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

import rekognition_xray
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


def test_missing_credentials_and_region_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
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


# -- no message without what to do next: every place that makes an error is looked at ------------

PACKAGE = Path(rekognition_xray.__file__).parent
NAMES = {leaf.__name__: leaf for leaf in LEAVES}


def made() -> Iterator[tuple[str, ast.Call, type[XrayError]]]:
    """Every call in the package that makes an error of ours, with its place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                if name in NAMES:
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node, NAMES[name]


def said(call: ast.Call, argument: str) -> ast.expr | None:
    return next((given.value for given in call.keywords if given.arg == argument), None)


def knows_what_to_do(call: ast.Call, leaf: type[XrayError]) -> bool:
    """By a hint of its own, or because the class says it for all that it stands for.

    What XrayError says is no advice, and what AwsError says needs a code to look up.
    """
    if said(call, "hint") is not None or leaf is errors.MissingExtraError:
        return True
    if leaf.default_hint == errors.AwsError.default_hint:
        return said(call, "code") is not None
    return leaf.default_hint != XrayError.default_hint


def test_no_error_is_made_that_does_not_say_what_to_do_next() -> None:
    places = list(made())
    assert len(places) > 200
    assert [place for place, call, leaf in places if not knows_what_to_do(call, leaf)] == []


def test_every_hint_that_is_written_out_is_a_sentence() -> None:
    hints = {place: said(call, "hint") for place, call, _ in made()}
    texts = {
        place: hint.value if isinstance(hint, ast.Constant) else ast.unparse(hint)[2:-1]
        for place, hint in hints.items()
        if isinstance(hint, ast.Constant | ast.JoinedStr)
    }
    assert len(texts) > 50
    assert {place: text for place, text in texts.items() if not sentence(str(text))} == {}


def sentence(text: str) -> bool:
    return (
        len(text) > 10 and text.endswith((".", ">", "?", "'", "}", ")")) and not text[0].islower()
    )


def test_an_error_that_never_left_this_machine_says_where_to_look() -> None:
    from botocore.exceptions import UnknownServiceError

    with pytest.raises(errors.AwsError) as caught, aws_errors():
        raise UnknownServiceError(service_name="x", known_service_names="y")
    assert "profile" in caught.value.hint
