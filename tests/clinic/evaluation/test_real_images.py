from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from sklearn import metrics

import rekognition_xray as rx
from rekognition_xray.local import LocalCloud


@pytest.mark.heavy
def test_figures_on_real_images_equal_scikit_learns(xrays: Path) -> None:
    every = rx.XrayDataset.from_folder(xrays / "chest_xray")
    train, test = attrs.evolve(every, images=every.images[::20]).split(test=0.4, seed=7)
    with LocalCloud(buckets=["clinic"]) as cloud:
        aws = rx.Aws(session=cloud.session())
        project = rx.CustomLabelsProject.get_or_create("real", aws=aws)
        project.put_datasets(train=train, test=test, store="s3://clinic/images", key="k" * 32)
        version = project.train("v1", output="s3://clinic/models")
        version.wait_until_trained()
        evaluation = rx.Evaluation.from_version(version, resamples=200)
    images = evaluation.images
    for label in (*evaluation.labels, None):
        figures = (evaluation.by_label[label] if label else evaluation.two_class).by_name()
        wanted = {label} if label else {"bacterial", "viral"}
        truth = [image.truth in wanted for image in images]
        called = [image.predicted in wanted for image in images]
        score = [min(1.0, sum(image.confidences[one] for one in wanted)) for image in images]
        expected = {
            "sensitivity": metrics.recall_score(truth, called),
            "specificity": metrics.recall_score(truth, called, pos_label=0),
            "precision": metrics.precision_score(truth, called),
            "f1": metrics.f1_score(truth, called),
            "accuracy": metrics.accuracy_score(truth, called),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, called),
            "auroc": metrics.roc_auc_score(truth, score),
            "average_precision": metrics.average_precision_score(truth, score),
            "brier": metrics.brier_score_loss(truth, score),
        }
        for name, value in expected.items():
            assert figures[name].value == pytest.approx(value, abs=1e-9), (label, name)
            assert figures[name].low <= value <= figures[name].high
