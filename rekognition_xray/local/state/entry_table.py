"""The entries of datasets in SQLite: upsert by source-ref, filters, pages, label statistics."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Sequence

import attrs

from rekognition_xray.local.manifests import Entry


@attrs.frozen(kw_only=True)
class EntryFilter:
    """Which entries to list; an absent filter accepts every entry, and all filters must hold."""

    labels: tuple[str, ...] = ()
    labelled: bool | None = None
    faulty_only: bool = False
    source_ref_contains: str | None = None


@attrs.frozen
class EntryStatistics:
    """Counts of images (entries) and of distinct labels."""

    total: int
    labelled: int
    labels: int
    faulty: int


class EntryTable:
    """Lines of all datasets, each dataset in the order in which its lines came."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def upsert(self, dataset_arn: str, entries: Collection[Entry]) -> None:
        """Replaces the lines of known source-refs in their place and appends the others."""
        known = dict(
            self._database.execute(
                "SELECT source_ref, position FROM entry WHERE dataset_arn = ?", (dataset_arn,)
            ).fetchall()
        )
        replaced = [
            (dataset_arn, known[entry.source_ref]) for entry in entries if entry.source_ref in known
        ]
        free = itertools.count(max(known.values(), default=0) + 1)
        for entry in entries:
            if entry.source_ref not in known:
                known[entry.source_ref] = next(free)
        self._database.executemany(
            "DELETE FROM entry_label WHERE dataset_arn = ? AND position = ?", replaced
        )
        self._database.executemany(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)",
            (
                (dataset_arn, known[ref := one.source_ref], ref, one.line, one.labelled, one.faulty)
                for one in entries
            ),
        )
        self._database.executemany(
            "INSERT OR REPLACE INTO entry_label VALUES (?, ?, ?, ?)",
            (
                (dataset_arn, name, known[one.source_ref], boxed)
                for one in entries
                for name, boxed in one.labels
            ),
        )

    def lines(self, dataset_arn: str) -> list[str]:
        """All lines in order."""
        rows = self._database.execute(
            "SELECT line FROM entry WHERE dataset_arn = ? ORDER BY position", (dataset_arn,)
        )
        return [line for (line,) in rows]

    def buckets(self, dataset_arn: str) -> set[str]:
        """The buckets that hold the images."""
        rows = self._database.execute(
            "SELECT DISTINCT substr(source_ref, 6, instr(substr(source_ref, 6), '/') - 1) "
            "FROM entry WHERE dataset_arn = ?",
            (dataset_arn,),
        )
        return {bucket for (bucket,) in rows}

    def page(
        self, dataset_arn: str, wanted: EntryFilter, *, after: int, limit: int
    ) -> list[tuple[int, str]]:
        """Position and line of the first entries behind position `after` that pass the filter."""
        clauses, values = ["dataset_arn = ?", "position > ?"], [dataset_arn, after]
        if wanted.labelled is not None:
            clauses.append("labelled = ?")
            values.append(wanted.labelled)
        if wanted.faulty_only:
            clauses.append("faulty = 1")
        if wanted.source_ref_contains is not None:
            clauses.append("instr(source_ref, ?) > 0")
            values.append(wanted.source_ref_contains)
        if wanted.labels:
            marks = ", ".join("?" * len(wanted.labels))
            clauses.append(
                "position IN (SELECT position FROM entry_label "  # noqa: S608 - only marks
                f"WHERE dataset_arn = ? AND label IN ({marks}))"
            )
            values.extend((dataset_arn, *wanted.labels))
        return self._database.execute(
            f"SELECT position, line FROM entry WHERE {' AND '.join(clauses)} "  # noqa: S608
            "ORDER BY position LIMIT ?",
            (*values, limit),
        ).fetchall()

    def statistics(self, dataset_arn: str) -> EntryStatistics:
        """The counts that DescribeDataset shows."""
        total, labelled, faulty = self._database.execute(
            "SELECT count(*), coalesce(sum(labelled), 0), coalesce(sum(faulty), 0) "
            "FROM entry WHERE dataset_arn = ?",
            (dataset_arn,),
        ).fetchone()
        (labels,) = self._database.execute(
            "SELECT count(DISTINCT label) FROM entry_label WHERE dataset_arn = ?", (dataset_arn,)
        ).fetchone()
        return EntryStatistics(total=total, labelled=labelled, labels=labels, faulty=faulty)

    def labels(self, dataset_arn: str, *, skip: int, limit: int) -> list[tuple[str, int, int]]:
        """Label, its images and its images with a box of it, in the order of the names."""
        return self._database.execute(
            "SELECT label, count(*), sum(boxed) FROM entry_label "
            "WHERE dataset_arn = ? GROUP BY label ORDER BY label LIMIT ? OFFSET ?",
            (dataset_arn, limit, skip),
        ).fetchall()

    def remove(self, dataset_arn: str, source_refs: Sequence[str] | None = None) -> None:
        """Removes the entries of these source-refs, or all of a dataset."""
        if source_refs is None:
            self._database.execute("DELETE FROM entry WHERE dataset_arn = ?", (dataset_arn,))
            self._database.execute("DELETE FROM entry_label WHERE dataset_arn = ?", (dataset_arn,))
            return
        keys = [{"dataset": dataset_arn, "ref": source_ref} for source_ref in source_refs]
        self._database.executemany(
            "DELETE FROM entry_label WHERE dataset_arn = :dataset AND position = (SELECT position "
            "FROM entry WHERE dataset_arn = :dataset AND source_ref = :ref)",
            keys,
        )
        self._database.executemany(
            "DELETE FROM entry WHERE dataset_arn = :dataset AND source_ref = :ref", keys
        )
