"""The version in use: promoted, rolled back, found again, and never a version that cannot run."""

from __future__ import annotations

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.local import LocalCloud

MODELS = "s3://clinic-xrays/models"


@attrs.frozen
class Verdict:
    """As much of a comparison as promoting wants to know."""

    old: str
    new: str
    verdict: str = "better"
    not_inferior: bool | None = None


@pytest.fixture
def first(trained: rx.ModelVersion) -> rx.ModelVersion:
    return trained


@pytest.fixture
def mine(first: rx.ModelVersion) -> rx.CustomLabelsProject:
    return rx.CustomLabelsProject(first.aws, first.project_arn)


@pytest.fixture
def second(mine: rx.CustomLabelsProject) -> rx.ModelVersion:
    version = mine.train("v2", output=MODELS)
    version.wait_until_trained()
    return version


def mark(version: rx.ModelVersion) -> str:
    return "/".join(version.arn.split("/")[-2:])


def settle(cloud: LocalCloud, version: rx.ModelVersion, status: str) -> None:
    """Puts a version into a state into which only AWS can."""
    store = cloud._running().term.world.store
    with store.transaction():
        store.versions.put(attrs.evolve(store.versions.get(version.arn), status=status))


def test_nothing_is_in_use_before_something_is_promoted(mine: rx.CustomLabelsProject) -> None:
    assert mine.current() is None
    with pytest.raises(errors.NotFoundError, match="was in use before"):
        mine.rollback()


def test_the_first_version_that_is_promoted_has_none_before_it(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion
) -> None:
    mine.promote(first)
    assert mine.current() == first
    assert mine.tags() == {"rxray.current": mark(first)}


def test_promoting_keeps_the_version_before_and_rollback_brings_it_back(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion, second: rx.ModelVersion
) -> None:
    mine.promote(first)
    mine.promote(second)
    assert mine.tags() == {"rxray.current": mark(second), "rxray.previous": mark(first)}
    assert mine.current() == second
    assert mine.rollback() == first
    assert mine.current() == first
    assert mine.rollback() == second
    assert mine.current() == second


def test_promoting_again_what_is_in_use_changes_nothing(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion, second: rx.ModelVersion
) -> None:
    mine.promote(first)
    mine.promote(second)
    before = mine.tags()
    mine.promote(second)
    assert mine.tags() == before


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cut_while_promoting_leaves_the_old_or_the_new_and_both_tags_agree(
    mine: rx.CustomLabelsProject,
    first: rx.ModelVersion,
    second: rx.ModelVersion,
    cloud: LocalCloud,
    when: str,
) -> None:
    mine.promote(first)
    cut = cloud.faults.drop("TagResource", when=when, times=mine.aws.attempts)
    with pytest.raises(errors.ConnectionFailedError):
        mine.promote(second)
    assert cut.met == mine.aws.attempts
    assert mine.current() == (first if when == "before" else second)
    mine.promote(second)
    assert mine.tags() == {"rxray.current": mark(second), "rxray.previous": mark(first)}


def test_one_call_writes_both_tags(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion, second: rx.ModelVersion
) -> None:
    mine.promote(first)
    calls: list[dict[str, str]] = []
    events = mine.aws.rekognition.meta.events
    event = "provide-client-params.rekognition.TagResource"

    def note(params: dict[str, dict[str, str]], **_: object) -> None:
        calls.append(params["Tags"])

    events.register(event, note, unique_id="note")
    try:
        mine.promote(second)
        mine.rollback()
    finally:
        events.unregister(event, note, unique_id="note")
    assert [set(call) for call in calls] == [{"rxray.current", "rxray.previous"}] * 2


@pytest.mark.parametrize("status", ["EXPIRED", "DEPRECATED", "TRAINING_FAILED", "DELETING"])
def test_a_version_that_cannot_be_used_is_not_promoted(
    mine: rx.CustomLabelsProject,
    first: rx.ModelVersion,
    second: rx.ModelVersion,
    cloud: LocalCloud,
    status: str,
) -> None:
    mine.promote(first)
    settle(cloud, second, status)
    with pytest.raises(errors.NotReadyError, match=f"it is {status}"):
        mine.promote(second)
    assert mine.current() == first


def test_a_version_that_has_expired_is_not_rolled_back_to(
    mine: rx.CustomLabelsProject,
    first: rx.ModelVersion,
    second: rx.ModelVersion,
    cloud: LocalCloud,
) -> None:
    mine.promote(first)
    mine.promote(second)
    settle(cloud, first, "EXPIRED")
    with pytest.raises(errors.NotReadyError, match="cannot be started any more"):
        mine.rollback()
    assert mine.current() == second


def test_a_version_in_use_that_was_deleted_is_an_error_and_not_silence(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion, second: rx.ModelVersion
) -> None:
    mine.promote(first)
    mine.promote(second)
    second.delete()
    with pytest.raises(errors.NotFoundError, match=r"v2/.* does not exist any more"):
        mine.current()
    assert mine.rollback() == first
    assert mine.current() == first


def test_another_version_of_the_same_name_is_not_the_one_in_use(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion
) -> None:
    mine.promote(first)
    first.delete()
    while mine.versions():
        continue
    mine.train("v1", output=MODELS).wait_until_trained()
    with pytest.raises(errors.NotFoundError, match="does not exist any more"):
        mine.current()


def test_a_tag_that_a_person_wrote_may_give_the_name_alone(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion
) -> None:
    mine.aws.rekognition.tag_resource(ResourceArn=mine.arn, Tags={"rxray.current": "v1"})
    assert mine.current() == first


def test_a_version_of_another_project_is_not_promoted(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion
) -> None:
    other = rx.CustomLabelsProject.get_or_create("other", aws=mine.aws)
    with pytest.raises(errors.NotFoundError, match="has no version"):
        other.promote(first)


def test_tags_that_may_not_be_read_are_an_error_where_something_depends_on_them(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion, cloud: LocalCloud
) -> None:
    cloud.faults.error("ListTagsForResource", "AccessDeniedException", times=3)
    for ask in (mine.current, mine.rollback, lambda: mine.promote(first)):
        with pytest.raises(errors.AccessDeniedError):
            ask()


def test_a_comparison_has_to_be_about_these_versions_and_not_say_worse(
    mine: rx.CustomLabelsProject, first: rx.ModelVersion, second: rx.ModelVersion
) -> None:
    mine.promote(first, Verdict("none before", first.arn))
    refused = {
        "is about": Verdict(second.arn, first.arn),
        "in use is v1": Verdict(second.arn, second.arn),
        "shown to be worse": Verdict(first.arn, second.arn, "worse"),
        "within the margin": Verdict(first.arn, second.arn, "no difference shown", False),
    }
    for what, comparison in refused.items():
        with pytest.raises(errors.InvalidRequestError, match=what):
            mine.promote(second, comparison)
    assert mine.current() == first
    mine.promote(second, Verdict(first.arn, second.arn, "no difference shown"))
    assert mine.current() == second


@pytest.mark.parametrize("status", ["EXPIRED", "DEPRECATED"])
def test_lists_and_descriptions_show_what_aws_has_retired(
    mine: rx.CustomLabelsProject,
    first: rx.ModelVersion,
    second: rx.ModelVersion,
    cloud: LocalCloud,
    status: str,
) -> None:
    settle(cloud, first, status)
    newest, oldest = mine.describe_versions()
    assert (newest.name, newest.retired) == ("v2", "")
    assert str(newest).startswith("v2: TRAINING_COMPLETED, made 20")
    assert "the service's F1" in str(newest)
    assert oldest.retired.startswith(status.lower())
    assert str(oldest).startswith(f"v1: {status} ({oldest.retired})")
    assert first.describe().retired
    with pytest.raises(errors.UnreachableStateError, match=status), first.running():
        pytest.fail("nothing runs")


# -- copies ------------------------------------------------------------------------------------


@pytest.fixture
def other(mine: rx.CustomLabelsProject) -> rx.CustomLabelsProject:
    return rx.CustomLabelsProject.get_or_create("other", aws=mine.aws)


def test_a_copy_is_a_version_of_its_own_with_results_and_notes(
    first: rx.ModelVersion, other: rx.CustomLabelsProject
) -> None:
    copy = first.copy_to(
        other, output="s3://clinic-xrays/copies", tags={"site": "north"}, kms_key="alias/copies"
    )
    seen = copy.describe()
    assert seen.kms_key == "alias/copies"
    assert (seen.name, seen.status, seen.source_arn) == ("v1", "COPYING_COMPLETED", first.arn)
    assert seen.trained
    assert f"a copy of {first.arn}" in str(seen)
    assert seen.summary
    assert seen.summary.key.startswith("copies/")
    assert copy.tags() == {"site": "north", "rxray.split": first.tags()["rxray.split"]}
    other.promote(copy)
    assert other.current() == copy


def test_copying_again_finds_the_copy(
    first: rx.ModelVersion, other: rx.CustomLabelsProject, mine: rx.CustomLabelsProject
) -> None:
    copy = first.copy_to(other, output=MODELS, name="from-v1")
    assert first.copy_to(other, output=MODELS, name="from-v1") == copy
    assert other.versions() == (copy,)
    with pytest.raises(errors.AlreadyExistsError, match="that is no copy of"):
        first.copy_to(mine, output=MODELS)


@pytest.mark.usefixtures("no_wait")
def test_a_copy_whose_start_was_not_answered_is_found(
    first: rx.ModelVersion, other: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    cloud.faults.drop("CopyProjectVersion", when="after")
    copy = first.copy_to(other, output=MODELS)
    assert other.versions() == (copy,)


def test_a_copy_that_fails_tells_the_services_message(
    first: rx.ModelVersion, other: rx.CustomLabelsProject
) -> None:
    place = first.describe().summary
    assert place
    first.aws.s3.delete_object(Bucket=place.bucket, Key=place.key)
    with pytest.raises(errors.CopyFailedError, match=r"COPYING_FAILED: .*not in S3") as caught:
        first.copy_to(other, output=MODELS)
    assert "delete the copy" in caught.value.hint


def test_another_account_needs_a_policy_which_the_error_names(
    first: rx.ModelVersion, cloud: LocalCloud
) -> None:
    aws = rx.Aws(cloud.session("222233334444"), clock=first.aws.clock)
    aws.s3.create_bucket(Bucket="their-models")
    theirs = rx.CustomLabelsProject.get_or_create("theirs", aws=aws)
    with pytest.raises(errors.AccessDeniedError) as caught:
        first.copy_to(theirs, output="s3://their-models/copies")
    assert "put-project-policy" in caught.value.hint
    document = caught.value.hint.split("'")[1]
    first.aws.rekognition.put_project_policy(
        ProjectArn=first.project_arn, PolicyName="copy", PolicyDocument=document
    )
    copy = first.copy_to(theirs, output="s3://their-models/copies")
    assert copy.arn.split(":")[4] == "222233334444"
    assert copy.describe().trained
    assert "rxray.split" in copy.tags()


def test_who_cannot_read_the_notes_of_another_account_is_warned(
    first: rx.ModelVersion, cloud: LocalCloud, caplog: pytest.LogCaptureFixture
) -> None:
    aws = rx.Aws(cloud.session("222233334444"), clock=first.aws.clock)
    foreign = rx.ModelVersion(aws, first.arn, first.project_arn)
    assert foreign._tags_to_copy() == {}
    assert "cannot be read from here" in caplog.text


def test_copies_stay_within_a_region(first: rx.ModelVersion, cloud: LocalCloud) -> None:
    aws = rx.Aws(cloud.session(region="eu-west-1"), clock=first.aws.clock)
    away = rx.CustomLabelsProject.get_or_create("away", aws=aws)
    with pytest.raises(errors.InvalidRequestError, match=r"in us-east-1 and .* in eu-west-1"):
        first.copy_to(away, output=MODELS)
