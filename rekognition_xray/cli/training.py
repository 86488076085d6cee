"""``train``: from a folder to a trained version; the price first."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

import rekognition_xray as rx
from rekognition_xray.cli import records
from rekognition_xray.cli.exits import EPILOG
from rekognition_xray.cli.films import shown
from rekognition_xray.cli.options import (
    FOLDER,
    key_in,
    key_option,
    max_cost_option,
    names_options,
    prices_option,
    rule_of,
    work_option,
    yes_option,
)
from rekognition_xray.cli.places import Place, find_project, in_a_place, prices_for
from rekognition_xray.cli.terminal import Terminal, speaks
from rekognition_xray.costs import CANNOT_STOP

if TYPE_CHECKING:
    from rekognition_xray.cloud.upload import Receipt
    from rekognition_xray.costs import EstimateRange


@attrs.frozen
class _Wanted:
    """What the options ask for."""

    project: str
    name: str
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
    agreed: bool
    wait: bool


@click.command(epilog=EPILOG)
@click.argument("version", metavar="PROJECT/VERSION")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--output", required=True, metavar="S3", help="Bucket and prefix for result files.")
@click.option("--store", metavar="S3", help="Bucket and prefix for the films; needed with FOLDER.")
@names_options
@click.option("--clean", is_flag=True, help="Leave out what the audit finds fault with.")
@click.option(
    "--test", type=float, metavar="SHARE", default=0.2, help="Share of the films to judge by."
)
@click.option("--seed", type=int, metavar="N", default=0, help="Seed of the split.")
@click.option("--official", is_flag=True, help="Split by the official folders train, val, test.")
@key_option
@work_option
@click.option("--replace", is_flag=True, help="Make datasets anew that hold other entries.")
@click.option("--allow-leaks", is_flag=True, help="Go on where train and test share patients.")
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
    names: str,
    columns: tuple[tuple[str, str], ...],
    delimiter: str,
    yes: bool,
    no_wait: bool,
    prices: Path | None,
    **options: object,
) -> None:
    """From a folder of films to a trained version.

    Audits FOLDER, splits it by patient, uploads, trains, and waits. The price is told first, and
    asked for unless --yes or --max-cost is given; nothing is sent before. AWS cannot stop a
    training, and bills one that succeeds.

    Without FOLDER the project's datasets are trained on as they are. Safe to repeat: what was
    sent is not sent again, and a training that is under way is found and waited for.
    """
    project, _, name = version.partition("/")
    if not project or not name:
        raise click.BadParameter(f"{version!r} is not PROJECT/VERSION.", param_hint="VERSION")
    if folder is not None and not options["store"]:
        raise click.UsageError("--store is needed with FOLDER: where do the films go?")
    agreed = yes or options["max_cost"] is not None
    terminal.must_not_ask(agreed=agreed, by="--yes or --max-cost")
    wanted = _Wanted(project=project, name=name, agreed=agreed, wait=not no_wait, **options)  # type: ignore[arg-type]
    rule = rule_of(names, columns, delimiter)
    aws = place.aws()
    run = _Run(terminal, wanted, aws, prices_for(aws, prices, wanted.max_cost))
    split = receipt = None
    if folder is None:
        handle = find_project(aws, project)
        expected = run.agreed_price(None)
    else:
        rx.CustomLabelsProject.find(project, aws=aws)  # who cannot ask shall not wait for the audit
        split = run.split(rx.XrayDataset.from_folder(folder, names=rule))
        expected = run.agreed_price(split)
        handle = rx.CustomLabelsProject.get_or_create(project, aws=aws)
        receipt = run.put(handle, split)
    made = run.train(handle)
    seen = run.waited(made) if wanted.wait else made.describe()
    before = {
        "split": None if split is None else records.of_split(split),
        "upload": None if receipt is None else records.of_receipt(receipt),
        "estimate": expected,
    }
    run.report(made, seen, before)


@attrs.frozen
class _Run:
    """The steps, each with its words."""

    terminal: Terminal
    wanted: _Wanted
    aws: rx.Aws
    book: rx.PriceBook

    def split(self, dataset: rx.XrayDataset) -> rx.Split:
        say, wanted = self.terminal.say, self.wanted
        say(shown(dataset))
        audit = dataset.audit(progress=self.terminal.progress)
        if wanted.clean and audit.findings:
            cleaned = audit.clean()
            dataset = cleaned.dataset
            say("\n".join(f"left out: {one.path}: {one.what}" for one in cleaned.repairs))
            audit = dataset.audit(progress=self.terminal.progress)
        say(audit)
        audit.raise_for_errors()
        if wanted.official:
            split = dataset.official()
        else:
            split = dataset.split(test=wanted.test, seed=wanted.seed, audit=audit)
        say(f"Split {split.fingerprint} by whole patients:")
        say(f"  train  {shown(split.train)}\n  test   {shown(split.test)}")
        return split

    def agreed_price(self, split: rx.Split | None) -> EstimateRange:
        from rekognition_xray.cloud.training_checks import check_cap
        from rekognition_xray.cloud.training_estimate import earlier_trainings, training_range

        wanted, say = self.wanted, self.terminal.say
        project = rx.CustomLabelsProject.find(wanted.project, aws=self.aws)
        if split is None:
            expected = find_project(self.aws, wanted.project).training_estimate(self.book)
        else:
            earlier = earlier_trainings(self.aws, project.describe_versions()) if project else ()
            expected = training_range(len(split.train), earlier, self.book)
        say(f"{expected}\n{CANNOT_STOP}")
        if split is not None:
            say("S3 bills the films beside it, by the cent: `estimate upload` tells.")
        check_cap(expected, wanted.max_cost)
        self.terminal.ask(f"Train {wanted.project}/{wanted.name}?", agreed=wanted.agreed)
        return expected

    def put(self, project: rx.CustomLabelsProject, split: rx.Split) -> Receipt:
        wanted = self.wanted
        receipt = project.put_datasets(
            train=split.train,
            test=split.test,
            store=wanted.store or "",
            key=key_in(wanted.key_file),
            replace=wanted.replace,
            allow_leaks=wanted.allow_leaks,
            work=wanted.work,
            progress=self.terminal.progress,
        )
        sent = f"{receipt.uploaded:,} films sent, {receipt.bytes_sent / 1e6:.1f} MB"
        self.terminal.say(f"{sent}; {receipt.skipped:,} were there")
        return receipt

    def train(self, project: rx.CustomLabelsProject) -> rx.ModelVersion:
        return project.train(
            self.wanted.name,
            output=self.wanted.output,
            max_cost=self.wanted.max_cost,
            prices=self.book,
            allow_leaks=self.wanted.allow_leaks,
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
        named = f"{self.wanted.project}/{self.wanted.name}"
        lines.append(f"next: rekognition-xray evaluate {named}")
        self.terminal.result({**record, "billed": actual, "version": seen}, "\n".join(lines))
