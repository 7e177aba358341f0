"""The commands with which exercise 04.2 tries a rule, and the decisions that they must lead to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workshop.domain.payments.accounts import DebitCard

LIMIT_CENTS = 30_000
DEBITED, DECLINED = "AccountDebited", "PaymentDeclined"

# 13 March is the same day of the month and of the week as 13 February 2018. 13 February 2019 is the same day of the year, and
# it has the week and the weekday of 14 February 2018.
FIRST, NEXT, A_MONTH_LATER, A_YEAR_LATER = (
    datetime(2018, 2, 13, 12, tzinfo=UTC),
    datetime(2018, 2, 14, 12, tzinfo=UTC),
    datetime(2018, 3, 13, 12, tzinfo=UTC),
    datetime(2019, 2, 13, 12, tzinfo=UTC),
)
NEW_DAY = "each date has its own 300.00 €: the key is `command.at.date()`, with day, month and year"


@dataclass(frozen=True)
class Step:
    """One command, the right decision, and a hint for another one."""

    command: DebitCard
    expected: str
    hint: str


def steps(card: str) -> list[Step]:
    """Return the commands for one card, in the order in which they arrive; the last ones are late."""
    amounts = [
        (12_000, DEBITED, NEW_DAY),
        (15_000, DEBITED, "120 € and 150 € are 270 €: that is below the limit"),
        (9_000, DECLINED, "270 € were debited on this day: 90 € more are above the limit"),
        (3_000, DEBITED, "only what was debited counts, so look at the event's type; exactly 300.00 € are allowed"),
        (1, DECLINED, "300.00 € were debited on this day: one cent more is above the limit"),
    ]
    other = [
        (LIMIT_CENTS + 1, DECLINED, "one payment alone can be above the limit"),
        (LIMIT_CENTS, DEBITED, "a declined payment does not count, and exactly 300.00 € are allowed"),
        (1, DECLINED, "300.00 € were debited on this day: one cent more is above the limit"),
    ]
    late = [
        (1, DECLINED, "this payment arrives late: its day already has 300.00 €, so the state must still hold that day")
    ]
    plan = [(FIRST, amounts), (NEXT, other), (A_MONTH_LATER, amounts), (A_YEAR_LATER, other), (FIRST, late)]
    found: list[Step] = []
    for day, rows in plan:
        for cents, expected, hint in rows:
            number = len(found)
            at = day + timedelta(minutes=number)
            found.append(Step(DebitCard(card, cents, at, f"{card}-payment-{number + 1:02d}"), expected, hint))
    return found


def probes(card: str) -> list[DebitCard]:
    """Return commands that a state after `steps` answers: one cent on each day, then 300.00 € on a new day."""
    days: Iterable[datetime] = (FIRST, NEXT, A_MONTH_LATER, A_YEAR_LATER)
    cents = [DebitCard(card, 1, day + timedelta(hours=3), f"{card}-probe-{day:%Y-%m-%d}") for day in days]
    return [*cents, DebitCard(card, LIMIT_CENTS, FIRST + timedelta(days=40), f"{card}-probe-new")]


def small_payments(card: str) -> list[DebitCard]:
    """Return payments of 2.00 € and of 4.00 € on a day of their own, which a limit of 300 cents would tell apart."""
    day = FIRST - timedelta(days=1_000)
    return [DebitCard(card, cents, day, f"{card}-small-{cents}") for cents in (200, 400)]
