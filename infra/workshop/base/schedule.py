"""Open-loop schedules: an event is due at a time that does not depend on how late the events before it were."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import count as numbers
from random import Random


def steady(rate: float, count: float = math.inf) -> Iterator[float]:
    """Return when each event is due, in seconds after the start: the event n at n / rate.

    Args:
        rate: events per second.
        count: the number of events.
    """
    for number in numbers():
        if number >= count:
            return
        yield number / rate


def customers(count: int, period: float, seconds: float, random: Random) -> Iterator[float]:
    """Return when each payment is due, if customers pay once per period, each at a moment of their own.

    At short intervals these arrivals are irregular, so that a queue forms before the capacity is reached, as in reality.
    The number per period is always the same.

    Args:
        period, seconds: the time between two payments of one customer, and the duration of all, in seconds.
    """
    moments = sorted(random.uniform(0, period) for _ in range(count))
    for turn in range(math.ceil(seconds / period)):
        for moment in moments:
            if (due := turn * period + moment) < seconds:
                yield due


def on_time(offsets: Iterable[float], pause: Callable[[float], object] = time.sleep) -> Iterator[int]:
    """Yield the number of each event when it is due; late ones follow at once.

    Args:
        offsets: when they are due, in seconds after the first call.
        pause: waits for a number of seconds. The schedule ends if it returns True, as the `wait` of a set
            `threading.Event` does.
    """
    began = time.monotonic()
    for number, offset in enumerate(offsets):
        if pause(max(0.0, began + offset - time.monotonic())) is True:
            return
        yield number


async def on_time_until(ended: asyncio.Event, offsets: Iterable[float], began: float) -> AsyncIterator[int]:
    """Yield the number of each event when it is due, in an event loop, until `ended` is set.

    Args:
        began: the start, in the time of `time.monotonic()`.
    """
    for number, offset in enumerate(offsets):
        if (early := began + offset - time.monotonic()) > 0:
            await _set_within(ended, early)
        else:
            await asyncio.sleep(0)  # the loop has other work than late events
        if ended.is_set():
            return
        yield number


async def _set_within(ended: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return
