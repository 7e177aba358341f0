"""Experiments of lesson 08 with an autoscaler: a day of changing load, and a pipeline that applies a manifest meanwhile."""

from __future__ import annotations

import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IPython.display import Pretty, display

from workshop.base.errors import WorkshopError
from workshop.base.pace import paced
from workshop.lessons.scaling_under_load import autoscalers, delivery
from workshop.lessons.scaling_under_load.delivery import APP
from workshop.lessons.scaling_under_load.observations import Scaled
from workshop.lessons.scaling_under_load.pictures import draw_autoscaling
from workshop.load import Load, Stage
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live, Told
from workshop.notebook.pods import History

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

Day = Sequence[tuple[str, float, float]]  # name, seconds and payments per second of each stage
CALM = 150  # seconds for an autoscaler to read the metrics of idle pods and to return to its minimum
BETWEEN = 6.0  # seconds from its replicas to the pipeline's next run
FEWER = 10.0  # seconds for the deployment's controller to act
LONGEST = 150.0  # seconds of load for the runs of the pipeline


def play(ws: Connection, stages: Day, beside: str = "") -> Scaled:
    """Let the autoscaler in the cluster work while the load changes, and draw it.

    Args:
        stages: tuples of name, seconds, payments per second, one after the other.
        beside: a command whose output is shown below the picture, such as `kubectl get hpa payments --watch`.

    Raises:
        WorkshopError: there is not exactly one autoscaler of `payments`.
    """
    # The autoscaler needs 10 s to detect a load, and the queue as long to drain: no stage is shortened below 40 s.
    return run_day(ws, [(name, paced(seconds, 40.0), rate) for name, seconds, rate in stages], beside)


def run_day(ws: Connection, stages: Day, beside: str = "", enough: Callable[[Scaled], bool] | None = None) -> Scaled:
    """Do the same in any pace.

    Args:
        enough: ends the load early if it returns True.
    """
    with _under_load(ws, stages, beside) as (seen, look):
        while seen.load.runs and seen.load.now < seen.load.planned + 20:
            look()
            if enough and enough(seen):
                break
    return seen


def deploy_repeatedly(ws: Connection, rate: float, command: str, times: int = 3) -> Scaled:
    """Run a deployment's command each time the autoscaler has started the replicas that it wants; draw it.

    Args:
        rate: payments per second.
        command: what the pipeline runs, such as `kubectl apply -f payments.yaml`.
        times: how often, in a class.

    Raises:
        WorkshopError: the command fails, or there is not exactly one autoscaler of `payments`.
    """
    times = max(2, round(paced(times)))
    with _under_load(ws, [("heavy", LONGEST, rate)], "") as (seen, look):
        since: float | None = None
        while seen.load.runs and seen.load.now < seen.load.planned:
            look()
            ready = seen.ready[-1][1]
            since = (since or seen.end) if ready >= seen.least else None
            # With its maximum the autoscaler is done; with fewer replicas it may start more.
            if since is None or seen.end < since + (BETWEEN if ready >= seen.most else 3 * BETWEEN):
                continue
            if len(seen.applied) == times:
                break
            seen.applied.append(seen.load.now)
            _run(command)
            _until_fewer(seen, ready, look)
            since = None
    return seen


def _until_fewer(seen: Scaled, ready: int, look: Callable[[], None]) -> None:
    """Wait until the deployment's controller has taken pods away; a manifest without `replicas` takes none."""
    until = seen.load.now + FEWER
    while seen.load.now < until and seen.ready[-1][1] >= ready:
        look()


@contextmanager
def _under_load(ws: Connection, stages: Day, beside: str) -> Iterator[tuple[Scaled, Callable[[], None]]]:
    """Send the load during the block; provide the observations, and a function that adds to them and draws."""
    delivery.expect_slow_network(ws)
    api = pods.core(ws)
    least, most = _calm(ws, api)
    rates = [Stage(seconds, rate) for _, seconds, rate in stages]
    with Beside(beside) as lines, Load(ws.payments, rates) as load, History(api, APP) as history:
        seen = Scaled(load, least, most, _begins(stages))
        live = Live(lambda: draw_autoscaling(seen, load.answers()), every=1.0)

        def look() -> None:
            _note(seen, history)
            live.update()
            lines.show()
            time.sleep(0.3)

        yield seen, look
    live.finish()


def _the_autoscaler(ws: Connection) -> dict:
    found = autoscalers.of_payments(autoscalers.every(ws))
    if len(found) != 1:
        names = ", ".join(one["metadata"]["name"] for one in found)
        raise WorkshopError(
            f"Several autoscalers scale the deployment payments: {names}."
            if found
            else "No autoscaler scales the deployment payments.",
            "`kubectl get hpa` lists them. Delete all but one with `kubectl delete hpa NAME`, then run this cell again."
            if found
            else "Run the cells above that write `autoscaler.yaml` and apply it, then run this cell again.",
        )
    return found[0]


def _calm(ws: Connection, api: CoreV1Api) -> tuple[int, int]:
    """Wait until the autoscaler has its minimum and sees no load: an earlier one may still be in its metrics.

    Returns:
        Its minimum and maximum.
    """
    told, began = Told(), time.monotonic()
    while True:
        found = _the_autoscaler(ws)
        least, most = autoscalers.bounds(found)
        ready = sum(pod.state == "ready" for pod in pods.pods(api, APP))
        if ready == least and autoscalers.idle(found):
            return least, most
        if time.monotonic() > began + CALM:
            raise WorkshopError(
                f"The autoscaler is not ready for the load: {ready} replicas are ready, its minimum is {least}.",
                "`kubectl describe hpa` shows its status. Is other load on `payments`?",
                autoscalers.trouble(found),
            )
        told.now(f"{ready} of at least {least} replicas are ready; the autoscaler reads {autoscalers.reading(found)}")
        time.sleep(0.5)


def _begins(stages: Day) -> list[tuple[float, str]]:
    begin, marks = 0.0, []
    for name, seconds, rate in stages:
        marks.append((begin, f"{name}: {rate:g}/s"))
        begin += seconds
    return marks


def _note(seen: Scaled, history: History) -> None:
    ready = sum(pod.state == "ready" for pod in history.latest)
    seen.ready.append((seen.load.now, ready))
    seen.wished.append((seen.load.now, sum(pod.state in ("ready", "not ready", "waiting") for pod in history.latest)))


def _run(command: str) -> None:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise WorkshopError(f"`{command}` failed.", "Run the cell that writes its file first.", done.stderr[-500:])


class Beside:
    """A command that runs during an experiment, with its output in the notebook."""

    def __init__(self, command: str) -> None:
        """Args: command: empty: nothing runs."""
        self._words = shlex.split(command)
        self._lines: list[str] = []
        self._shown = 0
        self._place = None
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Beside:
        if self._words:
            self._process = subprocess.Popen(
                self._words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
            )
            threading.Thread(target=self._read, name="output", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self.show()

    def show(self) -> None:
        """Show the lines so far."""
        lines = list(self._lines)
        if len(lines) == self._shown:
            return
        text = Pretty("\n".join([f"$ {shlex.join(self._words)}", *lines]))
        if self._place is None:
            self._place = display(text, display_id=True)
        else:
            self._place.update(text)
        self._shown = len(lines)

    def _read(self) -> None:
        assert self._process  # it was started
        assert self._process.stdout  # a pipe
        with self._process.stdout as output:
            self._lines.extend(line.rstrip() for line in output)
