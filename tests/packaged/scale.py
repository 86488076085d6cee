"""The extra ``scale`` alone: a bulk run on Dask's processes."""

from __future__ import annotations

import os

from distributed import Client, LocalCluster

import rekognition_xray as rx


def main() -> None:
    version = rx.ModelVersion.from_arn(os.environ["VERSION_ARN"], aws=rx.Aws())
    images = [image.path for image in rx.XrayDataset.from_folder("chest_xray")][:12]
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        run = rx.Diagnoser(version).diagnose_many(images, executor=client.get_executor())
        answers = list(run)
    assert [answer.source for answer in answers] == [str(image) for image in images]
    assert all(isinstance(answer, rx.Diagnosis) for answer in answers)


if __name__ == "__main__":
    main()
