"""The six files that a training leaves under OutputConfig, and the members that point at them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs

from rekognition_xray.local.manifests import Line, Verdict, summary, validation_manifest
from rekognition_xray.local.objects import BucketUnwritable, Objects, ObjectUnreadable
from rekognition_xray.local.state import Members, Version

if TYPE_CHECKING:
    from rekognition_xray.local.training.evaluating import EvaluationFiles

Place = tuple[str, str]
"""Bucket and key."""

_JSON = "application/json"


@attrs.frozen
class ResultFiles:
    """Writes the files of one version with the service's names."""

    objects: Objects
    project_name: str
    version: Version

    def check_writable(self) -> None:
        """Raises `BucketUnwritable` where there is no such bucket in the version's Region."""
        bucket = self.version.given["OutputConfig"]["S3Bucket"]
        try:
            self.objects.check_region(self.version.account, self.version.region, bucket)
        except ObjectUnreadable as error:
            raise BucketUnwritable(str(error)) from error

    def write_reports(self, training: list[Line], testing: list[Line], verdict: Verdict) -> Members:
        """Manifest summary and the two validation manifests."""
        overview = self._write("ManifestSummary", summary(training, testing, verdict))
        train = self._write_lines("TrainingManifestWithValidation", validation_manifest(training))
        test = self._write_lines("TestingManifestWithValidation", validation_manifest(testing))
        given = self.version.given
        return {
            "ManifestSummary": overview,
            "TrainingDataResult": {
                "Input": given["TrainingData"],
                "Validation": {"Assets": [{"GroundTruthManifest": train}]},
            },
            "TestingDataResult": {
                "Input": given["TestingData"],
                "Validation": {"Assets": [{"GroundTruthManifest": test}]},
            },
        }

    def write_results(self, reports: Members, judged: EvaluationFiles) -> Members:
        """Evaluation summary and the two snapshots; the reports' members with these added."""
        evaluation = self._write("EvaluationResultSummary", judged.summary)
        train = self._write_lines("TrainingGroundTruth", judged.training)
        test = self._write_lines("TestingGroundTruth", judged.testing)
        automatic = self.version.given["TestingData"]["AutoCreate"]
        return {
            **reports,
            "TrainingDataResult": {
                **reports["TrainingDataResult"],
                "Output": {"Assets": [{"GroundTruthManifest": train}]},
            },
            "TestingDataResult": {
                **reports["TestingDataResult"],
                "Output": {"Assets": [{"GroundTruthManifest": test}], "AutoCreate": automatic},
            },
            "EvaluationResult": {"F1Score": judged.f1, "Summary": evaluation},
        }

    def copy_results(self, source: Version) -> Members:
        """Another version's files under this one's names; its members with the new places.

        Raises `ObjectUnreadable` where a file is gone, `BucketUnwritable`.
        """
        shown: Members = self._copy_files(source.outcome["shown"], source)
        return shown

    def _copy_files(self, part: Any, source: Version) -> Any:
        if isinstance(part, list):
            return [self._copy_files(one, source) for one in part]
        if not isinstance(part, dict):
            return part
        if "S3Object" in part:
            bucket, key = part["S3Object"]["Bucket"], part["S3Object"]["Name"]
            data = self.objects.read(source.account, source.region, bucket, key)
            return self._write(key.rpartition("/")[2].partition("-")[0], data.decode())
        return {
            name: value if name == "Input" else self._copy_files(value, source)
            for name, value in part.items()
        }

    def _write_lines(self, name: str, lines: Iterable[str]) -> Members:
        return self._write(name, "".join(f"{line}\n" for line in lines))

    def _write(self, name: str, text: str) -> Members:
        output = self.version.given["OutputConfig"]
        bucket, prefix = output["S3Bucket"], output["S3KeyPrefix"].rstrip("/")
        file = f"{name}-{self.project_name}-{self.version.name}.json"
        key = f"{prefix}/{file}" if prefix else file
        account, region = self.version.account, self.version.region
        self.objects.write(account, region, bucket, key, text.encode(), content_type=_JSON)
        return {"S3Object": {"Bucket": bucket, "Name": key}}
