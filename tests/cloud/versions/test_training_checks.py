"""Every reason to refuse a training is reported before it bills."""

from __future__ import annotations

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets
from rekognition_xray.cloud.datasets import DatasetDescription
from rekognition_xray.cloud.quotas import Quotas
from rekognition_xray.cloud.versions import training_checks
from rekognition_xray.local import LocalCloud

STORE = "s3://clinic-xrays/images"
MODELS = "s3://clinic-xrays/models"


def test_a_training_needs_both_datasets(project: rx.CustomLabelsProject) -> None:
    with pytest.raises(errors.NotFoundError, match="no TEST and no TRAIN") as caught:
        project.train("v1", output=MODELS)
    assert "put_datasets" in caught.value.hint


def test_everything_that_stands_against_a_training_is_reported_together(
    project: rx.CustomLabelsProject, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    project = attrs.evolve(project, aws=attrs.evolve(project.aws, quotas=Quotas(versions=0)))
    with pytest.raises(
        errors.TrainingRefusedError, match="5 problems stop the training of"
    ) as caught:
        project.train(
            "v 1",
            output="s3://no-such-bucket/models",
            tags={"a;b": ""},
            max_cost="1",
        )
    assert [type(problem) for problem in caught.value.problems] == [
        errors.InvalidRequestError,
        errors.InvalidRequestError,
        errors.StorageError,
        errors.QuotaError,
        errors.CostCapError,
    ]
    for problem in caught.value.problems:
        assert problem.message in str(caught.value)
        assert problem.hint in str(caught.value)
    assert project.versions() == ()


@pytest.mark.parametrize("name", ["", "v 1", "a/b"])
def test_a_version_name_that_aws_would_refuse_is_refused(
    ready: rx.CustomLabelsProject, name: str
) -> None:
    with pytest.raises(errors.InvalidRequestError, match="name of a version"):
        ready.train(name, output=MODELS)


@pytest.mark.parametrize("key", ["", "-abc", "a key", "k" * 2049])
def test_what_is_no_kms_key_is_refused(ready: rx.CustomLabelsProject, key: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match="no KMS key"):
        ready.train("v1", output=MODELS, kms_key=key)


def test_the_kms_key_is_the_versions(ready: rx.CustomLabelsProject) -> None:
    version = ready.train("v1", output=MODELS, kms_key="alias/clinic")
    assert version.describe().kms_key == "alias/clinic"
    assert str(version.describe().output) == MODELS


def test_results_need_a_bucket(ready: rx.CustomLabelsProject) -> None:
    with pytest.raises(errors.StorageError, match="no-such-bucket"):
        ready.train("v1", output="s3://no-such-bucket/models")
    assert ready.versions() == ()


def test_a_bucket_of_somebody_else_is_one_of_the_problems(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    cloud.faults.error("HeadBucket", "AccessDenied", status=403)
    with pytest.raises(errors.TrainingRefusedError) as caught:
        ready.train("v 1", output=MODELS)
    assert isinstance(caught.value.problems[1], errors.AccessDeniedError)


def test_a_region_without_custom_labels_is_refused(cloud: LocalCloud) -> None:
    aws = rx.Aws(cloud.session(region="ca-central-1"))
    with pytest.raises(errors.InvalidRequestError, match="not offered in ca-central-1"):
        training_checks.check_training_region(aws)
    training_checks.check_training_region(attrs.evolve(aws, regions=["ca-central-1"]))


def test_a_dataset_whose_last_update_failed_is_not_trained_on(
    ready: rx.CustomLabelsProject,
) -> None:
    client, arn = ready.aws.rekognition, ready.datasets()["TRAIN"].arn
    line = b'{"source-ref":"s3://another-bucket/a.png"}'
    client.update_dataset_entries(DatasetArn=arn, Changes={"GroundTruth": line})
    with pytest.raises(errors.DatasetFailedError, match="UPDATE_FAILED"):
        ready.train("v1", output=MODELS)


def reported(entries: int, with_errors: int = 0, labelled: int | None = None) -> DatasetDescription:
    return DatasetDescription(
        "arn", "CREATE_COMPLETE", "", entries, labelled or entries, 2, with_errors
    )


def test_a_dataset_may_have_errors_in_a_fifth_of_its_entries() -> None:
    training_checks.check_errors("TRAIN", reported(10, 2))
    with pytest.raises(errors.ManifestError, match=r"3 of 10 entries .* more than 20 %") as caught:
        training_checks.check_errors("TRAIN", reported(10, 3))
    assert "has_errors=True" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "counts", "entries", "refusal"),
    [
        ("TRAIN", {}, 0, (errors.ManifestError, "no images")),
        ("TRAIN", {"normal": 5}, 5, (errors.LabelsError, r"images of 1 labels \(normal\)")),
        (
            "TEST",
            {"normal": 5, "viral": 1001},
            1006,
            (errors.ManifestError, "1,000 images of viral"),
        ),
        (
            "TRAIN",
            dict.fromkeys(map(str, range(251)), 1),
            251,
            (errors.ManifestError, "251 labels"),
        ),
        ("TRAIN", {"a": 1, "b": 1}, 250_001, (errors.ManifestError, "250,001 images")),
    ],
)
def test_datasets_that_would_fail_after_hours_are_refused(
    aws: rx.Aws, kind, counts, entries: int, refusal: tuple[type[errors.XrayError], str]
) -> None:
    leaf, what = refusal
    with pytest.raises(leaf, match=what):
        training_checks.check_images(kind, reported(entries), counts, aws=aws)


def test_few_images_and_images_without_a_label_are_reported(
    aws: rx.Aws, caplog: pytest.LogCaptureFixture
) -> None:
    counts = {"normal": 9, "viral": 10}
    training_checks.check_images("TRAIN", reported(20, labelled=19), counts, aws=aws)
    assert "recommends 10 images of a label or more: normal (9)" in caplog.text
    assert "1 images have no label" in caplog.text


def test_half_of_the_trained_labels_must_be_tested_and_no_others() -> None:
    train = dict.fromkeys("abcd", 10)
    training_checks.check_overlap(train, {"a": 1, "b": 1})
    with pytest.raises(errors.LabelsError, match=r"1 of 4 trained labels .*\(b, c, d are not\)"):
        training_checks.check_overlap(train, {"a": 1})
    with pytest.raises(errors.LabelsError, match="Only the TEST dataset holds x, y"):
        training_checks.check_overlap(train, {"a": 1, "b": 1, "x": 1, "y": 1})


def test_datasets_of_others_are_looked_into(ready: rx.CustomLabelsProject) -> None:
    datasets.delete_dataset(ready.aws, ready.datasets()["TEST"].arn)
    datasets.create_dataset(ready.aws, ready.arn, "TEST", None)
    with pytest.raises(errors.TrainingRefusedError) as caught:
        ready.train("v1", output=MODELS)
    assert "no images" in str(caught.value)
    assert "0 of 3 trained labels" in str(caught.value)
    assert ready.versions() == ()


@pytest.mark.parametrize(("region", "most"), [("us-east-1", 2), ("ap-southeast-2", 1)])
def test_quotas_are_awss_by_default(region: str, most: int) -> None:
    assert Quotas().trainings_in(region) == most
    assert Quotas(trainings=7).trainings_in(region) == 7


def test_a_project_that_is_full_takes_no_version(aws: rx.Aws) -> None:
    with pytest.raises(errors.QuotaError, match="has 100 versions, and may have 100"):
        training_checks.check_quotas(aws, "arn", 100, [])
    raised = attrs.evolve(aws, quotas=Quotas(versions=200))
    training_checks.check_quotas(raised, "arn", 100, [])


def test_who_may_not_see_other_projects_leaves_the_counting_to_the_service(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    denied = cloud.faults.error("DescribeProjects", "AccessDeniedException")
    assert training_checks.running_trainings(ready.aws) == []
    assert denied.met == 1
