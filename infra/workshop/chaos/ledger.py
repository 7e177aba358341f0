"""The ledger: what customers wanted, written down before it was sent, and what they were told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from workshop.chaos.reconcile import ACKNOWLEDGED, REFUSED, UNKNOWN, Promise

CARDS, PER_CARD = 97, 100  # so many payments of less than €10 each fit on an account that is opened with €1,000


@dataclass(frozen=True)
class Attempt:
    """One request: when it was sent (seconds since 1970), how long it took, the HTTP status (0: no answer), what was said."""

    at: float
    seconds: float
    status: int
    said: str = ""


@dataclass
class Entry:
    """One payment of a run.

    Attributes:
        payment_id: what it is called in the log; it follows from key and card.
        key: its idempotency key, the same at every attempt.
        at: when its customer first wanted it, in seconds since 1970.
    """

    payment_id: str
    key: str
    card: str
    cents: int
    at: float
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def acknowledged_at(self) -> float | None:
        """When its customer was told "paid"."""
        good = [attempt for attempt in self.attempts if attempt.status == 201]
        return good[0].at + good[0].seconds if good else None

    @property
    def outcome(self) -> str:
        """What its customer knows."""
        if self.acknowledged_at is not None:
            return ACKNOWLEDGED
        last = self.attempts[-1].status if self.attempts else 0
        # A "no" counts only if no attempt before it may have been written.
        sure = all(400 <= attempt.status < 500 for attempt in self.attempts)
        return REFUSED if sure and last else UNKNOWN


def order(run: str, number: int) -> tuple[str, str, int]:
    """The key, the card and the cents of a run's payment: fresh cards for each run, and never more than lies on them."""
    card = number % CARDS + CARDS * (number // (CARDS * PER_CARD))
    return f"{run}-{number:06d}", f"{run}-{card:04d}", 100 + number * 7_919 % 900


class Writer:
    """Writes a ledger, line by line; each is in the system's hands before the next thing happens."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def wanted(self, entry: Entry) -> None:
        """Before it is sent."""
        self._line({name: value for name, value in asdict(entry).items() if name != "attempts"})

    def tried(self, payment_id: str, attempt: Attempt) -> None:
        """After an answer, or none."""
        self._line({"of": payment_id, **asdict(attempt)})

    def _line(self, content: dict) -> None:
        self._file.write(json.dumps(content) + "\n")
        self._file.flush()


class Ledger:
    """Reads a ledger while it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self._read, self._rest = 0, b""

    def refresh(self) -> dict[str, Entry]:
        """All entries as of now."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            self._read += len(new)
            *lines, self._rest = (self._rest + new).split(b"\n")
            self._take(json.loads(line) for line in lines)
        return self.entries

    def promises(self) -> list[Promise]:
        """What each customer knows."""
        return [Promise(entry.payment_id, entry.cents, entry.outcome) for entry in self.refresh().values()]

    def _take(self, lines: Iterable[dict]) -> None:
        for line in lines:
            if "of" in line:
                self.entries[line.pop("of")].attempts.append(Attempt(**line))
            else:
                self.entries[line["payment_id"]] = Entry(**line)
