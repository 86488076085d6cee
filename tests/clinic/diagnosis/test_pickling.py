"""A diagnoser in other processes: it travels as a recipe, and no credentials with it."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import attrs
import boto3
import pytest

import rekognition_xray as rx
from rekognition_xray.errors import NotReadyError

HELPERS = Path(__file__).parents[2] / "support"
ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/chest/version/v1/1690556751958"


@pytest.fixture
def sessions(clinic, monkeypatch):
    """A module of session factories, here and in child processes."""
    monkeypatch.setenv("TEST_LOCAL_CLOUD", clinic.cloud.endpoint_url)
    monkeypatch.setenv("PYTHONPATH", str(HELPERS), prepend=os.pathsep)
    monkeypatch.syspath_prepend(HELPERS)
    import local_sessions

    return local_sessions


def test_a_session_by_boto3s_own_rules_travels_as_region_endpoint_and_settings(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAVERYSECRET")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell-anybody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    aws = rx.Aws(boto3.Session(region_name="eu-west-1"), read_timeout=7.5, opted_out=True)
    data = pickle.dumps(rx.Diagnoser(rx.ModelVersion(aws, ARN, "project")))
    assert b"SECRET" not in data
    assert b"do-not-tell" not in data
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    back = pickle.loads(data).version.aws
    assert (back.region, back.endpoint_url) == ("eu-west-1", "http://127.0.0.1:9")
    assert back.s3.meta.endpoint_url == "http://127.0.0.1:9"
    assert (back.read_timeout, back.opted_out) == (7.5, True)


def test_a_profile_travels_by_its_name(monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile clinic]\nregion = eu-west-2\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    back = pickle.loads(pickle.dumps(rx.Aws(boto3.Session(profile_name="clinic"))))
    assert back.session.profile_name == "clinic"
    assert back.region == "eu-west-2"
    assert back.endpoint_url is None


def test_unpickled_twice_in_a_process_it_is_one_and_keeps_its_connections(sessions):
    data = pickle.dumps(rx.Aws(session_factory=sessions.local))
    assert pickle.loads(data) is pickle.loads(data)


def test_credentials_of_its_own_do_not_travel(monkeypatch):
    session = boto3.Session("AKIA", "secret", region_name="us-east-1")
    with pytest.raises(TypeError, match="session_factory"):
        pickle.dumps(rx.Aws(session))


def test_a_session_of_another_class_does_not_travel(clinic):
    with pytest.raises(TypeError, match="session_factory"):
        pickle.dumps(rx.Diagnoser(clinic.version))


def test_a_factory_that_cannot_be_found_by_name_does_not_travel(clinic):
    with pytest.raises(TypeError, match="function of a module"):
        pickle.dumps(rx.Aws(session_factory=lambda: boto3.Session(region_name="eu-west-1")))


@pytest.fixture
def portable(clinic, sessions):
    aws = rx.Aws(session_factory=sessions.local)
    return rx.Diagnoser(attrs.evolve(clinic.version, aws=aws), rx.Policy(threshold=0.5))


def test_with_a_factory_it_comes_back_and_works(portable, clinic):
    back = pickle.loads(pickle.dumps(portable))
    assert back.policy == portable.policy
    assert back.diagnose(clinic.images[1]).finding == portable.diagnose(clinic.images[1]).finding


def test_an_executor_of_processes_wants_a_recipe_at_once(clinic):
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1) as pool, pytest.raises(TypeError, match="session_factory"):
        rx.Diagnoser(clinic.version).diagnose_many(clinic.images, executor=pool)


def test_a_callers_own_threads_need_none(clinic):
    with ThreadPoolExecutor(2) as pool:
        run = rx.Diagnoser(clinic.version).diagnose_many(clinic.images, executor=pool)
        assert [answer.source for answer in run] == [str(path) for path in clinic.images]


class Elsewhere(Executor):
    """Another process as far as pickling goes; like Dask it never works twice on the same."""

    def __init__(self, seen=lambda: None):
        self._pool, self._seen, self._known = ThreadPoolExecutor(4), seen, {}

    def submit(self, *call):
        self._seen()
        sent = pickle.dumps(call)

        def elsewhere():
            work, diagnoser, *rest = pickle.loads(sent)
            assert diagnoser.version.run is None
            return pickle.loads(pickle.dumps(work(diagnoser, *rest)))

        if sent not in self._known:
            self._known[sent] = self._pool.submit(elsewhere)
        return self._known[sent]


def test_within_running_calls_elsewhere_keep_the_model_from_being_idle(portable, clinic):
    under_way = []
    with portable.version.running() as model:
        elsewhere = Elsewhere(lambda: under_way.append(model.run._detections))
        run = attrs.evolve(portable, version=model).diagnose_many(clinic.images, executor=elsewhere)
        assert [answer.source for answer in run] == [str(path) for path in clinic.images]
        assert model.run._detections == 0
    assert min(under_way) == 1
    clinic.start()


def test_after_the_block_nothing_more_is_asked_elsewhere(portable, clinic):
    with portable.version.running() as model:
        late = attrs.evolve(portable, version=model)
    with pytest.raises(NotReadyError, match="has ended"):
        list(late.diagnose_many(clinic.images, executor=Elsewhere()))
    clinic.start()
    assert clinic.asked == []


@contextmanager
def on_dask():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize(
    "workers",
    [
        lambda: nullcontext(Elsewhere()),
        pytest.param(on_dask, marks=pytest.mark.heavy),
    ],
    ids=["elsewhere", "dask"],
)
def test_elsewhere_throttled_calls_are_made_again_and_the_parent_keeps_the_journal(
    portable, clinic, tmp_path, workers
):
    journal, broken = tmp_path / "journal.jsonl", tmp_path / "broken.jpeg"
    broken.write_text("no image")
    images = [*clinic.images, broken, clinic.images[0].read_bytes()]
    code = "ProvisionedThroughputExceededException"
    clinic.cloud.faults.error("DetectCustomLabels", code, times=2)
    with workers() as executor:
        run = portable.diagnose_many(images, journal=journal, executor=executor)
        answers = list(run)
        again = portable.diagnose_many(images, journal=journal, executor=executor)
        assert list(again) == answers
    assert [answer.source for answer in answers[:-1]] == [str(path) for path in images[:-1]]
    assert [type(answer) for answer in answers[-2:]] == [rx.FailedDiagnosis, rx.Diagnosis]
    assert run.summary(units=1).throttled == 2
    assert again.summary(units=1).calls == 0
    assert len(journal.read_text().splitlines()) == len(images)
