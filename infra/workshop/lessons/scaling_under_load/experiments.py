"""Lesson 08: scaling. Load by locust, replicas by hand and by the autoscaler, consumers by their lag."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pandas as pd
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from workshop.base.pace import paced
from workshop.base.waiting import wait_until
from workshop.kafka.produce import publish
from workshop.lessons.scaling_under_load.observations import CALLS, CAPACITY, SECONDS, Scaled
from workshop.lessons.scaling_under_load.pictures import draw_autoscaling, draw_cpu_and_queue, draw_curves, draw_lag
from workshop.load import Load, Stage, percentile
from workshop.notebook import deployments, pods, story
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live
from workshop.notebook.pods import History
from workshop.stack.kubernetes import kubectl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

APP = "payments"
NETWORK = [{"name": "CARD_NETWORK_CALLS", "value": str(CALLS)}, {"name": "CARD_NETWORK_MS", "value": "250"}]
SHARES = (0.5, 0.8, 0.95, 1.2)  # offered load as shares of the capacity, one after the other
STEP, WARM = 5.0, 1.5  # duration of each in seconds, and its warm-up, which is not measured
WORK_MS = 50  # duration of a debit in section 5: 20 per second and replica
READER = "debits"

__all__ = [
    "CAPACITY",
    "draw_autoscaling",
    "draw_cpu_and_queue",
    "draw_curves",
    "draw_lag",
]  # used by the notebook


def ensure(ws: Connection) -> CoreV1Api:
    """Restore the delivered services, with a card network of 5 concurrent calls of 0.25 s and one replica."""
    api = pods.core(ws)
    deployments.restore(ws)
    deployments.change(ws, {"env": NETWORK})
    set_replicas(ws, api, 1)
    return api


def restore(ws: Connection) -> None:
    """Restore the delivered services."""
    deployments.restore(ws)


def set_replicas(ws: Connection, api: CoreV1Api, count: int, app: str = APP) -> None:
    """Set the number of replicas, and wait until they are ready."""
    deployments.scale(ws, count, app)
    pods.ready(api, app, count)


def measure(
    ws: Connection, api: CoreV1Api, replicas: Sequence[int] = (1, 2, 4), shares: Sequence[float] = SHARES
) -> pd.DataFrame:
    """Offer payments at several rates to several numbers of replicas, and draw the response times.

    Returns:
        One row per measurement: replicas, offered (payments per second), p50 and p95 (seconds), failed; with one
            replica also cpu (thousandths of a core) and waiting (payments in flight or queued), from the service's own
            metrics.
    """
    rows: list[dict] = []
    live = Live(lambda: draw_curves(pd.DataFrame(rows), CAPACITY, replicas))
    for count in replicas:
        set_replicas(ws, api, count)
        stages = [Stage(paced(STEP, 2.5), share * CAPACITY * count) for share in shares]
        with Load(ws.settings, ws.payments, stages) as load:
            for number, stage in enumerate(stages):
                rows.append(_watch_stage(ws, load, number, stage, count))
                live.update()
    live.finish()
    return pd.DataFrame(rows)


def _watch_stage(ws: Connection, load: Load, number: int, stage: Stage, replicas: int) -> dict:
    before = _figures(ws) if replicas == 1 else {}
    began = time.monotonic()
    while load.now < (number + 1) * stage.seconds - 0.1:
        time.sleep(0.05)
    row = {"replicas": replicas, "offered": stage.rate}
    if before:
        now = _figures(ws)
        used = now["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
        row["cpu"] = 1000 * used / (time.monotonic() - began)
        row["waiting"] = now["payments_in_flight"] + now["payments_queued"]
    time.sleep(0.1 + SECONDS)  # wait for the last answers of this stage
    answers, since = load.answers(), number * stage.seconds + paced(WARM)
    until = (number + 1) * stage.seconds
    row |= {"p50": percentile(answers, since, until, 0.5), "p95": percentile(answers, since, until)}
    return row | {"failed": int((answers["status"] != 201).sum())}


def _figures(ws: Connection) -> dict[str, float]:
    """Return the metrics of the service; with one replica, the same pod answers every time."""
    lines = httpx.get(f"{ws.payments}/metrics", trust_env=False, timeout=10).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def autoscaler(ws: Connection, least: int, most: int, target: int) -> None:
    """Create an autoscaler for `payments`.

    Args:
        least, most: bounds of the number of replicas.
        target: average CPU utilization, in percent of the CPU that a pod requests.
    """
    import yaml

    text = (ws.settings.root / "infra/deploy/kubernetes/services/autoscaling.yaml").read_text()
    manifest = yaml.safe_load(text)
    manifest["metadata"]["namespace"] = kubectl.namespace(ws.settings)
    manifest["spec"] |= {"minReplicas": least, "maxReplicas": most}
    manifest["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] = target
    kubectl.apply(ws.settings, [manifest])


def no_autoscaler(ws: Connection) -> None:
    """Delete the autoscaler; the number of pods stays as it is."""
    deployments.no_autoscaler(ws)


def play(
    ws: Connection, api: CoreV1Api, stages: Sequence[tuple[str, float, float]], least: int, most: int, target: int = 60
) -> Scaled:
    """Let an autoscaler work while the load changes, and draw it.

    Args:
        stages: tuples of name, seconds, payments per second, one after the other.
    """
    # The autoscaler needs 10 s to detect a load, and the queue as long to drain: no stage is shortened below 40 s.
    stages = [(name, paced(seconds, 40.0), rate) for name, seconds, rate in stages]
    # New pods, because the metrics of the old ones still contain earlier load.
    kubectl.kubectl(ws.settings, "rollout", "restart", f"deployment/{APP}")
    set_replicas(ws, api, least)
    autoscaler(ws, least, most, target)
    try:
        with (
            Load(ws.settings, ws.payments, [Stage(s, rate) for _, s, rate in stages]) as load,
            History(api, APP) as history,
        ):
            seen = Scaled(load, least, most, _begins(stages))
            live = Live(lambda: draw_autoscaling(seen, load.answers()), every=1.0)
            while load.runs and load.now < load.planned + 20:
                _note(ws, seen, history)
                live.update()
                time.sleep(0.3)
        live.finish()
    finally:
        no_autoscaler(ws)
    return seen


def _begins(stages: Sequence[tuple[str, float, float]]) -> list[tuple[float, str]]:
    begin, marks = 0.0, []
    for name, seconds, rate in stages:
        marks.append((begin, f"{name}: {rate:g}/s"))
        begin += seconds
    return marks


def _note(ws: Connection, seen: Scaled, history: History) -> None:
    ready = sum(pod.state == "ready" for pod in history.latest)
    seen.ready.append((seen.load.now, ready))
    seen.wished.append((seen.load.now, sum(pod.state in ("ready", "not ready", "waiting") for pod in history.latest)))


def lag(ws: Connection, group: str = READER, topic: str = "payments") -> int:
    """Return the lag of a group, over all partitions."""

    def asked() -> tuple[int] | None:
        try:
            return (_lag(ws, group, topic),)
        except KafkaError as error:
            if not error.retriable:
                raise
            return None  # the group's coordinator moves to another broker

    return wait_until(asked, 30, f"the brokers to say where the group {group} stands", every=0.3)[0]


def _lag(ws: Connection, group: str, topic: str) -> int:
    with closing(ws.admin()) as admin, closing(KafkaConsumer(**ws.kafka)) as consumer:
        read = {
            place: at.offset for place, at in admin.list_group_offsets([group])[group].items() if place.topic == topic
        }
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        return sum(end - max(0, read.get(place, 0)) for place, end in consumer.end_offsets(places).items())


@contextmanager
def slow_debits(ws: Connection) -> Iterator[None]:
    """Make a debit take `WORK_MS` during the block: 20 per second and replica."""
    deployments.change(ws, {"env": [{"name": "WORK_MS", "value": str(WORK_MS)}]}, READER)
    try:
        yield
    finally:
        deployments.restore(ws)


def fill(ws: Connection, count: int) -> None:
    """Publish payments of half a year ago to the story's topic, for `debits` to read."""
    days = (f"2018-06-{day:02d}" for day in range(13, 30))
    events = [event for day in days for event in story.one_day(day)]
    fresh = [type(event)(event.card, event.terminal, event.amount_cents, event.at) for event in events[:count]]
    publish(ws, "payments", fresh)


def scale_consumers(
    ws: Connection, api: CoreV1Api, counts: Sequence[int] = (1, 3, 6), seconds: float = 8
) -> pd.DataFrame:
    """Let 1, 3 and 6 replicas of `debits` reduce a lag, and draw it.

    Returns:
        at (seconds), lag, replicas.
    """
    rows: list[dict] = []
    lasting = paced(seconds, 4.0)
    with slow_debits(ws):
        fill(ws, round(sum(min(n, 3) for n in counts) * lasting * 1000 / WORK_MS * 1.4))
        live = Live(lambda: draw_lag(pd.DataFrame(rows)))
        began = time.monotonic()
        for count in counts:
            set_replicas(ws, api, count, READER)
            until = time.monotonic() + lasting
            while time.monotonic() < until:
                rows.append({"at": time.monotonic() - began, "lag": lag(ws), "replicas": count})
                live.update()
                time.sleep(0.3)
        live.finish()
    return pd.DataFrame(rows)


def lag_scaler(
    ws: Connection, api: CoreV1Api, desired: Callable[[int], int], count: int = 1200, patience: float = 30
) -> pd.DataFrame:
    """Run a small autoscaler: every two seconds, read the lag, call `desired`, and set the replicas.

    It ends when the lag is 0 and the replicas have been reduced, or when the lag has not decreased for `patience` seconds.

    Returns:
        at (seconds), lag, replicas.
    """
    rows: list[dict] = []
    with slow_debits(ws):
        set_replicas(ws, api, 1, READER)
        fill(ws, count)
        live = Live(lambda: draw_lag(pd.DataFrame(rows)))
        began, replicas, least, since = time.monotonic(), 1, math.inf, time.monotonic()
        while time.monotonic() < since + patience:
            waiting = lag(ws)
            if waiting < least:
                least, since = waiting, time.monotonic()
            if (wanted := int(desired(waiting))) != replicas:
                deployments.scale(ws, wanted, READER)
                replicas = wanted
            rows.append({"at": time.monotonic() - began, "lag": waiting, "replicas": replicas})
            live.update()
            if not waiting and replicas <= 1:
                break
            time.sleep(2)
        live.finish()
    return pd.DataFrame(rows)
