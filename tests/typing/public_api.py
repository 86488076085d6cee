"""What a type checker knows of the public API. Checked by mypy and pyright, and never run.

An argument stands for a value of its type; each function is one part of the story in the README.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import assert_type

import boto3
import pandas as pd
from PIL.Image import Image
from types_boto3_rekognition import RekognitionClient
from types_boto3_s3 import S3Client

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis import BulkProgress, BulkRun, BulkSummary
from rekognition_xray.clinic.explanation import Explanation
from rekognition_xray.clinic.monitoring import MonitorReport
from rekognition_xray.clinic.statistics import PredictiveValues
from rekognition_xray.cloud import meter, storage
from rekognition_xray.cloud.meter import RunningVersion, orphans
from rekognition_xray.cloud.versions import Detection, TrainingProgress
from rekognition_xray.costs import EstimateRange
from rekognition_xray.data.dataset import Prepared
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.data.splitting import Leakage
from rekognition_xray.local import LocalCloud


def an_error_is_nearest_builtin_too(error: rx.XrayError) -> None:
    assert_type(error.hint, str)
    assert_type(error.retryable, bool)


def datasets(folder: Path, frame: pd.DataFrame, executor: Executor) -> None:
    xrays = rx.XrayDataset.from_folder(folder, names=rx.KERMANY)
    assert_type(xrays, rx.XrayDataset)
    assert_type(rx.XrayDataset.from_folder("images", names=rx.FOLDERS), rx.XrayDataset)
    table = rx.TableNames.from_frame(frame, file="path", label="finding")
    assert_type(rx.XrayDataset.from_folder(folder, names=table), rx.XrayDataset)
    rx.XrayDataset.from_folder(
        folder, names=lambda path: path.stem
    )  # a label, an ImageName, or None
    rx.XrayDataset.from_folder(folder, names=lambda path: rx.ImageName("normal", patient=path.name))
    assert_type([image.label for image in xrays], list[str])
    assert_type(xrays.counts, Mapping[str, int])
    assert_type(xrays.audit(executor=executor), rx.Audit)
    assert_type(xrays.audit().errors, tuple[rx.Finding, ...])
    assert_type(xrays.audit().clean().dataset, rx.XrayDataset)
    assert_type(xrays.audit().to_frame(), pd.DataFrame)
    assert_type(xrays.prepare(folder, executor=executor), Prepared)


def splits(xrays: rx.XrayDataset) -> None:
    split = xrays.split(test=0.2, seed=7, audit=xrays.audit())
    assert_type(split, rx.Split)
    assert_type(split.train, rx.XrayDataset)
    assert_type(split.validation, rx.XrayDataset | None)
    train, test = split
    assert_type(train, rx.XrayDataset)
    assert_type(test, rx.XrayDataset)
    assert_type(xrays.folds(5), tuple[rx.Split, ...])
    assert_type(xrays.official(), rx.Split)
    assert_type(xrays.leakage(), Leakage)


def the_way_to_aws(rekognition: RekognitionClient, s3: S3Client) -> None:
    aws = rx.Aws()
    aws = rx.Aws(boto3.Session(profile_name="clinic"), attempts=3)
    aws = rx.Aws(session_factory=boto3.Session)
    rekognition = aws.rekognition  # the stubs' own clients: every call and reply is typed
    s3 = aws.s3
    assert_type(
        rekognition.describe_projects()["ProjectDescriptions"][0].get("ProjectArn"), str | None
    )
    assert_type(s3.head_bucket(Bucket="clinic-xrays")["BucketRegion"], str)
    assert_type(aws.region, str)
    assert_type(aws.endpoint_url, str | None)


def money() -> None:
    prices = rx.PriceBook.for_region("us-east-1")
    estimate = prices.training("1.308") + prices.inference(112, units=1)
    assert_type(estimate, rx.Estimate)
    assert_type(estimate.total, Decimal)
    assert_type(prices.hours_within(Decimal(5)), Decimal)


def projects(aws: rx.Aws, train: rx.XrayDataset, test: rx.XrayDataset) -> None:
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws, tags={"team": "chest"})
    assert_type(project, rx.CustomLabelsProject)
    assert_type(rx.CustomLabelsProject.find("pneumonia", aws=aws), rx.CustomLabelsProject | None)
    assert_type(rx.CustomLabelsProject.list(aws=aws), tuple[rx.CustomLabelsProject, ...])
    receipt = project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
    assert_type(receipt, storage.Receipt)
    project.put_datasets(train=train, store=rx.S3Location("clinic-xrays", "images"))
    assert_type(project.training_estimate(), EstimateRange)
    assert_type(project.train("v1", output="s3://clinic-xrays/models"), rx.ModelVersion)
    assert_type(project.versions(), tuple[rx.ModelVersion, ...])
    assert_type(project.current(), rx.ModelVersion | None)
    assert_type(rx.XrayDataset.from_manifest(Manifest.of(train, receipt.addresses)), rx.XrayDataset)


def show(seen: TrainingProgress) -> None:
    assert_type(seen.status, str)


def versions(version: rx.ModelVersion) -> None:
    seen = version.wait_until_trained(progress=True)
    version.wait_until_trained(progress=show)
    assert_type(seen, rx.VersionDescription)
    assert_type(seen.f1_score, float | None)
    assert_type(seen.created, dt.datetime | None)
    assert_type(version.running(units=1, max_cost="5.00"), AbstractContextManager[rx.ModelVersion])
    with version.running(max_hours=2, idle_stop=600, max_units=3) as model:
        assert_type(model, rx.ModelVersion)
        assert_type(model.detect(b"an image"), Detection)
    assert_type(version.tags(), Mapping[str, str])


def meters(aws: rx.Aws, version: rx.ModelVersion) -> None:
    assert_type(orphans.running(aws), tuple[RunningVersion, ...])
    meter.stop(version)


def evaluations(version: rx.ModelVersion, images: Mapping[str, Path]) -> None:
    evaluation = rx.Evaluation.from_version(version)
    assert_type(evaluation.accuracy, rx.Figure)
    assert_type(evaluation.accuracy.value, float | None)
    assert_type(evaluation.two_class.sensitivity, rx.Figure)
    assert_type(evaluation.by_label["viral"].specificity, rx.Figure)
    assert_type(evaluation.at_prevalence(0.1), PredictiveValues)
    assert_type(evaluation.policy(sensitivity=0.95), rx.Policy)
    assert_type(evaluation.to_html("evaluation.html"), Path)
    assert_type(evaluation.to_frame(), pd.DataFrame)
    assert_type(rx.compare(evaluation, evaluation), rx.Comparison)
    assert_type(rx.compare(evaluation, evaluation).verdict == "better", bool)
    assert_type(rx.ModelCard.of(evaluation).to_markdown(), str)


def see(done: BulkProgress) -> None:
    assert_type(done.done, int)


def diagnoses(model: rx.ModelVersion, policy: rx.Policy, picture: Image) -> None:
    diagnoser = rx.Diagnoser(model, policy=policy)
    diagnosis = diagnoser.diagnose("patient.dcm")
    for image in (Path("image.png"), b"an image", picture, rx.S3Location("clinic-xrays", "a.png")):
        assert_type(diagnoser.diagnose(image), rx.Diagnosis)
    assert_type(diagnosis.finding, str)
    assert_type(diagnosis.confidences, Mapping[str, float])
    assert_type(diagnosis.referred, bool)
    assert_type(diagnosis.policy, str | None)
    assert_type(diagnosis.threshold, float | None)
    assert_type(diagnosis.seconds, float)
    assert_type(diagnosis.to_dict(), dict[str, object])
    assert_type(diagnoser.explain(picture), Explanation)


def many_diagnoses(diagnoser: rx.Diagnoser, images: Sequence[Path], executor: Executor) -> None:
    run = diagnoser.diagnose_many(images, journal="today.jsonl", progress=True)
    assert_type(run, BulkRun)
    answers: Iterator[rx.Diagnosis | rx.FailedDiagnosis] = run
    for answer in run:
        assert_type(answer, rx.Diagnosis | rx.FailedDiagnosis)
        if isinstance(answer, rx.FailedDiagnosis):
            assert_type(answer.retryable, bool)
        else:
            assert_type(answer, rx.Diagnosis)
    assert_type(run.summary(), BulkSummary)
    with diagnoser.diagnose_many(answers_of(answers), executor=executor, progress=see) as run:
        assert_type(next(run), rx.Diagnosis | rx.FailedDiagnosis)


def answers_of(answers: Iterator[rx.Diagnosis | rx.FailedDiagnosis]) -> Iterator[str]:
    return (answer.source for answer in answers)


def the_local_cloud(where: os.PathLike[str]) -> None:
    with LocalCloud(buckets=["clinic-xrays"]) as cloud:
        assert_type(cloud, LocalCloud)
        assert_type(cloud.session(), boto3.Session)
        assert_type(rx.Aws(session=cloud.session()), rx.Aws)


def monitoring(evaluation: rx.Evaluation, journal: Path) -> None:
    monitor = rx.Monitor(evaluation, false_alarms=0.01, patient=lambda path: path.upper())
    assert_type(monitor, rx.Monitor)
    assert_type(rx.Monitor("january.jsonl").update(journal), MonitorReport)
    assert_type(monitor.update(journal).alarm, bool)
    assert_type(monitor.update(journal).prevalence, rx.Figure)
    assert_type(monitor.update(journal).to_html("monitor.html"), Path)
