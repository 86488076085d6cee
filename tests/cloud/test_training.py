"""Trainings: everything that stands against one is told before it bills; repeated, it is found."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets, training_checks
from rekognition_xray.cloud.dataset_calls import DatasetDescription
from rekognition_xray.cloud.training_checks import TrainingQuotas
from rekognition_xray.cloud.training_estimate import Earlier, training_range
from rekognition_xray.cloud.training_progress import TrainingProgress, Watch
from rekognition_xray.cloud.waiting import WaitProgress
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

STORE = "s3://clinic-xrays/films"
MODELS = "s3://clinic-xrays/models"


@pytest.fixture
def ready(project: rx.CustomLabelsProject, draw) -> rx.CustomLabelsProject:
    """A project with both datasets."""
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    return project


# -- what stands against a training ------------------------------------------------------------


def test_a_training_needs_both_datasets(project: rx.CustomLabelsProject) -> None:
    with pytest.raises(errors.NotFoundError, match="no TEST and no TRAIN") as caught:
        project.train("v1", output=MODELS)
    assert "put_datasets" in caught.value.hint


def test_everything_that_stands_against_a_training_is_told_together(
    project: rx.CustomLabelsProject, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    quotas = TrainingQuotas(versions=0)
    with pytest.raises(errors.TrainingRefusedError, match="5 things stand against") as caught:
        project.train(
            "v 1",
            output="s3://no-such-bucket/models",
            tags={"a;b": ""},
            max_cost="1",
            quotas=quotas,
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
        training_checks.check_region(aws)
    training_checks.check_region(attrs.evolve(aws, regions=["ca-central-1"]))


def test_a_dataset_whose_last_update_failed_is_not_trained_on(
    ready: rx.CustomLabelsProject,
) -> None:
    client, arn = ready.aws.rekognition, ready.datasets()["TRAIN"].arn
    line = b'{"source-ref":"s3://another-bucket/a.png"}'
    client.update_dataset_entries(DatasetArn=arn, Changes={"GroundTruth": line})
    with pytest.raises(errors.DatasetFailedError, match="UPDATE_FAILED"):
        ready.train("v1", output=MODELS)


def told(entries: int, with_errors: int = 0, labelled: int | None = None) -> DatasetDescription:
    return DatasetDescription(
        "arn", "CREATE_COMPLETE", "", entries, labelled or entries, 2, with_errors
    )


def test_a_dataset_may_have_errors_in_a_fifth_of_its_entries() -> None:
    training_checks.check_errors("TRAIN", told(10, 2))
    with pytest.raises(errors.ManifestError, match=r"3 of 10 entries .* more than 20 %") as caught:
        training_checks.check_errors("TRAIN", told(10, 3))
    assert "has_errors=True" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "counts", "entries", "leaf", "what"),
    [
        ("TRAIN", {}, 0, errors.ManifestError, "no films"),
        ("TRAIN", {"normal": 5}, 5, errors.LabelsError, r"films of 1 labels \(normal\)"),
        ("TEST", {"normal": 5, "viral": 1001}, 1006, errors.ManifestError, "1,000 films of viral"),
        ("TRAIN", dict.fromkeys(map(str, range(251)), 1), 251, errors.ManifestError, "251 labels"),
        ("TRAIN", {"a": 1, "b": 1}, 250_001, errors.ManifestError, "250,001 films"),
    ],
)
def test_datasets_that_would_fail_after_hours_are_refused(
    kind, counts, entries: int, leaf: type[errors.XrayError], what: str
) -> None:
    with pytest.raises(leaf, match=what):
        training_checks.check_films(kind, told(entries), counts, region="us-east-1")


def test_few_films_and_films_without_a_label_are_told(caplog: pytest.LogCaptureFixture) -> None:
    counts = {"normal": 9, "viral": 10}
    training_checks.check_films("TRAIN", told(20, labelled=19), counts, region="us-east-1")
    assert "recommends 10 films of a label or more: normal (9)" in caplog.text
    assert "1 films have no label" in caplog.text


def test_half_of_the_trained_labels_must_be_tested_and_no_others() -> None:
    train = dict.fromkeys("abcd", 10)
    training_checks.check_overlap(train, {"a": 1, "b": 1})
    with pytest.raises(errors.LabelsError, match=r"1 of 4 trained labels .*\(b, c, d are not\)"):
        training_checks.check_overlap(train, {"a": 1})
    with pytest.raises(errors.LabelsError, match="Only the TEST dataset holds x, y"):
        training_checks.check_overlap(train, {"a": 1, "b": 1, "x": 1, "y": 1})


def test_datasets_of_others_are_looked_into(ready: rx.CustomLabelsProject) -> None:
    datasets.delete(ready.aws, ready.datasets()["TEST"].arn)
    datasets.create(ready.aws, ready.arn, "TEST", None)
    with pytest.raises(errors.TrainingRefusedError) as caught:
        ready.train("v1", output=MODELS)
    assert "no films" in str(caught.value)
    assert "0 of 3 trained labels" in str(caught.value)
    assert ready.versions() == ()


@pytest.mark.parametrize(("region", "most"), [("us-east-1", 2), ("ap-southeast-2", 1)])
def test_quotas_are_awss_unless_told(region: str, most: int) -> None:
    assert TrainingQuotas().trainings_in(region) == most
    assert TrainingQuotas(trainings=7).trainings_in(region) == 7


def test_a_project_that_is_full_takes_no_version(aws: rx.Aws) -> None:
    with pytest.raises(errors.QuotaError, match="has 100 versions, and may have 100"):
        training_checks.check_quotas(aws, "arn", 100, [], TrainingQuotas())
    training_checks.check_quotas(aws, "arn", 100, [], TrainingQuotas(versions=200))


@pytest.fixture
def begin(patient: rx.Aws, draw) -> Callable[[str], rx.ModelVersion]:
    """Begins a training of half an hour in a project of that name."""

    def begin(name: str) -> rx.ModelVersion:
        project = rx.CustomLabelsProject.get_or_create(name, aws=patient)
        train, test = draw().split(test=0.4, seed=1)
        project.put_datasets(train=train, test=test, store=STORE)
        return project.train("v1", output=MODELS)

    return begin


def test_trainings_of_all_projects_count(patient: rx.Aws, begin) -> None:
    busy = [begin(name) for name in ("one", "two")]
    project = rx.CustomLabelsProject.get_or_create("one", aws=patient)
    with pytest.raises(errors.QuotaError, match="2 trainings are running") as caught:
        project.train("v2", output=MODELS)
    assert all(version.arn in caught.value.message for version in busy)
    assert [version.name for version in project.versions()] == ["v1"]


def test_who_may_not_see_other_projects_leaves_the_counting_to_the_service(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    denied = cloud.faults.error("DescribeProjects", "AccessDeniedException")
    assert training_checks.running_trainings(ready.aws) == []
    assert denied.met == 1


# -- what it may cost --------------------------------------------------------------------------


def hours(films: int, *earlier: Earlier) -> tuple[Decimal, Decimal]:
    found = training_range(films, earlier, rx.PriceBook())
    return found.low.lines[0].quantity, found.high.lines[0].quantity


def test_without_an_earlier_training_the_range_is_the_published_one() -> None:
    found = training_range(5216, [], rx.PriceBook())
    assert (found.low.total, found.high.total) == (Decimal("0.50"), Decimal("24.00"))
    assert str(found).splitlines() == [
        "training: 0.5 to 24 h, 0.50 to 24.00 USD at 1.00 USD/h",
        "(by: AWS's guide: a training takes from 0.5 to 24 h)",
        "(by: the article of 2020: 1.308 h for 5,856 films of this kind)",
        "(by: this training: 5,216 films)",
    ]


def test_an_earlier_training_on_as_many_films_is_taken_twice_for_the_upper_end() -> None:
    assert hours(5000, Earlier("v1", Decimal("1.3"), 5000)) == (Decimal("1.3"), Decimal("2.6"))


def test_more_films_take_longer_in_proportion_or_not_at_all() -> None:
    assert hours(10_000, Earlier("v1", Decimal(1), 5000)) == (1, 4)
    assert hours(2500, Earlier("v1", Decimal(1), 5000)) == (Decimal("0.5"), 2)


def test_several_earlier_trainings_widen_the_range() -> None:
    earlier = (Earlier("v2", Decimal(2), 100), Earlier("v1", Decimal(1), 100))
    assert hours(100, *earlier) == (1, 4)


def test_no_training_takes_longer_than_aws_lets_it() -> None:
    assert hours(10_000, Earlier("v1", Decimal(5), 10)) == (5, 24)


def test_a_training_on_nobody_knows_how_many_films_is_told_and_not_used() -> None:
    assert hours(100, Earlier("v1", Decimal(1), None)) == (Decimal("0.5"), 24)
    found = training_range(100, [Earlier("v1", Decimal(1), None)], rx.PriceBook())
    assert "version v1 of this project: 1.000 h for an unknown number of films" in str(found)


def test_a_training_that_could_exceed_the_cap_is_not_started(ready: rx.CustomLabelsProject) -> None:
    with pytest.raises(errors.CostCapError, match=r"24 h and would then cost 24\.00 USD") as caught:
        ready.train("v1", output=MODELS, max_cost="23.99")
    assert "AWS has no call that stops a training" in caught.value.message
    assert "the article of 2020" in caught.value.message
    assert ready.versions() == ()
    ready.train("v1", output=MODELS, max_cost=24)


def test_earlier_trainings_of_the_project_lower_the_upper_end(trained: rx.ModelVersion) -> None:
    project = rx.CustomLabelsProject(trained.aws, trained.project_arn)
    assert trained.tags()["rxray.films"] == "18"
    found = project.training_estimate()
    assert found.high.total < Decimal(1)
    assert "version v1 of this project" in str(found)
    assert "for 18 films" in str(found)
    project.train("v2", output=MODELS, max_cost="1.00")


def test_the_estimate_is_logged_before_a_training_starts(
    ready: rx.CustomLabelsProject, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rekognition_xray")
    ready.train("v1", output=MODELS)
    assert "training: 0.5 to 24 h" in caplog.text
    assert "AWS has no call that stops a training, and bills only one that succeeds." in caplog.text


def test_an_estimate_needs_films(project: rx.CustomLabelsProject) -> None:
    with pytest.raises(errors.NotFoundError, match="no TRAIN dataset"):
        project.training_estimate()


# -- killed and repeated -----------------------------------------------------------------------


def test_a_training_that_is_asked_for_again_is_the_same_one(ready: rx.CustomLabelsProject) -> None:
    first = ready.train("v1", output=MODELS)
    again = ready.train("v1", output=f"{MODELS}/", max_cost="24")
    assert again == first
    first.wait_until_trained()
    assert ready.train("v1", output=MODELS, max_cost="0.00") == first, "nothing is started"
    assert ready.versions() == (first,)


@pytest.mark.parametrize("change", ["output", "kms_key", "datasets"])
def test_another_training_of_that_name_is_refused(
    ready: rx.CustomLabelsProject, draw, change: str
) -> None:
    first = ready.train("v1", output=MODELS)
    first.wait_until_trained()
    if change == "datasets":
        train, test = draw(patients=6).split(test=0.4, seed=1)
        ready.put_datasets(train=train, test=test, store=STORE, replace=True)
    asked = {"output": MODELS, **{"output": {"output": f"{MODELS}/2"}}.get(change, {})}
    if change == "kms_key":
        asked["kms_key"] = "alias/clinic"
    with pytest.raises(errors.AlreadyExistsError, match="version 'v1' already") as caught:
        ready.train("v1", **asked)
    assert "another name" in caught.value.hint
    assert ready.versions() == (first,)


def test_a_version_that_others_made_is_not_taken_for_ours(ready: rx.CustomLabelsProject) -> None:
    ready.aws.rekognition.create_project_version(
        ProjectArn=ready.arn, VersionName="v1", OutputConfig={"S3Bucket": "clinic-xrays"}
    )
    with pytest.raises(errors.AlreadyExistsError, match="not by this library"):
        ready.train("v1", output=MODELS)


@pytest.mark.usefixtures("no_wait")
def test_a_training_whose_start_was_not_answered_is_found(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    lost = cloud.faults.drop("CreateProjectVersion", when="after")
    version = ready.train("v1", output=MODELS)
    assert lost.met == 1
    assert ready.versions() == (version,)
    assert version.wait_until_trained().trained


def test_a_training_that_did_not_start_is_told_after_a_while(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    cloud.faults.drop("CreateProjectVersion", when="before")
    clock = NoWaitClock()
    hasty = rx.CustomLabelsProject(attrs.evolve(ready.aws, clock=clock), ready.arn)
    with pytest.raises(errors.ConnectionFailedError):
        hasty.train("v1", output=MODELS)
    assert clock.time == pytest.approx(10)
    assert ready.versions() == ()
    assert ready.train("v1", output=MODELS).name == "v1"


def test_who_is_second_to_start_the_same_training_gets_it(ready: rx.CustomLabelsProject) -> None:
    other = rx.CustomLabelsProject(rx.Aws(ready.aws.session), ready.arn)
    made: list[str] = []
    events = ready.aws.rekognition_once.meta.events
    event = "before-call.rekognition.CreateProjectVersion"

    def first(**_: object) -> None:
        made.append(other.train("v1", output=MODELS).arn)

    events.register(event, first, unique_id="race")
    try:
        assert ready.train("v1", output=MODELS).arn == made[0]
    finally:
        events.unregister(event, unique_id="race")
    assert [version.arn for version in ready.versions()] == made


@pytest.mark.heavy
def test_a_program_that_is_killed_as_its_training_begins_finds_it_in_the_next_run(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    program = f"""
import os, signal, rekognition_xray as rx
project = rx.CustomLabelsProject(rx.Aws(), {ready.arn!r})
kill = lambda **_: os.kill(os.getpid(), signal.SIGKILL)
events = project.aws.rekognition_once.meta.events
events.register("after-call.rekognition.CreateProjectVersion", kill)
project.train("v1", output={MODELS!r})
"""
    environment = os.environ | cloud.environment()
    killed = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    (there,) = ready.versions()
    version = ready.train("v1", output=MODELS)
    assert version == there
    assert version.wait_until_trained().trained
    assert ready.versions() == (version,)


# -- waiting -----------------------------------------------------------------------------------


def test_a_training_is_waited_for_with_its_time_and_price(begin) -> None:
    version = begin("slow")
    looks: list[TrainingProgress] = []
    seen = version.wait_until_trained(progress=looks.append)
    assert seen.status == "TRAINING_COMPLETED"
    assert {look.status for look in looks[:-1]} == {"TRAINING_IN_PROGRESS"}
    waited = [look.elapsed - looks[0].elapsed for look in looks]
    assert waited == sorted(waited)
    assert 1800 <= waited[-1] <= 1830, "it is looked at every half minute"
    assert [look.cost for look in looks] == sorted(look.cost for look in looks)
    assert Decimal("0.50") <= looks[-1].cost <= Decimal("0.52")


def test_a_wait_that_is_over_before_the_training_says_that_it_goes_on(begin) -> None:
    version = begin("slow")
    late = pytest.raises(errors.WaitTimeoutError, match="still TRAINING_IN_PROGRESS after 600 s")
    with late as caught:
        version.wait_until_trained(budget=600)
    assert "goes on at 1.00 USD an hour" in caught.value.message
    assert "no call that stops a training" in caught.value.message
    assert version.wait_until_trained().trained


def test_a_version_that_is_deleted_meanwhile_is_not_waited_for(begin, slow: LocalCloud) -> None:
    version = begin("slow")
    version.wait_until_trained()
    version.delete()
    with pytest.raises(errors.UnreachableStateError, match="is DELETING"):
        version.wait_until_trained()


def test_a_copy_that_takes_longer_than_the_budget_goes_on(begin, patient: rx.Aws) -> None:
    version = begin("slow")
    version.wait_until_trained()
    other = rx.CustomLabelsProject.get_or_create("other", aws=patient)
    late = pytest.raises(errors.WaitTimeoutError, match="still COPYING_IN_PROGRESS after 60 s")
    with late as caught:
        version.copy_to(other, output=MODELS, budget=60)
    assert "call copy_to again" in caught.value.message
    copy = version.copy_to(other, output=MODELS)
    assert copy.describe().status == "COPYING_COMPLETED"
    assert other.versions() == (copy,)


def test_time_counts_from_the_beginning_of_the_training() -> None:
    looks: list[TrainingProgress] = []
    watch = Watch(looks.append, rx.PriceBook())
    began = dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC)
    watch.begun(began, now=began + dt.timedelta(hours=2))
    watch.look(WaitProgress("version v1", "TRAINING_IN_PROGRESS", 1800.0))
    assert str(looks[0]) == (
        "version v1 is TRAINING_IN_PROGRESS, 2:30:00, 2.50 USD by the clock if it succeeds"
    )


def test_a_training_can_be_watched_on_the_terminal(
    trained: rx.ModelVersion, capsys: pytest.CaptureFixture[str]
) -> None:
    trained.wait_until_trained(progress=True)
    assert "version v1 is TRAINING_COMPLETED, 0:00:0" in capsys.readouterr().err
