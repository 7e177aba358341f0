"""A run of the game day: fault injection while payments flow, observation, and restoration."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from workshop.base.errors import WorkshopError
from workshop.base.files import locked
from workshop.base.pace import paced
from workshop.base.waiting import wait_until
from workshop.chaos import faults
from workshop.chaos.customers import PATIENCE, Customers
from workshop.chaos.figures import Figures, Step, figures, spans
from workshop.chaos.reconcile import Reconciled, reconcile
from workshop.chaos.watching import Debited, Sampler
from workshop.kafka import dead_letters
from workshop.kafka.replicas import partitions
from workshop.kafka.topics import DEAD_LETTERS, STORY, create
from workshop.notebook import pods
from workshop.notebook.connection import Connection

T = TypeVar("T")
RATE = 25.0  # payments per second
CALM = 4.0  # seconds before the first fault and after each fault, to measure the normal state
DEBIT_PATIENCE = 180.0  # seconds until all acknowledged payments must be debited after the recovery; generous
STOP_AFTER = 120.0  # seconds without an acknowledgement after which the run is aborted


@dataclass
class Day:
    """Observations of a run. Times are in seconds since 1970.

    Attributes:
        run: the prefix of its keys and cards.
        steps: the faults, in the order of their injection.
        in_sync: the number of in-sync replicas of `payments` over time.
        ready: the number of ready pods of the services over time.
        set_aside: number of dead letters per unreadable record of this run, by partition and offset.
        result: the reconciliation with the log, at the end.
    """

    run: str
    site: faults.Site
    customers: Customers
    debited: Debited
    in_sync: Sampler
    ready: Sampler
    meanwhile: Callable[[Day], None]
    began: float = field(default_factory=faults.now)
    ended: float | None = None
    steps: list[Step] = field(default_factory=list)
    set_aside: dict[tuple[int, int], int] = field(default_factory=dict)
    result: Reconciled | None = None
    _looked: float = 0.0

    @property
    def entries(self) -> list:
        """The payments so far."""
        return list(self.customers.ledger.refresh().values())

    @property
    def kept(self) -> bool:
        """Whether each acknowledged payment was debited once, and each unreadable record has one dead letter."""
        return bool(self.result and self.result.kept) and set(self.set_aside.values()) <= {1}

    def figures(self) -> dict[str, Figures]:
        """Return the figures before, during and after the faults."""
        entries, ended = self.entries, self.ended or faults.now()
        return {word: figures(entries, some) for word, some in spans(self.steps, self.began, ended).items()}

    def of_step(self, step: Step) -> Figures:
        """Return the figures of one step, from the injection to the recovery."""
        return figures(self.entries, [(step.began, step.well or self.ended or faults.now())])

    def pass_(self, seconds: float) -> None:
        """Wait, and apply the stop rule meanwhile.

        Raises:
            WorkshopError: a payment was debited twice, or nothing is acknowledged for too long.
        """
        until = time.monotonic() + seconds
        self._until(lambda: time.monotonic() >= until)

    def step(self, names: Sequence[str]) -> Step:
        """Inject faults, repair them after their duration, and wait for the recovery and for all debits.

        Raises:
            WorkshopError: the stop rule applies, or the recovery takes too long.
        """
        step = Step(tuple(names), faults.now())
        self.steps.append(step)
        step.victims = tuple(self._do(lambda: faults.begin(self.site, names)))
        self.pass_(faults.lasting(names))
        self.recover(step)
        return step

    def recover(self, step: Step) -> None:
        """Repair everything that a step broke, and wait for the recovery and for all debits.

        Raises:
            WorkshopError: the stop rule applies, or the recovery takes too long.
        """
        self._do(self.site.mend)
        step.mended = faults.now()
        self._do(self.site.settle)
        step.well = faults.now()
        self.check()

    def check(self) -> None:
        """Wait until every payment that is acknowledged up to now is debited, once each.

        Raises:
            WorkshopError: a payment is missing after the time limit, or was debited twice.
        """
        promised = {entry.payment_id for entry in self.entries if entry.acknowledged_at is not None}
        until = time.monotonic() + DEBIT_PATIENCE
        self._until(lambda: promised <= self._ids() or time.monotonic() > until)
        if missing := promised - self._ids():
            raise WorkshopError(
                f"{len(missing)} acknowledged payments were not debited {DEBIT_PATIENCE:g} s after all was well.",
                f"One of them is {min(missing)}; the ledger is {self.customers.ledger.path}.",
            )

    def _ids(self) -> set[str]:
        return {payment_id for _, payment_id, _ in list(self.debited.seen)}

    def _do(self, work: Callable[[], T]) -> T:
        """Run the work in another thread, and apply the stop rule meanwhile."""
        with ThreadPoolExecutor(1, "chaos") as pool:
            done = pool.submit(work)
            self._until(done.done, 300)
            return done.result()

    def _until(self, condition: Callable[[], bool], timeout: float = 600) -> None:
        def there() -> bool:
            self._hold_to_the_stop_rule()
            self.meanwhile(self)
            return condition()

        wait_until(there, timeout, "a step of the run to end", every=0.1)

    def _hold_to_the_stop_rule(self) -> None:
        if time.monotonic() < self._looked + 1:
            return
        self._looked = time.monotonic()
        times = Counter(payment_id for _, payment_id, _ in list(self.debited.seen))
        if twice := [payment_id for payment_id, count in times.items() if count > 1]:
            raise WorkshopError(
                f"The run was stopped: payment {twice[0]} was debited twice.", "The topic `debits` shows where."
            )
        last = max((at for entry in self.entries if (at := entry.acknowledged_at)), default=self.began)
        if self.ended is None and faults.now() - last > STOP_AFTER:
            raise WorkshopError(
                f"The run was stopped: nothing was acknowledged for {STOP_AFTER:g} s.",
                "`workshop status` shows what runs; `workshop up` repairs it.",
            )


@contextmanager
def running(
    ws: Connection, rate: float = RATE, seed: int = 1, meanwhile: Callable[[Day], None] = lambda day: None
) -> Iterator[Day]:
    """Run within a `with` block; at its end, reconcile the ledger with the log and restore the stack.

    Args:
        rate: payments per second.
        seed: the seed for the choice of victims.
        meanwhile: called ten times per second, for pictures or output.

    Raises:
        WorkshopError: another run is active on this stack, the stack has no Kubernetes, or the stop rule applies.
    """
    with locked(ws.settings.state / "chaos.lock", 0, "breaks this stack on purpose"), ExitStack() as afterwards:
        site = faults.seeded(ws, seed)
        create(ws.kafka, STORY)
        afterwards.callback(_undisturbed, site.restore)
        site.prepare()
        day = _begun(ws, site, rate, meanwhile, afterwards)
        day.pass_(paced(CALM))
        yield day
        day.ended = faults.now()
        day.customers.leave()
        day._until(lambda: day.customers.done, PATIENCE + 30)  # until each payment is completed
        day.check()
        day.result = reconcile(day.customers.ledger.promises(), day.debited.again())
        day.set_aside = _set_aside(ws, site)


def play(ws: Connection, steps: Iterable[Sequence[str]], rate: float = RATE, seed: int = 1, **options: Any) -> Day:
    """Run the given steps one after the other; each ends after its recovery.

    Args:
        options: for `running`.
    """
    with running(ws, rate, seed, **options) as day:
        for names in steps:
            day.step(names)
            day.pass_(paced(CALM))
    return day


def _begun(ws: Connection, site: faults.Site, rate: float, meanwhile: Callable, afterwards: ExitStack) -> Day:
    run = f"day-{uuid.uuid4().hex[:6]}"
    debited = Debited(ws, "debits", run)
    watchers = (
        debited,
        Sampler("copies", lambda: sum(len(p["isr_nodes"]) for p in partitions(ws, faults.TOPIC))),
        Sampler("pods", lambda: sum(pod.state == "ready" for pod in _services(site))),
    )
    for watcher in watchers:
        watcher.start()
        afterwards.callback(watcher.stop)
    customers = Customers(ws.payments, rate, run, ws.settings.state / "chaos" / f"{run}.jsonl")
    afterwards.enter_context(customers)
    return Day(run, site, customers, *watchers, meanwhile)


def _undisturbed(work: Callable[[], None]) -> None:
    """Finish the work, of limited duration, also if the user interrupts again."""
    if threading.current_thread() is not threading.main_thread():
        work()
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        work()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _services(site: faults.Site) -> list[pods.Pod]:
    return [pod for pod in pods.pods(site.api) if pod.app in faults.REPLICAS]


def _set_aside(ws: Connection, site: faults.Site) -> dict[tuple[int, int], int]:
    """Return the number of dead letters per unreadable record.

    `debits` writes them before it debits later payments, so they are complete after `Day.check`.
    """
    if not site.poisoned:
        return {}
    topic = faults.TOPIC + DEAD_LETTERS
    times = Counter((one.partition, one.offset) for one in dead_letters.read(ws.kafka, topic))
    return {place: times[place] for place in site.poisoned}
