"""The model behind the simulator: customers, terminals, payments and three fraud scenarios, drawn in the published order.

Source: chapter 3 of the *Fraud Detection Handbook* (ULB / Worldline, text CC BY-SA). This code is written afresh.
Each random number is drawn in the published order, from numpy's legacy generator (its stream is frozen) and Python's
`random`. Payments of the same second are numbered by customer; the published files leave their order open.
"""

import multiprocessing
import os
import pickle
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd
from simulation_settings import SimulationSettings, require

COLUMNS = [  # the published names, in the published order
    "TRANSACTION_ID",  # 0, 1, ... in order of time
    "TX_DATETIME",
    "CUSTOMER_ID",
    "TERMINAL_ID",
    "TX_AMOUNT",
    "TX_TIME_SECONDS",  # since the first day's midnight
    "TX_TIME_DAYS",  # the day's number: 0, 1, ...
    "TX_FRAUD",  # 0 or 1
    "TX_FRAUD_SCENARIO",  # 0 (no fraud) to 3
]
DAY = 86_400  # seconds
NOON, SPREAD = 43_200, 20_000  # seconds: mean and standard deviation of a payment's time of day
CUSTOMERS_A_PIECE = 50  # one task of a worker: about 0.1 s
SMALL = 100_000  # customers x days under which starting workers costs more than it saves
NO_WORKERS = (BrokenProcessPool, ImportError, NotImplementedError, OSError, pickle.PicklingError)
Progress = Callable[[float], None]


class Payments(NamedTuple):
    """Columns of equal length: seconds since the first midnight, customer, terminal, amount."""

    seconds: np.ndarray
    customer: np.ndarray
    terminal: np.ndarray
    amount: np.ndarray


def customer_profiles(settings: SimulationSettings) -> np.ndarray:
    """Customers' x, y (map units), mean amount, mean payments a day: shape (customers, 4)."""
    bounds = [(0, settings.map_side), (0, settings.map_side), settings.mean_amount, settings.payments_a_day]
    low, high = np.array(bounds, float).T
    return low + (high - low) * np.random.RandomState(settings.customer_seed).random_sample((settings.customers, 4))


def terminal_places(settings: SimulationSettings) -> np.ndarray:
    """Terminals' x, y in map units: shape (terminals, 2)."""
    return settings.map_side * np.random.RandomState(settings.terminal_seed).random_sample((settings.terminals, 2))


def _within(radius: float, place: np.ndarray, places: np.ndarray) -> list[int]:
    """Numbers of the places nearer than the radius, ascending."""
    return np.flatnonzero(np.sqrt(((places - place) ** 2).sum(axis=1)) < radius).tolist()


def _times_and_amounts(draw: np.random.RandomState, days: int, mean: float, rate: float) -> tuple[list, list]:
    """One customer's payments in drawing order: seconds since the first midnight, amounts not yet rounded."""
    gauss, poisson, uniform = draw.standard_normal, draw.poisson, draw.random_sample  # bound once: twice as fast
    seconds: list[int] = []
    amounts: list[float] = []
    for midnight in range(0, days * DAY, DAY):
        for _ in range(poisson(rate)):
            second = int(NOON + SPREAD * gauss())
            if 0 < second < DAY:
                amount = mean + mean / 2 * gauss()
                amounts.append(amount if amount >= 0 else 2 * mean * uniform())
                seconds.append(midnight + second)
    return seconds, amounts


def _piece(settings: SimulationSettings, first: int, last: int) -> Payments:
    """The payments of customers first..last-1, customer by customer: what one worker does at a time."""
    profiles, places = customer_profiles(settings), terminal_places(settings)
    draw, pick = np.random.RandomState(), random.Random()  # noqa: S311 - the published stream, no secret
    seconds, customers, terminals, amounts = [], [], [], []
    for customer in range(first, last):
        near = _within(settings.radius, profiles[customer, :2], places)
        if near:
            draw.seed(settings.payment_seed + customer)
            pick.seed(settings.payment_seed + customer)
            times, sums = _times_and_amounts(draw, settings.days, *profiles[customer, 2:].tolist())
            seconds += times
            amounts += sums
            customers += [customer] * len(times)
            terminals += [pick.choice(near) for _ in times]
    when, who, where = (np.array(column, dtype=np.int64) for column in (seconds, customers, terminals))
    return Payments(when, who, where, np.round(np.array(amounts, dtype=float), 2))


def _in_this_process(settings: SimulationSettings, pieces: list[tuple[int, int]], report: Progress) -> list[Payments]:
    """Every piece, one after the other."""
    done = []
    for first, last in pieces:
        done.append(_piece(settings, first, last))
        report(len(done) / len(pieces))
    return done


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # only workers run this
    parent.join()
    os._exit(1)


def _start_worker() -> None:
    """Ctrl-C is the parent's to answer; a worker whose parent was killed ends by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


@contextmanager
def _children_ignore_interrupts() -> Iterator[None]:
    """Processes started here ignore Ctrl-C from birth: without it they would show tracebacks while importing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def _in_workers(
    settings: SimulationSettings, pieces: list[tuple[int, int]], workers: int, report: Progress
) -> list[Payments]:
    """Every piece, in spawned processes: safe in a notebook's kernel and with threads; none outlives the call."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        with _children_ignore_interrupts():
            futures = [pool.submit(_piece, settings, first, last) for first, last in pieces]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            report(done / len(pieces))
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pieces(settings: SimulationSettings) -> list[tuple[int, int]]:
    """Ranges (first, last + 1) of customers."""
    starts = range(0, settings.customers, CUSTOMERS_A_PIECE)
    return [(first, min(first + CUSTOMERS_A_PIECE, settings.customers)) for first in starts]


def worker_count(settings: SimulationSettings, wanted: int | None = None) -> int:
    """How many processes to use: by default one for a small simulation, else one for each processor usable here."""
    if wanted is None:
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return 1 if settings.customers * settings.days < SMALL else usable
    whole = isinstance(wanted, int) and wanted >= 1
    require(whole, f"The number of workers must be a whole number of at least 1, not {wanted!r}.")
    return wanted


def _draw_all(settings: SimulationSettings, workers: int, report: Progress) -> Payments:
    """All customers' payments, sorted by time; those of the same second keep the customers' order."""
    pieces = _pieces(settings)
    try:
        if min(workers, len(pieces)) == 1:
            drawn = _in_this_process(settings, pieces, report)
        else:
            drawn = _in_workers(settings, pieces, min(workers, len(pieces)), report)
    except NO_WORKERS:  # a browser's Python, no semaphores, a module that workers cannot import
        drawn = _in_this_process(settings, pieces, report)
    columns = [np.concatenate(column) for column in zip(*drawn, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Payments(*(column[order] for column in columns))


def _sample(seed: int, size: int, count: int) -> np.ndarray:
    """What pandas' `sample(n=count, random_state=seed)` takes from 0..size-1."""
    return np.random.RandomState(seed).choice(size, count, replace=False)


def _window(payments: Payments, day: int, days: int) -> slice:
    """The rows of `days` days from `day` on; rows are sorted by time."""
    return slice(*np.searchsorted(payments.seconds, [day * DAY, (day + days) * DAY]))


def _compromise_terminals(payments: Payments, scenario: np.ndarray, settings: SimulationSettings) -> None:
    """Scenario 2, in place: each day but the last, terminals whose payments are all fraudulent for some weeks."""
    for day in range(settings.days - 1):
        terminals = _sample(settings.fraud_seed + day, settings.terminals, settings.fraud.terminals_a_day)
        rows = _window(payments, day, settings.fraud.terminal_days)
        scenario[rows][np.isin(payments.terminal[rows], terminals)] = 2


def _compromise_customers(payments: Payments, scenario: np.ndarray, settings: SimulationSettings) -> None:
    """Scenario 3, in place: each day but the last, customers of whose payments a share is multiplied."""
    fraud = settings.fraud
    for day in range(settings.days - 1):
        customers = _sample(settings.fraud_seed + day, settings.customers, fraud.customers_a_day)
        rows = _window(payments, day, fraud.customer_days)
        candidates = (rows.start + np.flatnonzero(np.isin(payments.customer[rows], customers))).tolist()
        draw = random.Random(settings.fraud_seed + day)  # noqa: S311 - the published stream, no secret
        chosen = draw.sample(candidates, k=len(candidates) // fraud.one_in)
        payments.amount[chosen] = np.round(payments.amount[chosen] * fraud.amount_factor, 2)
        scenario[chosen] = 3


def _add_frauds(payments: Payments, settings: SimulationSettings) -> np.ndarray:
    """Each row's scenario, 0 to 3; multiplies the amounts of scenario 3 in place."""
    scenario = np.where(payments.amount > settings.fraud.amount_threshold, 1, 0)
    _compromise_terminals(payments, scenario, settings)
    _compromise_customers(payments, scenario, settings)
    return scenario


def _frame(payments: Payments, scenario: np.ndarray, start: date) -> pd.DataFrame:
    """The published columns, in the published order and types."""
    midnight = np.datetime64(start.isoformat()[:10], "ns")
    when = midnight + payments.seconds.astype("timedelta64[s]").astype("timedelta64[ns]")
    numbers, days = np.arange(len(when)), payments.seconds // DAY
    fraud = (scenario > 0).astype(np.int64)
    columns = (numbers, when, *payments[1:], payments.seconds, days, fraud, scenario)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def simulate(
    settings: SimulationSettings | None = None, progress: Progress | None = None, workers: int | None = None
) -> pd.DataFrame:
    """Simulate card payments and frauds; the same settings give the same rows on any machine and with any `workers`.

    Returns one row a payment, sorted by time: TRANSACTION_ID (0, 1, ...), TX_DATETIME (datetime64[ns], no zone),
    CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT (2 decimals), TX_TIME_SECONDS and TX_TIME_DAYS (since the first midnight),
    TX_FRAUD (0 or 1), TX_FRAUD_SCENARIO (0 to 3). `progress` is called with the share done, up to exactly 1.0.
    `workers` is a number of processes (default: one for each processor). Raises ValueError for bad input.
    """
    settings = settings or SimulationSettings()
    workers = worker_count(settings, workers)
    report = progress or (lambda share: None)
    payments = _draw_all(settings, workers, lambda share: report(0.95 * share))
    scenario = _add_frauds(payments, settings)
    frame = _frame(payments, scenario, settings.start)
    report(1.0)
    return frame
