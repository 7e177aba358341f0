"""Pictures of lesson 04: balances by event and by time, loyalty points, records after compaction, answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from workshop.domain.payments.accounts import Account, evolve
from workshop.domain.payments.events import AccountCredited, AccountDebited, AccountOpened, CardEvent, PaymentDeclined
from workshop.lessons.event_replay.observations import Answers, Compaction
from workshop.notebook.pictures import BLUE, GREEN, GREY, INK, ORANGE, RED, Picture, figure

KINDS: dict[type[CardEvent], tuple[str, str]] = {  # marker and colour of an event
    AccountOpened: ("s", INK),
    AccountDebited: ("o", BLUE),
    AccountCredited: ("o", GREEN),
    PaymentDeclined: ("x", RED),
}


def draw_account(events: Sequence[CardEvent]) -> Picture:
    """Draw the balance after each event: opening, debits, credits, declined payments."""
    drawing, axes = figure(height=3.2)
    account, balances = Account(), []
    for event in events:
        account = evolve(account, event)
        balances.append(account.balance_cents / 100)
    axes.step(range(len(events)), balances, where="post", color=BLUE)
    for number, (event, balance) in enumerate(zip(events, balances, strict=True)):
        marker, colour = KINDS[type(event)]
        axes.scatter(number, balance, marker=marker, color=colour, s=50, zorder=3)
    title = "■ opened   ● blue: debited   ● green: credited   × declined"
    axes.set(xlabel="number of the event", ylabel="balance, €", title=title)
    axes.set_ylim(bottom=min(0, *balances) - 20)
    count = sum(isinstance(event, PaymentDeclined) for event in events)
    declined = f"{counted(count, 'payment was', 'payments were')} declined (×)" if count else "No payment was declined"
    said = f"The {len(events)} events of {events[0].card} lead from {euros(balances[0])} to {euros(balances[-1])}. "
    return Picture(drawing, f"{said}{declined}{' and left the balance as it was' if count else ''}.")


def draw_balance_at(events: Iterable[CardEvent], card: str, moment: datetime, cents: int) -> Picture:
    """Draw the balance of a card over time, and the given balance (cents) at a moment of the past."""
    points, balance = [], Account()
    for event in events:
        if event.card == card:
            balance = evolve(balance, event)
            points.append((event.at, balance.balance_cents / 100))
    drawing, axes = figure(height=3.2)
    axes.step([at for at, _ in points], [euro for _, euro in points], where="post", color=BLUE)
    axes.axvline(moment, color=INK, linestyle="--", linewidth=1.2)
    axes.scatter([moment], [cents / 100], color=INK, zorder=4)
    label = f"{moment:%d %B, %H:%M}: {euros(cents / 100)}"
    axes.annotate(label, (moment, cents / 100), xytext=(8, 12), textcoords="offset points")
    axes.set(ylabel="balance, €", title=f"{card}: the balance of half a year")
    said = f"At {moment:%H:%M} UTC on {moment:%d %B %Y}, {card} had {euros(cents / 100)} (the dot)"
    return Picture(drawing, f"{said}; at the end of the log it has {euros(points[-1][1])}." if points else f"{said}.")


def draw_corrected(old: Sequence[tuple[datetime, int]], new: Sequence[tuple[datetime, int]]) -> Picture:
    """Draw two projections of one log, and the difference between them; points are times and cents."""
    drawing, axes = figure(height=3.2)
    times = [at for at, _ in new]
    first, second = [cents / 100 for _, cents in old], [cents / 100 for _, cents in new]
    axes.fill_between(times, first, second, step="post", color=ORANGE, alpha=0.3)
    axes.step(times, first, where="post", color=RED, linewidth=1.4)
    axes.step(times, second, where="post", color=BLUE, linewidth=1.8)
    off = abs(second[-1] - first[-1])
    for line, word, colour in ((first, "old fold", RED), (second, "new fold", BLUE)):
        axes.annotate(word, (times[-1], line[-1]), xytext=(6, 0), textcoords="offset points", color=colour, va="center")
    axes.set(ylabel="balance, €", title=f"one log, two folds: {euros(off)} apart at the end")
    said = f"At the end the old fold gives {euros(first[-1])} and the new fold {euros(second[-1])}"
    return Picture(drawing, f"{said}, {euros(off)} more." if second[-1] > first[-1] else f"{said}.")


def draw_points(points: Mapping[str, int]) -> Picture:
    """Draw the loyalty points of every card, the highest first."""
    best = sorted(points.items(), key=lambda pair: -pair[1])
    drawing, axes = figure(height=max(2.4, 0.24 * len(best)))
    axes.barh([card for card, _ in best], [number for _, number in best], color=BLUE)
    for row, (_, number) in enumerate(best):
        axes.text(number, row, f" {number:,}", va="center", fontsize=9)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=9)
    axes.set(xlabel="points", title="loyalty points of half a year, known on the first day of the service")
    if not best:
        return Picture(drawing, "No card has points yet.")
    said = f"{counted(len(best), 'card has', 'cards have')} {sum(points.values()):,} points together"
    return Picture(drawing, f"{said}; {best[0][0]} has the most, {best[0][1]:,}.")


def draw_snapshot(measured: Mapping[str, tuple[int, float]]) -> Picture:
    """Draw events read, and seconds, with and without a snapshot."""
    drawing, axes = figure(height=2.0, columns=2, sharey=True)
    names = list(measured)
    for one, index, label, form in ((axes[0], 0, "events read", "{:,.0f}"), (axes[1], 1, "seconds", "{:.2f}")):
        values = [measured[name][index] for name in names]
        one.barh(names, values, color=[GREEN, GREY])
        for row, value in enumerate(values):
            one.text(value, row, " " + form.format(value), va="center", fontsize=10)
        one.set(xlabel=label, xlim=(0, max(values) * 1.3))
    said = "; ".join(f"{name}: {events:,} events in {seconds:.2f} s" for name, (events, seconds) in measured.items())
    return Picture(drawing, f"Reading {said}.")


def draw_compaction(seen: Compaction) -> Picture:
    """Draw the records in a compacted topic over time, on a log scale so that 5 and 4 differ visibly."""
    drawing, axes = figure(height=3.0)
    records = [count for _, count, _ in seen.points]
    if records:
        axes.step([when for when, _, _ in seen.points], records, where="post", color=BLUE)
    for before, (when, count, _) in zip([None, *records], seen.points, strict=False):
        if count != before:
            axes.annotate(f"{count}", (when, count), xytext=(3, 6), textcoords="offset points", fontweight="bold")
    axes.set(xlabel="seconds", ylabel="records (log scale)", yscale="log", ylim=(2, 900), xlim=(0, None))
    axes.set(title="records that a reader of the compacted topic finds")
    axes.set_yticks([5, 20, 100], ["5", "20", "100"])
    axes.set_yticks([], minor=True)
    if not records:
        return Picture(drawing, "No record was read yet.")
    alive, seconds = seen.points[-1][2], seen.points[-1][0]
    said = f"The topic held {counted(records[0], 'record', 'records')}, and {records[-1]} after {seconds:.0f} s"
    return Picture(drawing, f"{said}; {counted(alive, 'key has', 'keys have')} a value.")


def draw_answers(seen: Answers) -> Picture:
    """Draw the number of answered payments over time, by committed records, with the kill and the restart."""
    drawing, axes = figure(height=3.0)
    if seen.points:
        times, counts = zip(*seen.points, strict=True)
        axes.step(times, counts, where="post", color=BLUE)
    axes.axhline(seen.expected, color=GREY, linestyle=":", linewidth=1)
    for when, word in seen.marks:
        axes.axvline(when, color=INK, linewidth=1, linestyle="--")
        # "killed" and "started again" are less than a second apart: one word on each side of the lines.
        side = "right" if word == "killed" else "left"
        axes.text(when, seen.expected * 1.06, f" {word} ", ha=side, fontsize=10)
    twice = sum(count > 1 for count in seen.times.values())
    axes.set(xlabel="seconds", ylabel="payments with an answer", ylim=(0, seen.expected * 1.18), xlim=(0, None))
    axes.set_title(f"answered: {len(seen.times)} of {seen.expected}   answered twice: {twice}")
    missing = seen.expected - len(seen.times)
    said = (
        f"{counted(len(seen.times), 'payment has', 'payments have')} a committed answer; {missing} of {seen.expected}"
    )
    verb = "has" if missing == 1 else "have"
    said = f"{said} {verb} none, {twice} {'has' if twice == 1 else 'have'} more than one."
    if seen.at_kill is not None:
        said = f"{seen.at_kill} of {seen.expected} had one when the service was killed. {said}"
    return Picture(drawing, said)


def counted(number: int, one: str, several: str) -> str:
    """Return a number with the singular or the plural."""
    return f"{number:,} {one if number == 1 else several}"


def euros(amount: float) -> str:
    """Return an amount of euros with two decimals."""
    return f"{amount:,.2f} €"
