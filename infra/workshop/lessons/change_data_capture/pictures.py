"""Pictures of lesson 06: database against topic, changes, latency, alerts, a kill, the held log."""

from __future__ import annotations

from collections.abc import Sequence

from workshop.domain.debezium import Change
from workshop.lessons.change_data_capture.observations import Blocked, Held, Joined, Killed, Latency
from workshop.notebook.pictures import BLUE, FAINT, GREEN, GREY, INK, ORANGE, PURPLE, RED, Picture, blank, figure

OPERATIONS = {"read": GREY, "insert": GREEN, "update": BLUE, "delete": ORANGE, "tombstone": INK}


def draw_holes(*found: Blocked) -> Picture:
    """Draw the state of each card in database and topic, with a ring where they differ."""
    drawing, panels = figure(width=4.2 * len(found), height=2.9, columns=len(found), squeeze=False)
    for axes, one in zip(panels[0], found, strict=True):
        blank(axes, (-1.5, 1.9), (3.7, -1.0))
        for column, head in enumerate(("database:\nblocked", "topic:\nCardBlocked")):
            axes.text(column, -0.55, head, ha="center", va="center", fontsize=10, color=GREY)
        for row, card in enumerate(one.cards):
            axes.text(-0.45, row, card, ha="right", va="center", fontsize=10)
            for column, there in enumerate((card in one.rows, bool(one.events[card]))):
                face = BLUE if there else "white"
                axes.scatter(column, row, s=190, marker="s", facecolor=face, edgecolor=BLUE, linewidth=1.6)
                if not there and card in one.holes:
                    axes.scatter(column, row, s=760, marker="o", facecolor="none", edgecolor=RED, linewidth=2.6)
            if card == one.died_at:
                axes.text(1.4, row, "✝ killed", va="center", fontsize=10, color=RED if one.holes else INK)
        axes.set_title(f"{one.how}: {_holes(one)}", fontsize=11)
    return Picture(drawing, "; ".join(map(_left_behind, found)))


def _left_behind(one: Blocked) -> str:
    """Return in words what database and topic have about the card at which the process was killed."""
    row, event = one.died_at in one.rows, bool(one.events[one.died_at])
    state = {
        (True, True): "a row and an event",
        (True, False): "a row and no event",
        (False, True): "an event and no row",
        (False, False): "neither a row nor an event",
    }[row, event]
    return f"after the kill at {one.died_at}, {one.how} leaves {state}"


def _holes(one: Blocked) -> str:
    if not one.holes:
        return "no hole"
    return "row, no event" if one.holes[0] in one.rows else "event, no row"


def draw_changes(changes: Sequence[Change]) -> Picture:
    """Draw one line per change, in the order of arrival: the row before and after, differences in bold."""
    drawing, axes = figure(height=0.55 + 0.62 * len(changes))
    blank(axes, (0, 10), (len(changes) - 0.4, -0.9))
    for x, head in ((0.1, "what happened"), (2.2, "before"), (6.2, "after")):
        axes.text(x, -0.7, head, fontsize=10, color=GREY, va="center")
    for row, change in enumerate(changes):
        colour = OPERATIONS[change.operation]
        axes.barh(row, 9.9, height=0.78, color=FAINT, alpha=0.4)
        axes.barh(row, 0.08, height=0.78, color=colour)
        axes.text(0.25, row, change.operation, color=colour, fontweight="bold", va="center")
        for x, image, other in ((2.2, change.before, change.after), (6.2, change.after, change.before)):
            axes.text(x, row, _image(image, other), va="center", fontsize=10, color=INK if image else GREY)
        if change.operation == "tombstone":
            axes.text(6.2, row, f"only the key, {_first(change.key)}", va="center", fontsize=10, color=GREY)
    return Picture(drawing, "in this order: " + ", ".join(change.operation for change in changes))


def _image(row: dict | None, other: dict | None) -> str:
    if row is None:
        return ""
    return "   ".join(
        rf"$\bf{{{_plain(value)}}}$" if other and other.get(name) != value else f"{value}"
        for name, value in row.items()
    )


def _plain(value: object) -> str:
    return str(value).replace(" ", r"\ ").replace("_", r"\_")


def _first(key: dict | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (key or {}).items())


def draw_latency(found: Latency) -> Picture:
    """Draw the time of each change from the database's commit to a reader of the topic."""
    drawing, axes = figure(height=3.2)
    axes.scatter([at for at, _ in found.points], [ms for _, ms in found.points], s=14, color=BLUE)
    top = max(ms for _, ms in found.points) * 1.15
    right = max(at for at, _ in found.points)
    for percent, colour in ((50, INK), (99, ORANGE)):
        value = found.percentile(percent)
        axes.plot([0, right], [value, value], color=colour, linewidth=1.2, linestyle="--")
        axes.text(right * 1.02, value, f"{percent} %: {value:.0f} ms", color=colour, va="center", fontsize=10)
    axes.set(
        xlabel="seconds",
        ylabel="milliseconds to a reader",
        xlim=(-0.1, right * 1.2),
        ylim=(0, top),
        title=f"{len(found.points)} changes, from commit to reader",
    )
    return Picture(
        drawing,
        f"half of {len(found.points)} changes were read within {found.percentile(50):.0f} ms of their commit, "
        f"99 in 100 within {found.percentile(99):.0f} ms",
    )


def draw_alerts(seen: Joined) -> Picture:
    """Draw the card's limit over time, as committed in the database, and each payment, with alerts marked."""
    drawing, axes = figure(height=3.4)
    end = max([*seen.payments.values(), 7.5])
    for number, (start, limit) in enumerate(seen.limits):
        stop = seen.limits[number + 1][0] if number + 1 < len(seen.limits) else max([*seen.payments.values(), start])
        if limit is None:
            axes.axvspan(start, stop, color=FAINT, alpha=0.6)
            axes.text((start + stop) / 2, 470, "card is gone", ha="center", color=GREY)
        else:
            axes.plot([start, stop], [limit / 100] * 2, color=PURPLE, linewidth=3)
            axes.text(start + 0.05, limit / 100 + 14, f"limit {limit / 100:.0f} €", color=PURPLE)
    for name, when in seen.payments.items():
        alerted = name in seen.alerted
        axes.scatter(when, 300, s=44, marker="X" if alerted else "o", color=RED if alerted else BLUE, zorder=3)
    few = len(seen.alerted)
    axes.set(
        xlabel="seconds",
        ylabel="€",
        xlim=(-0.1, end + 0.1),
        ylim=(100, 560),
        title=f"payments of 300 €:  ● no alert {len(seen.payments) - few}   ✖ alert {few}",
    )
    return Picture(drawing, f"{_payments(len(seen.payments))} of 300 €, {few} with an alert. {_behind(seen)}")


def _behind(seen: Joined) -> str:
    """Return in words how many payments were judged by a limit that had changed already."""
    said = [
        f"{_payments(len(found))} {words}"
        for found, words in (
            (seen.late, "above the limit got no alert"),
            (seen.early, "within the limit got one"),
        )
        if found
    ]
    if not said:
        return "Every payment was judged by the limit that the database had at that moment"
    return " and ".join(said) + ", because the new limit had not reached the service yet"


def _payments(count: int) -> str:
    return f"{count} payment" + "s" * (count != 1)


def draw_kill(seen: Killed) -> Picture:
    """Draw every change: its commit in the database, its arrival, and repeated arrivals."""
    drawing, axes = figure(height=3.6)
    axes.scatter(seen.committed.values(), seen.committed.keys(), s=9, color=GREY)
    axes.scatter(*_xy(seen.arrived), s=12, color=BLUE)
    axes.scatter(*_xy(seen.again), s=40, marker="D", facecolor="none", edgecolor=ORANGE, linewidth=1.4)
    top = seen.count * 1.02
    for when, word in ((seen.killed, "Connect killed"), (seen.answers, "Connect answers")):
        axes.axvline(when, color=INK, linewidth=1.2, linestyle="--")
        axes.text(when, top, word, ha="center", va="bottom", fontsize=10)
    axes.text(0.4, 0.22, "■ committed in the database", color=GREY, transform=axes.transAxes, fontsize=10)
    axes.text(0.4, 0.13, "● reached a reader", color=BLUE, transform=axes.transAxes, fontsize=10)
    axes.text(0.4, 0.04, "◇ reached it again", color=ORANGE, transform=axes.transAxes, fontsize=10)
    axes.set(xlabel="seconds", ylabel="number of the change", ylim=(0, seen.count * 1.1))
    axes.set_title(f"missing {seen.missing}   again {len(seen.again)}")
    return Picture(
        drawing,
        f"{seen.count} changes, {_none(seen.missing)} missing, {_none(len(seen.again))} arrived again; "
        f"the longest way from commit to reader took {seen.waited:.1f} s, across the restart of Connect",
    )


def _none(count: int) -> str:
    return str(count) if count else "none"


def _xy(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def draw_held(seen: Held) -> Picture:
    """Draw the size of the log that the database holds back for the slot."""
    drawing, axes = figure(height=3.2)
    kilobytes = [held / 1000 for _, held in seen.points] or [0]
    axes.plot([at for at, _ in seen.points] or [0], kilobytes, color=BLUE)
    axes.fill_between([at for at, _ in seen.points] or [0], kilobytes, color=BLUE, alpha=0.15)
    top = max(kilobytes) * 1.25 + 1
    for word, when in seen.marks.items():
        axes.axvline(when, color=INK, linewidth=1.2, linestyle="--")
        axes.text(when, top, f" {word}", va="top", fontsize=10)
    axes.set(
        xlabel="seconds",
        ylabel="kB of log held back",
        ylim=(0, top),
        xlim=(0, None),
        title=f"at most {max(kilobytes):,.0f} kB",
    )
    return Picture(
        drawing,
        f"the slot held back at most {max(kilobytes):,.0f} kB of the database's log, and {kilobytes[-1]:,.0f} kB at the end",
    )
