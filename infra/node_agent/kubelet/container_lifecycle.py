"""Hooks, probes and memory limit of a running container."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from node_agent.kubelet import probes
from node_agent.kubelet.answering import Answering
from node_agent.kubelet.owners import AttendedContainer
from node_agent.kubelet.resizing import memory_limit
from node_agent.processes import process_tree

HOOK_SECONDS = 300  # limit for a postStart hook
LOOK = 1.0  # seconds between two checks of the memory


async def attend(container: AttendedContainer) -> None:
    """Run the postStart hook, then the probes, until the attempt ends."""
    if not await _post_start(container):
        return
    startup = container.spec.get("startupProbe")
    if startup and not await _series(container, "Startup", startup).run(until_first=True):
        _end(container, "startup")
        return
    container.has_started = True
    container.ready = "readinessProbe" not in container.spec
    container.pod.changed()
    series: list[Coroutine[None, None, object]] = []
    if readiness := container.spec.get("readinessProbe"):
        series.append(_series(container, "Readiness", readiness, lambda good: _set_ready(container, good)).run())
    if liveness := container.spec.get("livenessProbe"):
        series.append(_until_dead(container, liveness))
    await asyncio.gather(*series)


async def do(container: AttendedContainer, hook: dict, longest: float) -> str:
    """Run a hook; return an empty string if it succeeded, otherwise a message."""
    if "sleep" in hook:
        await asyncio.sleep(min(hook["sleep"]["seconds"], longest))
        return ""
    return await probes.ask({**hook, "timeoutSeconds": longest}, container, container.ports, container.pod.address)


async def keep_to_memory(container: AttendedContainer) -> None:
    """Kill the container when its processes exceed the current memory limit, which a resize can change."""
    while True:
        await asyncio.sleep(LOOK)
        limit = memory_limit(container.resources)
        if limit and container.pid and process_tree.resident(process_tree.whole(container.pid, max_age=LOOK)) > limit:
            container.reason = "OOMKilled"
            process_tree.kill(process_tree.whole(container.pid))


def _series(
    container: AttendedContainer, kind: str, probe: dict, said: Callable[[bool], None] = lambda good: None
) -> probes.Series:
    answering = Answering(container.pod, probe, container.ports)

    async def once() -> str:
        return await answering.judged(await probes.ask(probe, container, container.ports, container.pod.address))

    def failed(sentence: str) -> None:
        if not container.ended():
            container.pod.note("Unhealthy", f"{kind} probe failed: {sentence}", container)

    return probes.Series(probe, once, lambda good, sentence: said(good), failed)


def _set_ready(container: AttendedContainer, good: bool) -> None:
    if container.ready != good:
        container.ready = good
        container.pod.changed()


async def _until_dead(container: AttendedContainer, probe: dict) -> None:
    failed = asyncio.Event()
    series = _series(container, "Liveness", probe, lambda good: None if good else failed.set())
    asking = asyncio.create_task(series.run())
    try:
        await failed.wait()
    finally:
        asking.cancel()
    _end(container, "liveness")


def _end(container: AttendedContainer, kind: str) -> None:
    said = f"Container {container.name} failed {kind} probe, will be restarted"
    container.pod.note("Killing", said, container, warning=False)
    _stop(container, kind)


async def _post_start(container: AttendedContainer) -> bool:
    hook = (container.spec.get("lifecycle") or {}).get("postStart")
    if not hook or not (said := await do(container, hook, HOOK_SECONDS)):
        return True
    container.pod.note("FailedPostStartHook", f"PostStartHook failed: {said}", container)
    _stop(container, "")
    return False


def _stop(container: AttendedContainer, kind: str) -> None:
    """Stop the container in a separate task: the calling task is cancelled when the attempt ends."""
    container.pod.keep(asyncio.create_task(container.stop(container.pod.grace(container.spec, kind))))
