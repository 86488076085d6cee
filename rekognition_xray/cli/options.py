"""Options that several commands share: naming rules, money, prices, keys, images."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click
from click.shell_completion import CompletionItem

import rekognition_xray as rx

if TYPE_CHECKING:
    from rekognition_xray.data.images import Polarity
    from rekognition_xray.data.reading import NamingRule, TableNames

Command = Callable[..., None]

FOLDER: Final = click.Path(path_type=Path, file_okay=False)
FILE: Final = click.Path(path_type=Path, dir_okay=False)
_COLUMNS: Final = ("file", "label", "patient", "split")


def _money(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Decimal | None:
    from rekognition_xray.costs import money

    try:
        return None if value is None else money(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


def _pairs(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = [value.partition("=") for value in values]
    for name, found, _ in pairs:
        if not found or name not in _COLUMNS:
            raise click.BadParameter(f"write one of {', '.join(_COLUMNS)}, '=', and a column.")
    return tuple((name, column) for name, _, column in pairs)


def max_cost_option(text: str) -> Callable[[Command], Command]:
    """``--max-cost`` with its help; gives an exact amount."""
    return click.option("--max-cost", metavar="AMOUNT", callback=_money, help=text)


def _covid_radiography() -> NamingRule:
    from rekognition_xray.data.reading import covid_radiography

    return covid_radiography()


def _table_of(name: str, file: str) -> TableNames:
    from rekognition_xray.data import reading

    table: Callable[[str], TableNames] = getattr(reading, name)
    return table(file)


_RULES: Final[Mapping[str, Callable[[], NamingRule]]] = {
    "kermany": lambda: rx.KERMANY,
    "kermany-two-class": lambda: rx.KERMANY.two_class(),  # noqa: PLW0108 (loaded on use)
    "kermany-by-type": lambda: rx.KERMANY.by_type(),  # noqa: PLW0108
    "folders": lambda: rx.FOLDERS,
    "covid-radiography": _covid_radiography,
}
_TABLES: Final = ("chexpert", "nih", "padchest", "rsna", "siim", "vindr")


def _complete(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """What a shell offers for ``--names``: rules and sets, else files."""
    words = (*_RULES, *(f"{name}:" for name in _TABLES))
    rules = [CompletionItem(word) for word in words if word.startswith(begun)]
    return rules or [CompletionItem(begun, type="file")]


@attrs.frozen
class Names:
    """The naming rule of the options: label and patient of each image."""

    rule: str
    columns: tuple[tuple[str, str], ...]
    delimiter: str

    def open(self, folder: Path) -> rx.XrayDataset:
        """The images of a folder.

        Raises:
            click.UsageError: no rule, no set, and no file.
            DataError: the table or the folder cannot be used.
        """
        return rx.XrayDataset.from_folder(folder, names=self._rule())

    def _rule(self) -> NamingRule:
        if self.rule in _RULES:
            return _RULES[self.rule]()
        name, colon, table = self.rule.partition(":")
        if colon and name in _TABLES:
            return _table_of(name, table)
        if not Path(self.rule).is_file():
            raise click.BadParameter(
                f"{self.rule!r} is neither a file nor one of {', '.join(_RULES)}, nor the table of"
                f" a public set, such as nih:Data_Entry_2017.csv ({', '.join(_TABLES)}).",
                param_hint="--names",
            )
        given = {"file": "file", "label": "label", "patient": "patient", **dict(self.columns)}
        return rx.TableNames.from_csv(
            self.rule,
            file=given["file"],
            label=given["label"],
            patient=given["patient"] or None,
            split=given.get("split") or None,
            delimiter="\t" if self.delimiter == r"\t" else self.delimiter,
        )


def names_options(command: Command) -> Command:
    """Adds ``--names``, ``--column`` and ``--delimiter``, and gives a command Names."""

    @click.option(
        "--names",
        default="kermany",
        metavar="RULE",
        shell_complete=_complete,
        help="kermany, kermany-two-class, kermany-by-type, folders, covid-radiography, a CSV file,"
        " or the table of a public set: chexpert:FILE, nih:, padchest:, rsna:, siim: or vindr:.",
    )
    @click.option(
        "--column",
        "columns",
        metavar="NAME=COLUMN",
        callback=_pairs,
        multiple=True,
        help="The CSV file's column of file, label, patient or split, such as"
        " label=Finding; patient= for none. Repeatable.",
    )
    @click.option(
        "--delimiter",
        default=",",
        metavar="CHARACTER",
        help="Between two cells of the CSV file.",
    )
    @functools.wraps(command)
    def wrapped(
        *, names: str, columns: tuple[tuple[str, str], ...], delimiter: str, **arguments: object
    ) -> None:
        command(names=Names(names, columns, delimiter), **arguments)

    return wrapped


def units_option(text: str) -> Callable[[Command], Command]:
    """``--units`` with its help."""
    return click.option("--units", type=click.IntRange(1, 5), metavar="N", default=1, help=text)


prices_option = click.option(
    "--prices", type=FILE, help="TOML or JSON file of your own prices; see PriceBook.from_file."
)

key_option = click.option(
    "--key-file",
    type=FILE,
    help="File that holds the secret of the pseudonyms; else the variable REKOGNITION_XRAY_KEY,"
    " else a key that is made once and kept.",
)

yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")

work_option = click.option(
    "--work", type=FOLDER, help="Folder for prepared images, kept for the next run."
)


def image_options(command: Command) -> Command:
    """Adds the options on how images are read, and gives a command ImageOptions."""

    @click.option(
        "--allow-burned-in", is_flag=True, help="Take DICOM whose pixels may show a name."
    )
    @click.option(
        "--allow-other-views",
        is_flag=True,
        help="Take DICOM marked as another body part, or as a lateral view.",
    )
    @click.option(
        "--polarity",
        type=click.Choice(("photometric", "presentation")),
        help="The tag that is right where DICOM contradicts itself on what is white.",
    )
    @click.option(
        "--window",
        type=(float, float),
        metavar="BLACK WHITE",
        help="Values of floating-point pixels that are black and white.",
    )
    @click.option("--stretch", is_flag=True, help="Spread the grey values that each image has.")
    @functools.wraps(command)
    def wrapped(
        *,
        allow_burned_in: bool,
        allow_other_views: bool,
        polarity: Polarity | None,
        window: tuple[float, float] | None,
        stretch: bool,
        **arguments: object,
    ) -> None:
        options = rx.ImageOptions(
            allow_burned_in=allow_burned_in,
            allow_other_views=allow_other_views,
            polarity=polarity,
            window=window,
            stretch=stretch,
        )
        command(image_options=options, **arguments)

    return wrapped


gate_option = click.option(
    "--gate", type=FOLDER, help="Folder of a gate that the command gate wrote; asked of each image."
)
repair_option = click.option(
    "--repair", is_flag=True, help="Repair images that the gate finds inverted or turned."
)


def gate_in(folder: Path | None, *, repair: bool) -> rx.ImageGate | None:
    """The gate in a folder, if one is named.

    Raises:
        click.UsageError: something to repair, and no gate to find it.
    """
    if folder is None:
        if repair:
            raise click.UsageError("--repair needs --gate, which finds what to repair.")
        return None
    return rx.ImageGate.load(folder, repair=repair)


def key_in(file: Path | None) -> str | None:
    """The secret in a file, if one is named."""
    return None if file is None else file.read_text("utf-8").strip()
