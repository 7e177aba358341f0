"""The registry's first start, recorded: an ahead-of-time cache (JEP 514), which later starts load.

The recorded registry stores its data in memory, so that the recording needs no Kafka.
"""

from __future__ import annotations

import hashlib
import platform
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.waiting import nobody
from workshop.stack.registry import archive, command
from workshop.stack.toolchain.java import Java

TIMEOUT = 300.0  # seconds, for the start of the recorded registry, and for its end
SCHEMAS = (
    ("AVRO", '{"type": "record", "name": "Training", "fields": [{"name": "a", "type": "string"}]}'),
    ("PROTOBUF", 'syntax = "proto3"; message Training { string a = 1; }'),
    ("JSON", '{"type": "object", "properties": {"a": {"type": "string"}}}'),
)


def file(settings: Settings, java: Java) -> Path:
    """Return the file of the ahead-of-time cache for this Java; it may be missing."""
    flags = (*java.flags, *command.MEMORY, *command.OPENED)  # Java refuses a cache that was recorded with others
    parts = (archive.pinned(settings).sha256, java.version, platform.machine(), *flags)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    return archive.folder(settings) / f"registry-{key}.aot"


def flags(settings: Settings, java: Java) -> tuple[str, ...]:
    """Return the flag that loads the cache; empty without one."""
    made = file(settings, java)
    return (f"-XX:AOTCache={made}",) if java.has_aot_cache and made.exists() else ()


def record(settings: Settings, java: Java, note: Callable[[str], None] = nobody) -> None:
    """Record a start, unless that was done or Java cannot do it.

    The registry also starts without the recording, only slower. If it cannot be made, `note` is called with the reason.
    """
    made = file(settings, java)
    gave_up = made.with_suffix(".none")
    if not java.has_aot_cache or made.exists() or gave_up.exists():
        return
    with tempfile.TemporaryDirectory(dir=archive.folder(settings), prefix="training.") as scratch:
        try:
            _run(settings, java, Path(scratch)).replace(made)
        except (WorkshopError, OSError, httpx.HTTPError, subprocess.SubprocessError) as error:
            gave_up.touch()  # do not spend these minutes again at every `workshop fetch`
            note(f"The registry's start could not be recorded ({error}); it starts more slowly.")


def _run(settings: Settings, java: Java, scratch: Path) -> Path:
    made, (port, health) = scratch / "registry.aot", _free_ports()
    argv = command.command(java, archive.unpacked(settings), scratch, f"-XX:AOTCacheOutput={made}")
    env = command.environment(port, health, scratch, command.IN_MEMORY)
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(argv, env=env, cwd=scratch, stdout=log, stderr=log, start_new_session=True)
        try:
            _use(process, f"http://127.0.0.1:{port}/apis/ccompat/v7")
            process.terminate()
            process.wait(TIMEOUT)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if not made.exists():
        raise WorkshopError("Java wrote no cache.")
    return made


def _use(process: subprocess.Popen, address: str) -> None:
    """Register schemas and check one, so that the cache contains the classes for that."""
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        deadline = time.monotonic() + TIMEOUT
        while not _answers(client):
            if process.poll() is not None or time.monotonic() > deadline:
                raise WorkshopError("The recorded registry did not start.")
            time.sleep(0.2)
        for kind, schema in SCHEMAS:
            body = {"schemaType": kind, "schema": schema}
            client.put(f"/config/training-{kind}", json={"compatibility": "FULL"})
            client.post(f"/subjects/training-{kind}/versions", json=body)
            client.post(f"/compatibility/subjects/training-{kind}/versions/latest", json=body)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/subjects").status_code == 200
    except httpx.HTTPError:
        return False


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
