"""Pictures of lesson 04: balances by event and by time, events read, records after compaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from workshop.domain.payments.accounts import Account, evolve
from workshop.domain.payments.events import AccountCredited, CardEvent, PaymentDeclined
from workshop.lessons.event_replay.observations import Answers, Compaction
from workshop.notebook.pictures import BLUE, GREEN, GREY, INK, ORANGE, RED, Picture, figure


def draw_account(events: Sequence[CardEvent]) -> Picture:
    """Draw the balance after each event: debits, credits, declined payments."""
    drawing, axes = figure(height=3.2)
    account, balances = Account(), []
    for event in events:
        account = evolve(account, event)
        balances.append(account.balance_cents / 100)
    axes.step(range(len(events)), balances, where="post", color=BLUE)
    for number, (event, balance) in enumerate(zip(events, balances, strict=True)):
        declined = isinstance(event, PaymentDeclined)
        colour = RED if declined else GREEN if isinstance(event, AccountCredited) else BLUE
        axes.scatter(number, balance, marker="x" if declined else "o", color=colour, s=50, zorder=3)
    count = sum(isinstance(event, PaymentDeclined) for event in events)
    axes.set(xlabel="event", ylabel="balance, €", title="● blue: taken   ● green: given back   × declined")
    axes.set_ylim(bottom=min(0, *balances) - 20)
    said = f"{len(events)} events of {events[0].card}: the balance goes from {balances[0]:.2f} to {balances[-1]:.2f} euros; "
    return Picture(drawing, said + f"{count} payments were declined")


def draw_line(
    lines: Mapping[str, Sequence[tuple[datetime, int]]], moment: datetime | None = None, value: int | None = None
) -> Picture:
    """Draw balances over time, one line per projection, with a marked moment of the past."""
    drawing, axes = figure(height=3.2)
    for (name, points), colour in zip(lines.items(), (BLUE, ORANGE), strict=False):
        times, cents = zip(*points, strict=True)
        axes.step(times, [c / 100 for c in cents], where="post", color=colour)
        axes.annotate(name, (times[-1], cents[-1] / 100), xytext=(6, 0), textcoords="offset points", color=colour)
    said = "; ".join(f"{name} ends at {points[-1][1] / 100:.2f} euros" for name, points in lines.items())
    if moment is not None and value is not None:
        axes.axvline(moment, color=INK, linestyle="--", linewidth=1.2)
        axes.annotate(
            f"  {moment:%d %B, %H:%M}: {value / 100:,.2f} €",
            (moment, value / 100),
            xytext=(6, 12),
            textcoords="offset points",
        )
        axes.scatter([moment], [value / 100], color=INK, zorder=4)
        said += f"; at {moment:%d %B %H:%M} it was {value / 100:.2f}"
    axes.set(ylabel="balance, €")
    return Picture(drawing, said)


def draw_corrected(wrong: Sequence[tuple[datetime, int]], right: Sequence[tuple[datetime, int]]) -> Picture:
    """Draw two projections of one log, and the difference between them."""
    drawing, axes = figure(height=3.2)
    times = [at for at, _ in right]
    below, above = [cents / 100 for _, cents in wrong], [cents / 100 for _, cents in right]
    axes.fill_between(times, below, above, step="post", color=ORANGE, alpha=0.3)
    axes.step(times, below, where="post", color=RED, linewidth=1.4)
    axes.step(times, above, where="post", color=BLUE, linewidth=1.8)
    off = above[-1] - below[-1]
    for line, word, colour in ((below, "wrong", RED), (above, "right", BLUE)):
        axes.annotate(word, (times[-1], line[-1]), xytext=(6, 0), textcoords="offset points", color=colour, va="center")
    axes.set(ylabel="balance, €", title=f"the same log, replayed with the mended fold: {off:,.2f} € apart in the end")
    return Picture(drawing, f"wrong {below[-1]:.2f}, right {above[-1]:.2f}: {off:.2f} euros apart")


def draw_points(points: Mapping[str, int], count: int = 10) -> Picture:
    """Draw the cards with the most loyalty points."""
    best = sorted(points.items(), key=lambda pair: -pair[1])[:count]
    drawing, axes = figure(height=3.2)
    axes.barh([card for card, _ in best], [number for _, number in best], color=BLUE)
    for row, (_, number) in enumerate(best):
        axes.text(number, row, f" {number:,}", va="center", fontsize=9)
    axes.invert_yaxis()
    axes.set(xlabel="points", title=f"{len(points)} cards, half a year, known by a service that was born today")
    return Picture(drawing, ", ".join(f"{card}: {number} points" for card, number in best[:3]))


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
    said = "; ".join(f"{name}: {events} events in {seconds:.2f} s" for name, (events, seconds) in measured.items())
    return Picture(drawing, said)


def draw_compaction(seen: Compaction) -> Picture:
    """Draw the records in a compacted topic over time, on a log scale so that 5 and 4 differ visibly."""
    drawing, axes = figure(height=3.0)
    records = [count for _, count, _ in seen.points]
    if records:
        axes.step([when for when, _, _ in seen.points], records, where="post", color=BLUE)
    for before, (when, count, _) in zip([None, *records], seen.points, strict=False):
        if count != before:
            axes.annotate(f"{count}", (when, count), xytext=(3, 6), textcoords="offset points", fontweight="bold")
    for when, word in seen.marks:
        axes.axvline(when, color=INK, linewidth=1, linestyle="--")
        axes.text(when, 420, f" {word}", fontsize=10)
    axes.set(xlabel="seconds", ylabel="records in the topic", yscale="log", ylim=(2, 900), xlim=(0, None))
    axes.set_yticks([5, 20, 100], ["5", "20", "100"])
    axes.set_yticks([], minor=True)
    said = f"{records[0]} records became {records[-1]}" if records else "nothing was seen yet"
    return Picture(drawing, f"{said}; {', '.join(word for _, word in seen.marks)}")


def draw_answers(seen: Answers) -> Picture:
    """Draw the number of answered payments over time, by committed records, with the kill and the restart."""
    drawing, axes = figure(height=3.0)
    if seen.points:
        times, counts = zip(*seen.points, strict=True)
        axes.step(times, counts, where="post", color=BLUE)
    axes.axhline(seen.expected, color=GREY, linestyle=":", linewidth=1)
    for when, word in seen.marks:
        axes.axvline(when, color=INK, linewidth=1, linestyle="--")
        level = {"started": 0.62, "killed": 1.06, "started again": 0.9}.get(word, 0.5)
        axes.text(when, seen.expected * level, f" {word}", fontsize=10)
    twice = sum(count > 1 for count in seen.times.values())
    axes.set(xlabel="seconds", ylabel="payments answered", ylim=(0, seen.expected * 1.18), xlim=(0, None))
    axes.set_title(f"answered: {len(seen.times)} of {seen.expected}   twice: {twice}")
    return Picture(drawing, f"{len(seen.times)} of {seen.expected} payments were answered, {twice} of them twice")
