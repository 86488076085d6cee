"""The published JSON schemas hold for real answers, and refuse what is none."""

from __future__ import annotations

import json

import attrs
import jsonschema
import pytest

import rekognition_xray as rx


def validator(kind):
    jsonschema.Draft202012Validator.check_schema(kind.json_schema())
    return jsonschema.Draft202012Validator(kind.json_schema())


@pytest.fixture
def answers(clinic, tmp_path):
    policy = rx.Policy(threshold=0.5, refer_from=0.2, refer_to=0.8)
    images = [*clinic.images[:4], clinic.images[0].read_bytes(), tmp_path / "none.jpeg"]
    output = [
        *rx.Diagnoser(clinic.version).diagnose_many(images),
        *rx.Diagnoser(clinic.version, policy).diagnose_many(images),
    ]
    return [(type(one), json.loads(json.dumps(one.to_dict()))) for one in output]


def test_real_answers_are_valid(answers):
    assert {kind for kind, _ in answers} == {rx.Diagnosis, rx.FailedDiagnosis}
    for kind, output in answers:
        validator(kind).validate(output)


def test_every_field_is_required_and_no_other_is_allowed(answers):
    for kind, output in answers:
        valid = validator(kind).is_valid
        assert not valid(output | {"patient": "Doe"})
        for field in output:
            assert not valid({key: value for key, value in output.items() if key != field}), field


@pytest.mark.parametrize("kind", [rx.Diagnosis, rx.FailedDiagnosis])
def test_schema_and_class_have_the_same_fields_and_each_is_described(kind):
    schema = kind.json_schema()
    fields = [field.name for field in attrs.fields(kind)]
    assert list(schema["properties"]) == schema["required"] == fields
    assert all(field["description"] for field in schema["properties"].values())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("confidences", {"normal": 99.5}),  # a percentage is no fraction
        ("confidences", {"normal": "0.5"}),
        ("referred", "no"),
        ("finding", ""),
        ("threshold", 1.5),
        ("image_sha256", "ABC"),
        ("version_arn", "v1"),
        ("seconds", -1),
    ],
)
def test_values_of_another_kind_or_unit_are_refused(answers, field, value):
    kind, output = answers[0]
    assert not validator(kind).is_valid(output | {field: value})
