"""A run: payments flow, faults come and go, everything is watched, and whatever happens it is mended in the end."""

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
RATE = 25.0  # payments a second
CALM = 4.0  # seconds before the first fault, and after each, to see what is usual
DEBIT_PATIENCE = 180.0  # seconds within which what was acknowledged is debited, once all is well; time to spare
STOP_AFTER = 120.0  # seconds without an acknowledgement after which a run is stopped


@dataclass
class Day:
    """What was seen in a run. Times are in seconds since 1970.

    Attributes:
        run: the word with which its keys and cards begin.
        steps: the faults, in the order in which they came.
        in_sync: how many of the copies of `payments` were in sync when.
        ready: how many pods of the services were ready when.
        set_aside: how often each unreadable record of this run lies among the dead letters.
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
        """Whether every acknowledged payment was debited once, to the cent, and each unreadable record set aside once."""
        return bool(self.result and self.result.kept) and set(self.set_aside.values()) <= {1}

    def figures(self) -> dict[str, Figures]:
        """The figures before, during and after the faults."""
        entries, ended = self.entries, self.ended or faults.now()
        return {word: figures(entries, some) for word, some in spans(self.steps, self.began, ended).items()}

    def of_step(self, step: Step) -> Figures:
        """The figures of one step, from its begin until all was well."""
        return figures(self.entries, [(step.began, step.well or self.ended or faults.now())])

    def pass_(self, seconds: float) -> None:
        """Let time go by, and hold to the stop rule.

        Raises:
            WorkshopError: a payment was debited twice, or nothing is acknowledged for too long.
        """
        until = time.monotonic() + seconds
        self._until(lambda: time.monotonic() >= until)

    def step(self, names: Sequence[str]) -> Step:
        """Let faults begin, mend them after their time, and wait until all is well and everything acknowledged is debited.

        Raises:
            WorkshopError: the stop rule, or it does not become well in time.
        """
        step = Step(tuple(names), faults.now())
        self.steps.append(step)
        step.victims = tuple(self._do(lambda: faults.begin(self.site, names)))
        self.pass_(faults.lasting(names))
        self._do(self.site.mend)
        step.mended = faults.now()
        self._do(self.site.settle)
        step.well = faults.now()
        self.check()
        return step

    def check(self) -> None:
        """Wait until all that is acknowledged up to now is debited: once each.

        Raises:
            WorkshopError: a payment is missing after its time, or was debited twice.
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
        """Work in another thread, and look on meanwhile."""
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
    """A run within a `with` block; after it the ledger is reconciled with the log, and the stack is as it was delivered.

    Args:
        rate: payments a second.
        seed: from which the victims follow.
        meanwhile: called ten times a second, to draw or to tell.

    Raises:
        WorkshopError: another run goes on here, this stack has no Kubernetes, or the stop rule.
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
        day._until(lambda: day.customers.done, PATIENCE + 30)  # each payment comes to its end
        day.check()
        day.result = reconcile(day.customers.ledger.promises(), day.debited.again())
        day.set_aside = _set_aside(ws, site)


def play(ws: Connection, steps: Iterable[Sequence[str]], rate: float = RATE, seed: int = 1, **options: Any) -> Day:
    """A run of these steps, one after the other; each waits until all is well.

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
    """Work to its end, also if somebody who has lost patience interrupts once more; it is bounded."""
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
    """How often each record that was poisoned lies among the dead letters; they come with what is debited after them."""
    if not site.poisoned:
        return {}
    topic = faults.TOPIC + DEAD_LETTERS
    times = Counter((one.partition, one.offset) for one in dead_letters.read(ws.kafka, topic))
    return {place: times[place] for place in site.poisoned}
