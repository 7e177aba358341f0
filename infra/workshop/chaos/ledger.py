"""The ledger: each payment, written down before its first request, and each answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from workshop.chaos.reconcile import ACKNOWLEDGED, REFUSED, UNKNOWN, Promise

CARDS, PER_CARD = 97, 100  # cards, and payments per card: less than €10 each, within the opening balance of €1,000


@dataclass(frozen=True)
class Attempt:
    """One request.

    Attributes:
        at: when it was sent, in seconds since 1970.
        seconds: the time until the answer or the failure.
        status: the HTTP status; 0: no answer.
        said: the error, if any.
    """

    at: float
    seconds: float
    status: int
    said: str = ""


@dataclass
class Entry:
    """One payment of a run.

    Attributes:
        payment_id: its id in the log; derived from key and card.
        key: its idempotency key, the same at every attempt.
        at: the time before the first attempt, in seconds since 1970.
    """

    payment_id: str
    key: str
    card: str
    cents: int
    at: float
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def acknowledged_at(self) -> float | None:
        """The time of the first answer 201, in seconds since 1970; None without one."""
        good = [attempt for attempt in self.attempts if attempt.status == 201]
        return good[0].at + good[0].seconds if good else None

    @property
    def outcome(self) -> str:
        """The result from the customer's point of view."""
        if self.acknowledged_at is not None:
            return ACKNOWLEDGED
        last = self.attempts[-1].status if self.attempts else 0
        # A refusal counts only if no other attempt can have been written.
        sure = all(400 <= attempt.status < 500 for attempt in self.attempts)
        return REFUSED if sure and last else UNKNOWN


def order(run: str, number: int) -> tuple[str, str, int]:
    """Return key, card and cents of a payment; cards are new in each run, and their balance suffices."""
    card = number % CARDS + CARDS * (number // (CARDS * PER_CARD))
    return f"{run}-{number:06d}", f"{run}-{card:04d}", 100 + number * 7_919 % 900


class Writer:
    """Writer of a ledger, line by line; each line is flushed to the operating system at once."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def wanted(self, entry: Entry) -> None:
        """Write a payment, before it is sent."""
        self._line({name: value for name, value in asdict(entry).items() if name != "attempts"})

    def tried(self, payment_id: str, attempt: Attempt) -> None:
        """Write an attempt, after its answer or failure."""
        self._line({"of": payment_id, **asdict(attempt)})

    def _line(self, content: dict) -> None:
        self._file.write(json.dumps(content) + "\n")
        self._file.flush()


class Ledger:
    """Reader of a ledger that is still being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self._read, self._rest = 0, b""

    def refresh(self) -> dict[str, Entry]:
        """Read new lines, and return all entries."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            self._read += len(new)
            *lines, self._rest = (self._rest + new).split(b"\n")
            self._take(json.loads(line) for line in lines)
        return self.entries

    def promises(self) -> list[Promise]:
        """Return each payment with its outcome for the customer."""
        return [Promise(entry.payment_id, entry.cents, entry.outcome) for entry in self.refresh().values()]

    def _take(self, lines: Iterable[dict]) -> None:
        for line in lines:
            if "of" in line:
                self.entries[line.pop("of")].attempts.append(Attempt(**line))
            else:
                self.entries[line["payment_id"]] = Entry(**line)
