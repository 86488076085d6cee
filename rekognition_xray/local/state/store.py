"""State in SQLite, in memory or in a file: one connection, one lock, one transaction a decision."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import attrs

from rekognition_xray.local.bill import Charge
from rekognition_xray.local.state.entry_table import EntryTable
from rekognition_xray.local.state.records import Dataset, Policy, Project, Version

R = TypeVar("R", bound=attrs.AttrsInstance)

_CACHE: Final = 16 * 1024  # KiB of the database that stay in memory

_SCHEMA = """
CREATE TABLE IF NOT EXISTS project (
  arn TEXT PRIMARY KEY, account TEXT, region TEXT, name TEXT, created REAL, status TEXT,
  feature TEXT, UNIQUE (account, region, name));
CREATE TABLE IF NOT EXISTS dataset (
  arn TEXT PRIMARY KEY, project_arn TEXT, type TEXT, created REAL, updated REAL, status TEXT,
  message TEXT, code TEXT, UNIQUE (project_arn, type));
CREATE TABLE IF NOT EXISTS version (
  arn TEXT PRIMARY KEY, project_arn TEXT, account TEXT, region TEXT, name TEXT, created REAL,
  status TEXT, message TEXT, given TEXT, outcome TEXT, min_units INTEGER, max_units INTEGER,
  UNIQUE (project_arn, name));
CREATE INDEX IF NOT EXISTS version_status ON version (account, region, status);
CREATE TABLE IF NOT EXISTS policy (
  id TEXT PRIMARY KEY, project_arn TEXT, name TEXT, revision TEXT, document TEXT, created REAL,
  updated REAL);
CREATE INDEX IF NOT EXISTS policy_project ON policy (project_arn);
CREATE TABLE IF NOT EXISTS charge (
  id TEXT PRIMARY KEY, kind TEXT, version_arn TEXT, started REAL, ended REAL, units INTEGER);
CREATE TABLE IF NOT EXISTS tag (
  arn TEXT, key TEXT, value TEXT, PRIMARY KEY (arn, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
  dataset_arn TEXT, position INTEGER, source_ref TEXT, line TEXT, labelled INTEGER,
  faulty INTEGER, PRIMARY KEY (dataset_arn, position), UNIQUE (dataset_arn, source_ref));
CREATE TABLE IF NOT EXISTS entry_label (
  dataset_arn TEXT, label TEXT, position INTEGER, boxed INTEGER,
  PRIMARY KEY (dataset_arn, label, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS label_position ON entry_label (dataset_arn, position);
"""


class Table(Generic[R]):
    """Records of one class in the table of the same columns."""

    def __init__(self, database: sqlite3.Connection, record: type[R]) -> None:
        self._database = database
        self._record = record
        self._name = record.__name__.lower()
        self._fields = [field.name for field in attrs.fields(record)]
        self._json = {field.name for field in attrs.fields(record) if field.type == "Members"}

    def put(self, record: R) -> None:
        """Writes a record, in place of one with the same key."""
        values = [self._encode_value(name, getattr(record, name)) for name in self._fields]
        columns, marks = ", ".join(self._fields), ", ".join("?" * len(values))
        changes = ", ".join(f"{name} = excluded.{name}" for name in self._fields[1:])
        self._database.execute(
            f"INSERT INTO {self._name} ({columns}) VALUES ({marks}) "  # noqa: S608 - fixed names
            f"ON CONFLICT ({self._fields[0]}) DO UPDATE SET {changes}",
            values,
        )

    def get(self, key: str) -> R | None:
        """The record with that key."""
        return next(iter(self.find(**{self._fields[0]: key})), None)

    def find(self, **where: object) -> list[R]:
        """Records whose columns have these values, newest first; a tuple means any of these."""
        clauses: list[str] = []
        values: list[object] = []
        for name, value in where.items():
            options = value if isinstance(value, tuple) else (value,)
            clauses.append(f"{name} IN ({', '.join('?' * len(options))})")
            values.extend(options)
        condition = " AND ".join(clauses) or "1"
        order = "created" if "created" in self._fields else self._fields[0]
        rows = self._database.execute(
            f"SELECT {', '.join(self._fields)} FROM {self._name} "  # noqa: S608 - fixed names
            f"WHERE {condition} ORDER BY {order} DESC",
            values,
        )
        return [self._decode_row(row) for row in rows]

    def delete(self, key: str) -> None:
        """Forgets the record with that key."""
        self._database.execute(
            f"DELETE FROM {self._name} WHERE {self._fields[0]} = ?",  # noqa: S608 - fixed names
            (key,),
        )

    def _encode_value(self, name: str, value: object) -> object:
        return json.dumps(value) if name in self._json else value

    def _decode_row(self, row: tuple[Any, ...]) -> R:
        values = zip(self._fields, row, strict=True)
        return self._record(
            **{name: json.loads(value) if name in self._json else value for name, value in values}
        )


class Store:
    """All state of one local cloud. Use every table inside `transaction`.

    Raises OSError for a file that is in use or holds something else.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(
            ""
            if path is None
            else path,  # unnamed: in memory, and what is more in a temporary file
            timeout=1.0,
            check_same_thread=False,
            isolation_level=None,
        )
        self._depth = 0
        self._prepare(path)
        self.projects = Table(self._database, Project)
        self.datasets = Table(self._database, Dataset)
        self.versions = Table(self._database, Version)
        self.policies = Table(self._database, Policy)
        self.charges = Table(self._database, Charge)
        self.entries = EntryTable(self._database)

    def _prepare(self, path: Path | None) -> None:
        try:
            if path is not None:
                # Nobody else may open the file. What is committed outlives the process, even one
                # that is killed; only a machine that loses power may lose the last of it.
                self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(f"PRAGMA cache_size = -{_CACHE}")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._database.close()
            raise OSError(
                f"{path} is in use by another local cloud, or no state of one: {error}"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens at once or, after an exception, not at all."""
        with self._lock:
            if self._depth:
                yield
                return
            self._depth = 1
            self._database.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            else:
                self._database.execute("COMMIT")
            finally:
                self._depth = 0

    def tags(self, arn: str) -> dict[str, str]:
        """Tags of a resource."""
        rows = self._database.execute(
            "SELECT key, value FROM tag WHERE arn = ? ORDER BY key", (arn,)
        )
        return dict(rows.fetchall())

    def put_tags(self, arn: str, tags: dict[str, str]) -> None:
        """Adds tags; one with the same key is overwritten."""
        self._database.executemany(
            "INSERT OR REPLACE INTO tag VALUES (?, ?, ?)",
            [(arn, key, value) for key, value in tags.items()],
        )

    def delete_tags(self, arn: str, keys: list[str] | None = None) -> None:
        """Removes tags by key, or all of a resource."""
        if keys is None:
            self._database.execute("DELETE FROM tag WHERE arn = ?", (arn,))
            return
        self._database.executemany(
            "DELETE FROM tag WHERE arn = ? AND key = ?", [(arn, key) for key in keys]
        )

    def close(self) -> None:
        """Closes the database; state in memory is gone then."""
        with self._lock:
            self._database.close()
