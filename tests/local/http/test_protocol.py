"""The wire: bodies, shapes, errors. Spoken in raw HTTP, for botocore hides what is sent."""

from __future__ import annotations

import base64
import http.client
import json
import re

import attrs
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from rekognition_xray.local import Assumptions
from rekognition_xray.local.failures import ServiceError
from rekognition_xray.local.http import OPERATIONS
from rekognition_xray.local.http.protocol import operation_model, parse, render

ARN = "arn:aws:rekognition:us-east-1:123456789012:project/a/1234567890123"


@attrs.frozen
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self):
        return json.loads(self.body)["__type"]


@pytest.fixture
def ask(desk, port):
    """Sends one request as it is; `account` None leaves the signature out."""

    def asked(
        target="RekognitionService.DescribeProjects",
        body=b"{}",
        *,
        account="123456789012",
        region="us-east-1",
        service="rekognition",
        method="POST",
        path="/",
        headers=(),
    ):
        url = f"http://127.0.0.1:{port}{path}"
        request = AWSRequest(method, url, {"X-Amz-Target": target} if target else {}, body)
        if account is not None:
            SigV4Auth(Credentials(account, "s"), service, region).add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body, {**dict(request.headers), **dict(headers)})
            reply = connection.getresponse()
            return Answer(
                reply.status,
                {name.lower(): value for name, value in reply.getheaders()},
                reply.read(),
            )
        finally:
            connection.close()

    return asked


def test_a_reply_is_json_11_with_a_request_id(ask):
    reply = ask()
    assert (reply.status, json.loads(reply.body)) == (200, {"ProjectDescriptions": []})
    assert reply.headers["content-type"] == "application/x-amz-json-1.1"
    assert re.fullmatch(r"[0-9a-f-]{36}", reply.headers["x-amzn-requestid"])


def test_an_error_has_the_documented_form(ask):
    reply = ask("RekognitionService.DeleteProject", json.dumps({"ProjectArn": ARN}).encode())
    document = json.loads(reply.body)
    assert reply.status == 400
    assert document["__type"] == document["Code"] == "ResourceNotFoundException"
    assert document["Logref"] == reply.headers["x-amzn-requestid"]
    assert document["Message"]


def test_an_empty_body_asks_without_members(ask):
    assert ask(body=b"").status == 200


@pytest.mark.parametrize(
    "target",
    ["RekognitionService.Nothing", "Nothing", "Other.DescribeProjects", "RekognitionService."],
)
def test_an_unknown_operation_is_refused(ask, target):
    reply = ask(target)
    assert (reply.status, reply.error) == (400, "UnknownOperationException")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"nope", b'{"a":NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(ask, body):
    reply = ask(body=body)
    assert (reply.status, reply.error) == (400, "SerializationException")


@pytest.mark.parametrize(
    "members",
    [[], 7, "text", {"MaxResults": "7"}, {"ProjectNames": "a"}, {"MaxResults": True}],
)
def test_a_member_of_the_wrong_type_is_refused(ask, members):
    reply = ask(body=json.dumps(members).encode())
    assert (reply.status, reply.error) == (400, "SerializationException")


def test_a_blob_that_is_not_base64_is_refused(ask):
    version = ARN.replace("/1234567890123", "/version/b/1234567890123")
    members = {"ProjectVersionArn": version, "Image": {"Bytes": "%%%"}}
    reply = ask("RekognitionService.DetectCustomLabels", json.dumps(members).encode())
    assert reply.error == "SerializationException"


def test_null_counts_as_absent(ask):
    assert ask(body=b'{"MaxResults":null,"NextToken":null}').status == 200


def test_members_that_the_model_does_not_know_are_passed_over(ask):
    assert ask(body=b'{"Colour":"red"}').status == 200


def test_a_request_without_a_signature_is_refused(ask):
    reply = ask(account=None)
    assert (reply.status, reply.error) == (403, "MissingAuthenticationTokenException")


def test_a_body_beyond_the_bound_is_refused(ask):
    reply = ask(body=b" " * (17 << 20))
    assert (reply.status, reply.error) == (413, "RequestEntityTooLargeException")


@pytest.mark.parametrize("service", ["sts", "dynamodb", "sagemaker"])
def test_another_service_is_refused_by_name(ask, service):
    reply = ask(target=None, service=service)
    assert (reply.status, reply.error) == (501, "NotImplementedException")
    assert service in json.loads(reply.body)["Message"]


@pytest.mark.parametrize("operation", ["DetectLabels", "SearchFaces", "CreateCollection"])
def test_an_operation_that_is_not_offered_says_so_by_name(operation):
    from rekognition_xray.local.http.operations import answer
    from rekognition_xray.local.state import Caller

    with pytest.raises(ServiceError, match=operation) as caught:
        answer(None, Caller("1" * 12, "x"), f"RekognitionService.{operation}", b"{}", check=True)
    assert (caught.value.code, caught.value.status) == ("NotImplementedException", 501)


def test_region_and_account_come_from_the_signature(ask):
    made = ask(
        "RekognitionService.CreateProject",
        b'{"ProjectName":"p"}',
        account="210987654321",
        region="eu-west-1",
    )
    assert b"arn:aws:rekognition:eu-west-1:210987654321:project/p/" in made.body
    assert json.loads(ask().body) == {"ProjectDescriptions": []}
    own = ask(account="210987654321", region="eu-west-1")
    assert len(json.loads(own.body)["ProjectDescriptions"]) == 1


def test_a_key_that_is_no_account_number_stands_for_the_usual_account(ask):
    made = ask("RekognitionService.CreateProject", b'{"ProjectName":"p"}', account="AKIAEXAMPLE")
    assert b":123456789012:project/p/" in made.body


def test_an_arn_of_another_account_is_not_found(ask):
    made = ask("RekognitionService.CreateProject", b'{"ProjectName":"p"}')
    reply = ask("RekognitionService.DeleteProject", made.body, account="210987654321")
    assert reply.error == "ResourceNotFoundException"


def test_an_arn_of_another_region_is_not_found(ask):
    made = ask("RekognitionService.CreateProject", b'{"ProjectName":"p"}')
    reply = ask("RekognitionService.DeleteProject", made.body, region="us-west-2")
    assert reply.error == "ResourceNotFoundException"


def test_s3_answers_on_the_same_port(ask):
    reply = ask(target=None, method="GET", service="s3")
    assert reply.status == 200
    assert b"<Name>images</Name>" in reply.body


@pytest.mark.parametrize(
    "path", ["/images?versions", "/nowhere/key", "/images?location", "//", "/%"]
)
def test_no_s3_request_ends_in_a_traceback(ask, path):
    reply = ask(target=None, method="GET", path=path, service="s3")
    assert b"Traceback" not in reply.body


def test_a_bucket_may_stand_in_the_host_name(ask, port, image):
    headers = {"Host": f"images.localhost:{port}"}
    put = ask(None, image("viral"), method="PUT", path="/a%20b.jpeg", service="s3", headers=headers)
    assert put.status == 200
    assert ask(None, None, method="GET", path="/images/a%20b.jpeg", service="s3").body == image(
        "viral"
    )


def parsed(operation, members, **assumptions):
    body = json.dumps(members).encode()
    model = operation_model(f"RekognitionService.{operation}")
    return parse(model, body, Assumptions(**assumptions))


def code_of(operation, members, **assumptions):
    with pytest.raises(ServiceError) as caught:
        parsed(operation, members, **assumptions)
    return caught.value


def test_a_page_above_the_maximum_is_reported_in_the_frameworks_words():
    error = code_of("DescribeProjects", {"MaxResults": 101})
    assert error.code == "ValidationException"
    assert error.message == (
        "1 validation error detected: Value '101' at 'MaxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 100"
    )


def test_the_code_of_a_broken_constraint_is_an_assumption():
    error = code_of("CreateProject", {"ProjectName": "a b"}, shape_error="ValidationException")
    assert error.message.startswith("1 validation error detected: Value 'a b' at 'ProjectName'")
    assert code_of("CreateProject", {"ProjectName": "a b"}).code == "InvalidParameterException"


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("CreateProject", {}),
        ("CreateProject", {"ProjectName": ""}),
        ("CreateProject", {"ProjectName": "a", "Feature": "X"}),
        ("DescribeProjects", {"ProjectNames": []}),
        ("DescribeProjects", {"ProjectNames": list("abcdefghijk")}),
        ("DescribeProjects", {"NextToken": "x" * 1025}),
        ("DeleteProject", {"ProjectArn": f"{ARN}\n"}),
        ("DeleteProject", {"ProjectArn": f" {ARN}"}),
        ("DeleteProject", {"ProjectArn": ARN.replace("123456789012", "12345678901a")}),
        ("ListDatasetEntries", {"DatasetArn": ARN}),
        ("TagResource", {"ResourceArn": ARN, "Tags": {f"k{n}": "" for n in range(201)}}),
        ("TagResource", {"ResourceArn": ARN, "Tags": {"k": "x" * 257}}),
        ("TagResource", {"ResourceArn": ARN, "Tags": {"AWS*": ""}}),
    ],
)
def test_a_value_outside_its_shape_is_refused(operation, members):
    assert code_of(operation, members).code == "InvalidParameterException"


def test_blobs_arrive_as_bytes():
    blob = base64.b64encode(b"\x00\xff").decode()
    dataset = ARN.replace("/1234567890123", "/dataset/train/1234567890123")
    members = parsed(
        "UpdateDatasetEntries", {"DatasetArn": dataset, "Changes": {"GroundTruth": blob}}
    )
    assert members["Changes"]["GroundTruth"] == b"\x00\xff"


@pytest.mark.parametrize(
    "reply",
    [
        {"ProjectDescriptions": [{"Status": "MADE_UP"}]},
        {"ProjectDescriptions": [{"Colour": "red"}]},
        {"ProjectDescriptions": "none"},
    ],
)
def test_a_reply_that_breaks_the_model_is_caught(reply):
    model = operation_model("RekognitionService.DescribeProjects")
    with pytest.raises(AssertionError, match="DescribeProjects"):
        render(model, reply, check=True)


def test_every_offered_operation_is_one_of_the_service():
    model = botocore.session.Session().get_service_model("rekognition")
    assert set(OPERATIONS) <= set(model.operation_names)
