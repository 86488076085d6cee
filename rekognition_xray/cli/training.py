"""``train``: from a folder to a trained version; the price first."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

import rekognition_xray as rx
from rekognition_xray.cli.errors import EPILOG
from rekognition_xray.cli.images import dataset_summary
from rekognition_xray.cli.options import (
    FOLDER,
    Names,
    image_options,
    key_in,
    key_option,
    max_cost_option,
    names_options,
    prices_option,
    work_option,
    yes_option,
)
from rekognition_xray.cli.places import Place, find_project, in_a_place, prices_for
from rekognition_xray.cli.terminal import Terminal, speaks
from rekognition_xray.costs import CANNOT_STOP

if TYPE_CHECKING:
    from rekognition_xray.cloud.storage import Receipt
    from rekognition_xray.costs import EstimateRange


@click.command(epilog=EPILOG)
@click.argument("version", metavar="PROJECT/VERSION")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--output", required=True, metavar="S3", help="Bucket and prefix for result files.")
@click.option("--store", metavar="S3", help="Bucket and prefix for the images; needed with FOLDER.")
@names_options
@image_options
@click.option("--clean", is_flag=True, help="Leave out unusable images and copies.")
@click.option(
    "--test", type=float, metavar="SHARE", default=0.2, help="Share of the images for the test."
)
@click.option("--seed", type=int, metavar="N", default=0, help="Seed of the split.")
@click.option("--official", is_flag=True, help="Split by the official folders train, val, test.")
@key_option
@work_option
@click.option("--replace", is_flag=True, help="Replace datasets that hold other entries.")
@click.option("--allow-leaks", is_flag=True, help="Go on if train and test share patients.")
@max_cost_option("Refuse where it may cost more; also agrees to it.")
@yes_option
@click.option("--no-wait", is_flag=True, help="End as soon as the training has begun.")
@prices_option
@speaks
@in_a_place
def train(
    terminal: Terminal,
    place: Place,
    *,
    version: str,
    folder: Path | None,
    names: Names,
    image_options: rx.ImageOptions,
    yes: bool,
    no_wait: bool,
    prices: Path | None,
    **options: object,
) -> None:
    """Train a version on a folder of images.

    Audits FOLDER, splits it by patient, uploads, trains, and waits. The command shows the price
    first, and asks unless --yes or --max-cost is given; nothing is sent before. AWS cannot stop a
    training, and bills one that succeeds.

    Without FOLDER, it trains on the project's datasets as they are. Safe to repeat: it does not
    send an image again, and it finds a training that is under way and waits for it.
    """
    project, _, name = version.partition("/")
    if not project or not name:
        raise click.BadParameter(f"{version!r} is not PROJECT/VERSION.", param_hint="VERSION")
    if folder is not None and not options["store"]:
        raise click.UsageError("--store is needed with FOLDER: where do the images go?")
    agreed = yes or options["max_cost"] is not None
    terminal.must_not_ask(agreed=agreed, by="--yes or --max-cost")
    dataset = None if folder is None else names.open(folder).with_options(image_options)
    aws = place.aws()
    book = prices_for(aws, prices, options["max_cost"])  # type: ignore[arg-type]
    run = _Training(terminal, aws, book, project, name, agreed, **options)  # type: ignore[arg-type]
    split = receipt = None
    if dataset is None:
        handle = find_project(aws, project)
        expected = run.agreed_price(handle, None)
    else:
        known = rx.CustomLabelsProject.find(project, aws=aws)  # refused before a long audit
        split = run.split(dataset)
        expected = run.agreed_price(known, split)
        handle = rx.CustomLabelsProject.get_or_create(project, aws=aws)
        receipt = run.put(handle, split)
    made = run.train(handle)
    seen = made.describe() if no_wait else run.waited(made)
    run.report(made, seen, {"split": split, "upload": receipt, "estimate": expected})


@attrs.frozen
class _Training:
    """What the options ask for, and the steps to it, each with its words."""

    terminal: Terminal
    aws: rx.Aws
    book: rx.PriceBook
    project: str
    name: str
    agreed: bool
    output: str
    store: str | None
    clean: bool
    test: float
    seed: int
    official: bool
    key_file: Path | None
    work: Path | None
    replace: bool
    allow_leaks: bool
    max_cost: Decimal | None

    def split(self, dataset: rx.XrayDataset) -> rx.Split:
        say = self.terminal.say
        say(dataset_summary(dataset))
        audit = dataset.audit(progress=self.terminal.progress)
        if self.clean and audit.findings:
            cleaned = audit.clean()
            dataset = cleaned.dataset
            say("\n".join(f"left out: {one.path}: {one.what}" for one in cleaned.repairs))
            audit = dataset.audit(progress=self.terminal.progress)
        say(audit)
        audit.raise_for_errors()
        if self.official:
            split = dataset.official()
        else:
            split = dataset.split(test=self.test, seed=self.seed, audit=audit)
        say(f"Split {split.fingerprint} by whole patients:")
        say(f"  train  {dataset_summary(split.train)}\n  test   {dataset_summary(split.test)}")
        return split

    def agreed_price(
        self, project: rx.CustomLabelsProject | None, split: rx.Split | None
    ) -> EstimateRange:
        from rekognition_xray.cloud.versions import check_cap, training_range

        images = None if split is None else len(split.train)
        if project is None:
            expected = training_range(images or 0, (), self.book)
        else:
            expected = project.training_estimate(self.book, images=images)
        self.terminal.say(f"{expected}\n{CANNOT_STOP}")
        if split is not None:
            self.terminal.say("S3 bills the images beside it, by the cent: see `estimate upload`.")
        check_cap(expected, self.max_cost)
        self.terminal.ask(f"Train {self.project}/{self.name}?", agreed=self.agreed)
        return expected

    def put(self, project: rx.CustomLabelsProject, split: rx.Split) -> Receipt:
        receipt = project.put_datasets(
            train=split.train,
            test=split.test,
            store=self.store or "",
            key=key_in(self.key_file),
            replace=self.replace,
            allow_leaks=self.allow_leaks,
            work=self.work,
            progress=self.terminal.progress,
        )
        self.terminal.say(receipt)
        return receipt

    def train(self, project: rx.CustomLabelsProject) -> rx.ModelVersion:
        return project.train(
            self.name,
            output=self.output,
            max_cost=self.max_cost,
            prices=self.book,
            allow_leaks=self.allow_leaks,
        )

    def waited(self, version: rx.ModelVersion) -> rx.VersionDescription:
        try:
            return version.wait_until_trained(progress=self.terminal.progress, prices=self.book)
        except KeyboardInterrupt:
            self.terminal.say(f"The training of {version.arn} goes on and will be billed.")
            raise

    def report(
        self,
        version: rx.ModelVersion,
        seen: rx.VersionDescription,
        before: Mapping[str, object],
    ) -> None:
        billed = seen.billable_training_seconds
        actual = None if billed is None else self.book.training(Decimal(billed) / 3600)
        record = {"arn": version.arn, "project_arn": version.project_arn, **before}
        lines = [version.arn, str(seen)]
        if actual is not None:
            lines.append(f"billed for {billed} s: {actual.total} {actual.currency}")
        named = f"{self.project}/{self.name}"
        lines.append(f"next: rekognition-xray evaluate {named}")
        self.terminal.result({**record, "billed": actual, "version": seen}, "\n".join(lines))
