"""Steady load on the payments service at a given rate per second, with a record of each answer."""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from dataclasses import dataclass, field

from workshop.load.beside import Beside
from workshop.load.payment import Answer, pay
from workshop.load.sender import Plan

__all__ = ["Answer", "Traffic", "pay", "send"]

TIMEOUT = 15.0  # seconds after which a payment counts as failed


class Sending:
    """A plan that is carried out beside this process.

    Attributes:
        answers: the answers so far; a thread reads them.
    """

    def __init__(self, plan: Plan, answers: list[Answer]) -> None:
        self.answers, self._plan = answers, plan
        self._program = Beside("workshop.load", plan.written())
        self._reader = threading.Thread(target=self._read, name="answers", daemon=True)
        self._reader.start()

    @property
    def runs(self) -> bool:
        """Whether payments are still made or in progress."""
        return self._reader.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait at most so many seconds until all payments have been made and answered."""
        self._reader.join(seconds)

    def end(self) -> None:
        """Stop new payments, and wait for those in progress."""
        self._program.leave()
        self._reader.join(self._plan.timeout + 10)
        self._program.end(10)
        self._reader.join(10)

    def _read(self) -> None:
        for line in self._program.output:
            self.answers.append(Answer(**json.loads(line)))


@dataclass
class Traffic:
    """Payments at a steady rate, each on a new connection by default.

    Attributes:
        url: the service's address.
        rate: payments per second.
        keep_alive: send one payment after the other on one connection while it stays open.
        count: the maximum number of payments.
    """

    url: str
    rate: float
    keep_alive: bool = False
    count: float = math.inf
    answers: list[Answer] = field(default_factory=list)
    _sending: Sending = field(init=False, repr=False, compare=False)

    def __enter__(self) -> Traffic:
        plan = Plan(self.url, TIMEOUT, rate=self.rate, count=self.count, keep_alive=self.keep_alive)
        self._sending = Sending(plan, self.answers)
        return self

    def __exit__(self, *_: object) -> None:
        self._sending.end()

    def wait(self) -> None:
        """Wait until all payments have been made."""
        self._sending.wait(30 + self.count / self.rate + (self.count if self.keep_alive else 1) * TIMEOUT)

    @property
    def failed(self) -> list[Answer]:
        """The payments that were not accepted."""
        return [answer for answer in self.answers if not answer.good]

    def sentence(self) -> str:
        """Return the number of failed payments and their reasons, the most frequent one first."""
        why = Counter(_reason(answer) for answer in self.failed)
        said = "; ".join(f"{count} × {reason}" for reason, count in why.most_common(4))
        return f"{len(self.failed)} of {len(self.answers)} payments failed" + (f": {said}" if said else "")

    def by_pod(self) -> Counter:
        """Return the number of accepted payments per pod."""
        return Counter(answer.pod for answer in self.answers if answer.good)


def _reason(answer: Answer) -> str:
    """Return the reason of a failure: the start of the service's message, or the connection error."""
    try:
        said = str(json.loads(answer.said)["detail"]).split(";")[0]
    except (ValueError, LookupError, TypeError):
        said = answer.said
    return f"{answer.status} {said}" if answer.status else said


def send(url: str, count: int, rate: float = 100, *, keep_alive: bool = False) -> Traffic:
    """Send a number of payments; return when each is answered."""
    with Traffic(url, rate, keep_alive, count) as traffic:
        traffic.wait()
    return traffic
