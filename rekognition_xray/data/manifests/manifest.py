"""``Manifest``: what a Custom Labels dataset is made of; pure text in and out, no AWS."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from operator import attrgetter
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray._files import atomic_write
from rekognition_xray.data.manifests.checks import Overview, faults, quote
from rekognition_xray.data.manifests.lines import (
    STRICT,
    Entry,
    LineRule,
    job_name,
    render,
    settled,
    tail,
    write_date,
)
from rekognition_xray.data.manifests.reading import Reading, file_lines
from rekognition_xray.data.xrays import Labelling, Part, Xray, XrayCollection
from rekognition_xray.errors import ManifestError, ManifestFault, list_paths

log = logging.getLogger(__name__)

__all__ = ["MAX_BLOB", "Entry", "Manifest", "ManifestFault", "validate"]

MAX_BLOB: Final = 5 * 1024 * 1024
"""Most bytes of lines that the service takes in one update."""


def _in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=attrgetter("source_ref")))


def _each_once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """An entry given twice stands once, as the service would keep it."""
    return tuple(sorted(set(entries), key=attrgetter("source_ref", "label")))


@attrs.frozen(repr=False)
class Manifest:
    """The entries of a dataset and where their labels come from.

    One that exists is one that the service takes: images of one bucket, each once and with one
    label, within the limits of lines, labels and size. Equal manifests give equal bytes, whatever
    the order in which the entries came.

    Attributes:
        entries: in the order of their source-refs.
        labelling: by which rule the labels were read, who made them, and when.
        part: of which split the images are a part, if they are.

    Raises:
        ManifestError: lists every fault; line numbers count the entries in order.
    """

    entries: tuple[Entry, ...] = attrs.field(converter=_in_order)
    labelling: Labelling = attrs.field(converter=settled)
    part: Part | None = None

    _tails: Mapping[str, str] = attrs.field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        overview = Overview.of(self.entries)
        if not overview.ascending:
            object.__setattr__(self, "entries", _each_once(self.entries))
            overview = Overview.of(self.entries)
        try:
            object.__setattr__(self, "_tails", self._tails_of(overview.labels))
            found = faults(self.entries, overview, self._tails)
        except UnicodeEncodeError as error:
            reason = f"{quote(error.object)} is no Unicode text"
            found = (ManifestFault(None, "not-unicode", reason),)
        if found:
            raise ManifestError("The manifest would have bad lines", faults=found)

    @classmethod
    def of(cls, dataset: XrayCollection, addresses: Mapping[Xray, str] | None = None) -> Manifest:
        """The manifest of a dataset whose images lie in S3.

        Args:
            dataset: the images.
            addresses: ``s3://bucket/key`` of each image that was uploaded; one that lies in S3 by
                itself needs none.

        Raises:
            ManifestError: images without an address, all named, or entries that the service
                would refuse.
        """
        places = addresses or {}
        found = [(image, places.get(image) or image.address) for image in dataset]
        missing = [image.source for image, place in found if place is None]
        if missing:
            raise ManifestError(
                f"{len(missing)} images do not lie in S3:\n{list_paths(missing)}",
                paths=missing,
                hint="Upload them first, and say where they lie: addresses=...",
            )
        entries = [Entry(place, image.label) for image, place in found if place is not None]
        return cls(entries, dataset.labelling, dataset.part)

    @classmethod
    def read(
        cls, path: str | Path, *, attribute: str | None = None, without_boxes: str | None = None
    ) -> Manifest:
        """Reads a manifest from a file, line by line; see ``parse``.

        Lines without a confidence, which the service refuses, are read with a warning: lines that
        are written have one.

        Args:
            path: the file.
            attribute: the label attribute to read where lines have several, as chained and
                verification jobs of Ground Truth write them.
            without_boxes: the label of an image without boxes. With it, boxes are read: the class
                of an image's boxes is its label. Without it they are faults.

        Raises:
            ManifestError: the file cannot be read, or has bad lines.
        """
        path = Path(path)
        rule = LineRule(attribute, without_boxes, needs_confidence=False)
        try:
            return cls._made(file_lines(path), f"{path} has bad lines", path, rule=rule)
        except OSError as error:
            hint = "Check the path and its permissions."
            raise ManifestError(f"{path}: {error.strerror}", paths=[path], hint=hint) from error

    @classmethod
    def parse(cls, lines: bytes | Iterable[str | bytes]) -> Manifest:
        """Reads lines that give each image one image-level label; those of others, too.

        The rule, who labelled and the part are those that all lines agree on, and unknown where
        they differ; another author's job name stands for the rule. The date is the latest, and
        unknown where a line has none. Remarks that the service adds are ignored.

        Args:
            lines: text or UTF-8, with or without line ends; or a whole text.

        Raises:
            ManifestError: lists every bad line by its number, with the service's code for the
                fault where it has one.
        """
        return cls._made(lines, "The manifest has bad lines")

    @classmethod
    def _made(
        cls,
        lines: bytes | Iterable[str | bytes],
        what: str,
        *paths: Path,
        rule: LineRule = STRICT,
    ) -> Manifest:
        reading = Reading.of(lines, rule)
        if reading.faults:
            raise ManifestError(what, faults=reading.faults, paths=paths)
        if reading.without_confidence:
            log.warning(
                "%d lines of %s have no confidence: read all the same, but AWS would refuse the "
                "file as it is",
                reading.without_confidence,
                ", ".join(map(str, paths)),
            )
        return cls(reading.entries, reading.origin.labelling, reading.origin.part)

    @property
    def job_name(self) -> str:
        """What each line says about its origin; ``manifest_notes.read_job_name`` reads it."""
        return job_name(self.labelling, self.part)

    @property
    def counts(self) -> Mapping[str, int]:
        """Entries by label."""
        return Counter(map(attrgetter("label"), self.entries))

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the text, in hex digits; equal for equal manifests alone."""
        digest = hashlib.sha256()
        for text in self._texts():
            digest.update(text.encode("ascii"))
        return digest.hexdigest()

    def lines(self) -> Iterator[str]:
        """The lines, in ASCII and without line ends."""
        for text in self._texts():
            yield from text.splitlines()

    def text(self) -> str:
        """All lines, each with its end."""
        return "".join(self._texts())

    def write(self, path: str | Path) -> Path:
        """Writes the lines to a file, under a temporary name until it is complete.

        Raises:
            OSError: the file cannot be written.
        """
        path = Path(path)
        with atomic_write(path) as file:
            file.writelines(text.encode("ascii") for text in self._texts())
        return path

    def blobs(self, limit: int = MAX_BLOB) -> Iterator[bytes]:
        """The lines in blobs that each end at a line's end; together they are the text.

        Args:
            limit: most bytes of a blob.

        Raises:
            ManifestError: a line alone is longer than the limit.
        """
        rest = b""
        for text in self._texts():
            data, start = rest + text.encode("ascii"), 0
            while len(data) - start > limit:
                end = data.rfind(b"\n", start, start + limit) + 1
                if not end:
                    raise ManifestError(f"A line is longer than a blob of {limit:,} bytes.")
                yield data[start:end]
                start = end
            rest = data[start:]
        if rest:
            yield rest

    def _texts(self) -> Iterator[str]:
        return render(self.entries, self._tails)

    def _tails_of(self, labels: Iterable[str]) -> dict[str, str]:
        made = partial(
            tail,
            job_name=self.job_name,
            created=write_date(self.labelling.on),
            human=self.labelling.human,
        )
        return {label: made(label) for label in labels}

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __repr__(self) -> str:
        counts = ", ".join(f"{label} {count}" for label, count in sorted(self.counts.items()))
        return f"<Manifest of {len(self)} entries ({counts}), {self.job_name}>"


def validate(lines: bytes | Iterable[str | bytes]) -> tuple[ManifestFault, ...]:
    """Every fault for which ``Manifest.parse`` would refuse these lines; empty where there is none.

    What the service takes and this library does not, several labels of an image or boxes, counts as
    a fault too; its code is in small letters.
    """
    try:
        Manifest.parse(lines)
    except ManifestError as error:
        return error.faults
    return ()
