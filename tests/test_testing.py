"""The pytest plugin, as tests of other people's apps use it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import boto3
import numpy as np  # noqa: F401 - runs in this process forget what they import, numpy must stay
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.testing import NoWaitClock

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "test-your-app.md"
CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def local_cloud_options():
    return {"buckets": ["clinic-xrays"]}
"""


@pytest.fixture
def app(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    return pytester


def run(app: pytest.Pytester, test: str, **outcomes: int) -> pytest.RunResult:
    app.makepyfile(test)
    result = app.runpytest_inprocess("-p", "no:randomly", "-p", "no:xdist", "-q")
    result.assert_outcomes(**outcomes)
    return result


def test_an_apps_test_reaches_the_local_cloud_without_a_word_about_it(app) -> None:
    run(
        app,
        """
        import boto3

        def test_app(local_cloud):
            boto3.client("rekognition").create_project(ProjectName="p")
            assert boto3.client("s3").list_buckets()["Buckets"][0]["Name"] == "clinic-xrays"
        """,
        passed=1,
    )


def test_each_test_finds_the_cloud_as_new_and_the_server_is_started_once(app) -> None:
    run(
        app,
        """
        import boto3, pytest

        urls = set()

        @pytest.mark.parametrize("turn", range(3))
        def test_app(local_cloud, turn):
            urls.add(local_cloud.endpoint_url)
            client = boto3.client("rekognition")
            assert client.describe_projects()["ProjectDescriptions"] == []
            client.create_project(ProjectName="p")

        def test_server():
            assert len(urls) == 1
        """,
        passed=4,
    )


def test_replies_are_checked_against_the_model(app) -> None:
    run(
        app,
        """
        def test_app(local_cloud):
            assert local_cloud._check
        """,
        passed=1,
    )


def test_folders_may_have_options_of_their_own(pytester: pytest.Pytester) -> None:
    for name in ("one", "two"):
        folder = pytester.mkpydir(name)
        (folder / "conftest.py").write_text(CONFTEST.replace("clinic-xrays", f"bucket-{name}"))
        test = f"""
def test_it(local_cloud):
    buckets = local_cloud.session().client("s3").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == ["bucket-{name}"]
"""
        (folder / f"test_{name}.py").write_text(test)
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:xdist", "-q")
    result.assert_outcomes(passed=2)


def test_a_fault_that_is_never_met_fails_the_test_that_asked_and_no_other(app) -> None:
    result = run(
        app,
        """
        def test_asks(local_cloud):
            local_cloud.faults.error("StopProjectVersion", "ThrottlingException")

        def test_next(local_cloud):
            pass
        """,
        failed=1,
        passed=1,
    )
    result.stdout.fnmatch_lines(["*did not occur*", "*StopProjectVersion*ThrottlingException*"])


def test_a_fault_is_seen_through_fixtures_of_the_app(app) -> None:
    run(
        app,
        """
        import pytest

        @pytest.fixture
        def cloud(local_cloud):
            local_cloud.faults.fail_start()
            return local_cloud

        def test_asks(cloud):
            pass

        def test_late(request):
            request.getfixturevalue("cloud")
        """,
        failed=2,
    )


def test_a_fault_that_is_met_does_not_fail_the_test(app) -> None:
    run(
        app,
        """
        import boto3

        def test_app(local_cloud, no_wait):
            local_cloud.faults.error("DescribeProjects", "ThrottlingException", times=2)
            assert boto3.client("rekognition").describe_projects()["ProjectDescriptions"] == []
        """,
        passed=1,
    )


def test_a_test_that_fails_fails_for_its_own_reason(app) -> None:
    result = run(
        app,
        """
        def test_app(local_cloud):
            local_cloud.faults.fail_start()
            assert "this" == "that"
        """,
        failed=1,
    )
    result.stdout.no_fnmatch_line("*did not occur*")


def test_every_call_of_the_page_is_one_that_there_is(local_cloud) -> None:
    calls = re.findall(r"^\| `(\w+\(.*?\))` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(calls) == 8
    for call in calls:
        eval(f"faults.{call}", {"faults": local_cloud.faults})
    assert len(local_cloud.faults.unmet()) == 8
    local_cloud.faults.clear()


def test_without_the_extra_the_fixture_says_what_to_install(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['moto'] = None")
    pytester.makepyfile("def test_app(local_cloud): pass\ndef test_other(): pass")
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-q")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*MissingExtraError*", "*rekognition-xray?local?*"])


def test_the_plugin_imports_nothing_heavy() -> None:
    heavy = ["boto3", "botocore", "moto", "numpy", "PIL", "sklearn", "tenacity", "waitress"]
    code = f"""
import sys, rekognition_xray.testing
sys.exit(", ".join(sorted(set({heavy!r}) & set(sys.modules))))
"""
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert output.stderr == "\n"


def test_no_session_leads_to_aws(local_cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert boto3.client("rekognition").meta.endpoint_url == local_cloud.endpoint_url
    assert boto3.resource("s3").meta.client.meta.endpoint_url == local_cloud.endpoint_url
    assert rx.Aws().endpoint_url == local_cloud.endpoint_url


def test_pauses_of_the_library_are_over_at_once(local_cloud, no_wait: NoWaitClock) -> None:
    fault = local_cloud.faults.error("DescribeProjectVersions", "AccessDeniedException")
    aws = rx.Aws()
    aws.clock.sleep(3600)
    assert aws.clock.now() == 3600
    assert no_wait.slept == [3600]
    project = rx.CustomLabelsProject.get_or_create("p", aws=aws)
    with pytest.raises(errors.AccessDeniedError):
        project.versions()
    assert fault.met == 1


def test_pauses_between_retries_are_over_at_once(local_cloud, no_wait: NoWaitClock) -> None:
    import time

    local_cloud.faults.error("DescribeProjects", "ThrottlingException", percent=100)
    client = boto3.Session().client(
        "rekognition", config=boto3.session.Config(retries={"mode": "standard", "max_attempts": 8})
    )
    begun = time.perf_counter()
    with pytest.raises(client.exceptions.ThrottlingException):
        client.describe_projects()
    assert time.perf_counter() - begun < 5
