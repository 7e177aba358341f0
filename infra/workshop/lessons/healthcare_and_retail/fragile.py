"""A database and a producer that count their steps and die at a chosen one, as a killed process does."""

from __future__ import annotations

import sqlite3
from typing import Any, Self

from kafka import KafkaProducer

PATIENCE = 60.0  # seconds


class Killed(BaseException):
    """The process was killed. No `except Exception` catches it, and every later step raises it again."""


class Steps:
    """The steps of one process.

    Attributes:
        names: the steps up to now, in words.
        dead: whether the process was killed.
    """

    def __init__(self, die_at: int | None = None) -> None:
        """Args: die_at: the number of the step at which the process dies, from 0; None for never."""
        self.names: list[str] = []
        self.dead = False
        self._die_at = die_at

    def __call__(self, name: str) -> None:
        """Take one step.

        Raises:
            Killed: the process dies at this step, or is dead.
        """
        if not self.dead:
            self.dead = len(self.names) == self._die_at
            self.names.append(name)
        if self.dead:
            raise Killed


class FragileConnection(sqlite3.Connection):
    """A connection to SQLite whose statements and commits are steps; make it with `connect`."""

    steps: Steps

    def cursor(self, *arguments: Any, **named: Any) -> FragileCursor:  # type: ignore[override]  # no other kind
        """Return a cursor whose statements are steps."""
        return super().cursor(FragileCursor)

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Execute a statement."""
        return self.cursor().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        """Execute a statement several times."""
        return self.cursor().executemany(*arguments)

    def commit(self) -> None:
        """Commit; the process can die before and after it."""
        if self.in_transaction:
            self.steps("before the commit in the database")
            super().commit()
            self.steps("after the commit in the database")

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        if kind is None:
            self.commit()
        else:
            self.rollback()
        return False


class FragileCursor(sqlite3.Cursor):
    """A cursor whose statements are steps."""

    def execute(self, *arguments: Any) -> Self:
        """Execute a statement."""
        self._step(arguments)
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Self:
        """Execute a statement several times."""
        self._step(arguments)
        return super().executemany(*arguments)

    def _step(self, arguments: tuple) -> None:
        connection = self.connection
        assert isinstance(connection, FragileConnection)
        verb = next(iter(str(arguments[0]).split()), "statement") if arguments else "statement"
        connection.steps(f"before the {verb.upper()}")


def connect(file: str, steps: Steps) -> FragileConnection:
    """Return a connection to a database file."""
    connection = sqlite3.connect(file, factory=FragileConnection)
    sqlite3.Cursor(connection).execute("PRAGMA synchronous = OFF")  # no power cut is tried
    connection.steps = steps
    return connection


class FragileProducer:
    """A producer in front of a real one: a record stays in its buffer until somebody waits for it.

    So a process that dies loses what is in the buffer, which a real producer sends a moment later, or not.

    Attributes:
        buffered: the number of records in the buffer.
    """

    def __init__(self, producer: KafkaProducer, steps: Steps) -> None:
        self._producer, self._steps = producer, steps
        self._waiting: list[_Future] = []

    @property
    def buffered(self) -> int:
        """The number of records for which nobody has waited."""
        return len(self._waiting)

    def send(self, topic: str, value: Any = None, key: Any = None, **named: Any) -> _Future:
        """Put a record into the buffer; return its future.

        Raises:
            TypeError: key or value are not bytes.
        """
        for name, part in (("key", key), ("value", value)):
            if not isinstance(part, bytes | bytearray | memoryview | None):
                raise TypeError(f"the {name} of a record is bytes, not {type(part).__name__}")
        self._steps("before `send`")
        future = _Future(self, topic, {"key": key, "value": value, **named})
        self._waiting.append(future)
        return future

    def flush(self, timeout: float | None = None) -> None:
        """Write all records of the buffer, and wait for their acknowledgements."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.written = self._producer.send(one.topic, **one.record).get(timeout=PATIENCE)
        self._steps("after the acknowledgement of the record")

    def close(self, timeout: float | None = None, **named: Any) -> None:
        """Write what is in the buffer; the real producer stays open."""
        self.flush()

    def __enter__(self) -> FragileProducer:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)


class _Future:
    """The promise of a record's metadata."""

    def __init__(self, producer: FragileProducer, topic: str, record: dict) -> None:
        self._producer, self.topic, self.record = producer, topic, record
        self.written: Any = None

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the acknowledgement; return the record's metadata."""
        self._producer.flush()
        return self.written

    result = get

    def add_callback(self, function: Any, *arguments: Any, **named: Any) -> _Future:
        """Accept a callback, which is not called."""
        return self

    add_errback = add_callback
