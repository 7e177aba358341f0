"""`up`, `down`, `reset` and `status` of a stack, for every backend."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from workshop.base import endpoints as endpoints_file
from workshop.base import learner_progress, stack_folders
from workshop.base.errors import WorkshopError
from workshop.base.files import locked
from workshop.base.processes import Processes, Waiting, interrupts_deferred, nobody, shown
from workshop.base.settings import NODES, Settings
from workshop.base.timeline import Timeline
from workshop.kafka import access
from workshop.kafka.probe import registered_brokers
from workshop.stack import lab, steps
from workshop.stack.backends.choice import choose, made_here
from workshop.stack.backends.local_kubernetes import AGENT, PLANE
from workshop.stack.backends.protocols import Backend
from workshop.stack.kubernetes import background_build
from workshop.stack.kubernetes.controlplane import progress as compiling

BROKERS = [f"kafka-{node}" for node in NODES]
# Seconds for running brokers to be registered: one that stalls for a second is fenced until it goes on.
SECOND_LOOK = 5.0
CONTINUE = "What runs was left as it is: run `workshop up` again."


def up(
    settings: Settings,
    timeline: Timeline,
    *,
    with_lab: bool = True,
    keep: bool = False,
    more: frozenset[str] = frozenset(),
) -> dict:
    """Start or repair the stack; nothing changes if it runs already.

    Args:
        with_lab: start JupyterLab too.
        keep: keep started components after a failure, for inspection.
        more: what to start too, of `steps.MORE`.

    Returns:
        The endpoints, as `workshop.connect()` reads them.
    """
    with _alone(settings):
        backend, why = choose(settings)
        timeline.say(f"backend {backend.name}: {why}")
        with _left_or_undone(backend, timeline, keep=keep):
            return steps.perform(steps.Start(backend, timeline, with_lab, more))


def down(settings: Settings, waiting: Waiting = nobody) -> list[str]:
    """Stop all components of a stack; the data are kept.

    Args:
        waiting: see `Processes.stop`.

    Returns:
        The names of the stopped components.
    """
    with _alone(settings):
        return _stop_all(settings, waiting)


def reset(settings: Settings, waiting: Waiting = nobody) -> str:
    """Stop a stack and delete its data; notebooks of the attendee and their backups are kept.

    Returns:
        The name of its backend.
    """
    with _alone(settings):
        backend = made_here(settings)
        backend.reset()
        _stop_all(settings, waiting)
        stack_folders.delete(settings.common, backend.name)
    return backend.name


def status(settings: Settings) -> dict:
    """Return the state of the components, the registered brokers and the attendee's progress."""
    running = Processes(settings.state).running()
    endpoints = endpoints_file.read(settings)
    components = made_here(settings).components()
    components[lab.NAME] = shown(running.get(lab.NAME))
    components |= {name: shown(running[name]) for name in sorted(running) if name not in components}
    kafka = endpoints.get("kafka", {})
    access.prepare(kafka)
    needed = [name for name in (PLANE, AGENT) if name in components]
    alive = any(component["state"] != "stopped" for component in components.values())
    own = set(NODES) if made_here(settings).owns_brokers else set()
    registered = _registered(access.client(kafka), own, components) if kafka and alive else set()
    expected = own or registered
    return {
        "backend": endpoints.get("backend"),
        "beside": [name for name in stack_folders.made(settings.common) if name != made_here(settings).name],
        "components": components,
        "kafka": {**kafka, "registered": sorted(registered)},
        "kubernetes": _what_is_coming(components, settings),
        "ready": bool(registered)
        and registered == expected
        and all(components[name]["state"] == "running" for name in needed),
        "progress": learner_progress.read(settings),
    }


def _registered(kafka: Mapping, own: set[int], components: dict[str, dict]) -> set[int]:
    """Return the ids of the registered brokers; if all run and some are registered, wait a little for the others."""
    running = all(components.get(name, {}).get("state") == "running" for name in BROKERS)
    deadline = time.monotonic() + (SECOND_LOOK if running else 0)
    while (found := registered_brokers(kafka)) and not own <= found and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def lacks(state: dict) -> str:
    """Return a sentence about what a stack that is not ready lacks.

    Args:
        state: what `status` returned.
    """
    found = {name: component["state"] for name, component in state["components"].items()}
    if all(one == "stopped" for one in found.values()):
        return "The stack is not running."
    needed = [
        f"{name} is {found[name]}" for name in (*BROKERS, PLANE, AGENT) if found.get(name, "running") != "running"
    ]
    if needed:
        return f"The stack is not complete: {', '.join(needed)}."
    registered = ", ".join(map(str, state["kafka"]["registered"])) or "none"
    return f"The stack is not complete: of its brokers are registered: {registered}."


def _what_is_coming(components: dict[str, dict], settings: Settings) -> str:
    """Return the progress of Kubernetes' build, or the reason why it failed; empty if there is no build."""
    goes_on = background_build.NAME in components
    failed = PLANE not in components and compiling.read(settings).get("state") == "failed"
    return background_build.sentence(settings) if goes_on or failed else ""


def _stop_all(settings: Settings, waiting: Waiting) -> list[str]:
    stopped = _stop_in_order(Processes(settings.state), waiting)
    return stopped + [name for name in made_here(settings).down() if name not in stopped]


def _stop_in_order(processes: Processes, waiting: Waiting = nobody, spared: Iterable[str] = ()) -> list[str]:
    """Stop all running components except `spared`.

    Kafka's clients end first, so that they can leave their groups while the brokers answer.
    """
    running = sorted(set(processes.running()) - set(spared))
    stopped = processes.stop([name for name in running if name not in BROKERS], waiting=waiting)
    return stopped + processes.stop([name for name in running if name in BROKERS], waiting=waiting)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    with locked(settings.common / "lock", settings.patience, "is bringing this stack up or down"):
        yield


@contextmanager
def _left_or_undone(backend: Backend, timeline: Timeline, *, keep: bool) -> Iterator[None]:
    """Undo a failed start of a new stack; leave a stack that existed before as it is.

    A later start reuses what was started, so a check that timed out is no reason to stop it. After an interruption
    (Ctrl-C), all newly started components are stopped, and those that ran before continue. A second Ctrl-C takes effect
    after that cleanup.
    """
    common, processes = backend.settings.common, Processes(backend.settings.state)
    before, last = set(processes.running()), stack_folders.last(common)
    was_made = backend.was_made()
    try:
        yield
    except BaseException as error:
        if keep or (was_made and isinstance(error, Exception)):
            _advise_to_go_on(error, backend)
            raise
        with interrupts_deferred():
            try:
                if set(processes.running()) - before:
                    timeline.say("Stopping what was started …")
            finally:  # even if printing fails, such as after a closed terminal
                _stop_in_order(processes, spared=before)
                backend.undo()
                if not was_made:
                    stack_folders.use(common, last)
        raise


def _advise_to_go_on(error: BaseException, backend: Backend) -> None:
    """Add the advice to run `workshop up` again, if components of the stack still run.

    Raises:
        WorkshopError: the same error with the advice.
    """
    if isinstance(error, WorkshopError) and backend.runs():
        advice = f"{CONTINUE} {error.next_step}".strip()
        raise WorkshopError(error.happened, advice, error.detail) from error
