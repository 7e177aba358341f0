"""The commands of `workshop`; each returns an exit code, None for 0.

Modules for notebooks are imported in the functions: nbformat alone takes two seconds to import.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from workshop.base import endpoints as endpoints_file
from workshop.base import environment, incidents, interruptions, stack_folders
from workshop.base.errors import WorkshopError
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.stopping import Stopping
from workshop.base.timeline import Timeline
from workshop.stack import interactive_shell, lifecycle, site_address
from workshop.stack import lab as jupyter
from workshop.stack.backends.choice import choose, made_here
from workshop.stack.backends.existing import Existing
from workshop.stack.brokers import jars
from workshop.stack.bundle import taking
from workshop.stack.cdc import connect
from workshop.stack.doctor import examine
from workshop.stack.kubernetes.kind import offline
from workshop.stack.registry import stack as registry
from workshop.stack.streams import environment as streams

NOT_READY = 3
out = Console(highlight=False, soft_wrap=True)


def up(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop up`."""
    timeline = Timeline()
    if settings.bundle:
        settings = taking.take(settings, timeline)
    more = frozenset(options.more)
    endpoints = lifecycle.up(settings, timeline, with_lab=not options.no_lab, keep=options.keep, more=more)
    settings = settings.of(endpoints["backend"])
    timeline.show()
    out.print(f"\nKafka       {', '.join(endpoints['kafka']['bootstrap_servers'])}")
    if not options.no_lab:
        out.print(f"JupyterLab  {jupyter.url(settings, endpoints['lab']['port'])}")
    out.print("\n`workshop status` shows what runs, `workshop down` stops it.")


def fetch(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop fetch`."""
    timeline = Timeline()
    backend, why = choose(settings)
    timeline.say(f"backend {backend.name}: {why}")
    backend.provision(timeline)
    backend.provision_the_rest(timeline)
    connect.provision(settings, timeline)
    streams.provision(settings, timeline)
    registry.prepare(settings, timeline)
    timeline.show()


def down(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop down`."""
    stopped = lifecycle.down(settings, Stopping(out))
    out.print(
        f"Stopped {', '.join(stopped)}. The data are kept; `workshop up` restarts it."
        if stopped
        else "Nothing was running."
    )
    backend = made_here(settings)
    if isinstance(backend, Existing) and backend.has_kubernetes:
        out.print(
            f"The services in the namespace {backend.site.namespace} keep running; `workshop reset` removes them."
        )


def status(settings: Settings, options: argparse.Namespace) -> int:
    """Run `workshop status`."""
    state = lifecycle.status(settings)
    if options.json:
        print(json.dumps(state, indent=1))
    else:
        _print_status(state)
    return 0 if state["ready"] else NOT_READY


def _print_status(state: dict) -> None:
    table = Table("", "component", "pid or node", "memory", "since", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, c in state["components"].items():
        sign = {"running": "[green]●[/]", "paused": "[yellow]‖[/]"}.get(c["state"], "[red]○[/]")
        since = f"{datetime.fromtimestamp(c['since']):%H:%M:%S}" if "since" in c else c["state"]
        memory = f"{c['memory_mb']} MB" if "memory_mb" in c else ""
        table.add_row(sign, name, str(c.get("pid", c.get("where", ""))), memory, since)
    out.print(table)
    registered = state["kafka"]["registered"]
    if registered:
        out.print(f"Kafka       {', '.join(state['kafka']['bootstrap_servers'])}: brokers {registered} are registered")
    else:
        out.print("Kafka       no broker answers; `workshop up` starts the stack")
    _print_beside(state["beside"])
    if state["kubernetes"]:
        out.print(f"Kubernetes  {state['kubernetes']}")
    out.print(f"exercises   {' '.join('✓' + name for name in sorted(state['progress'])) or 'none passed yet'}")


def _print_beside(backends: list[str]) -> None:
    for name in backends:
        out.print(f"beside      data of the backend {name}: `workshop up --backend {name}` continues with them")


def logs(settings: Settings, options: argparse.Namespace) -> int | None:
    """Run `workshop logs [name] [-f]`."""
    processes = Processes(settings.state)
    written = sorted(path.stem for path in (settings.state / "logs").glob("*.log"))
    backend = made_here(settings)
    pods = [name for name in backend.components() if backend.has_kubernetes and name not in written]
    known = written + pods
    names = [options.name] if options.name else [name for name in known if name != incidents.NAME]
    if not names or not set(names) <= set(known):
        there = f"There are logs of: {', '.join(known)}." if known else "Nothing was started here yet: `workshop up`."
        raise WorkshopError(f"There is no log of '{options.name or 'anything'}'.", there)
    if options.name in pods:
        with _until_ctrl_c():
            return subprocess.call(backend.log_command(options.name, options.lines, follow=options.follow))
        return None
    for name in names:
        if len(names) > 1:
            out.rule(name, align="left")
        if name in pods:
            subprocess.call(backend.log_command(name, options.lines, follow=False))
        else:
            print(processes.tail(name, max(0, options.lines)))
    if options.follow:
        with _until_ctrl_c():
            _follow([processes.log(name) for name in names if name in written])
    return None


@contextmanager
def _until_ctrl_c() -> Iterator[None]:
    """Accept Ctrl-C as the normal end of following a log; SIGTERM and SIGHUP keep their effect."""
    try:
        yield
    except KeyboardInterrupt as error:
        if interruptions.number_of(error) != signal.SIGINT:
            raise
        print()


def _follow(paths: list[Path]) -> None:
    files = [path.open("rb") for path in paths]
    for file in files:
        file.seek(0, os.SEEK_END)
    while True:
        for path, file in zip(paths, files, strict=True):
            prefix = f"{path.stem}: " if len(paths) > 1 else ""
            for line in file.read().decode(errors="replace").splitlines():
                print(f"{prefix}{line}", flush=True)
        time.sleep(0.3)


def doctor(settings: Settings, options: argparse.Namespace) -> int:
    """Run `workshop doctor`."""
    findings = examine(settings)
    for finding in findings:
        sign = "[green]✓[/]" if finding.good else "[red]✗[/]"
        out.print(f"{sign} {finding.what}: {finding.seen}")
        if not finding.good:
            out.print(f"  → {finding.next_step}")
    return 0 if all(finding.good for finding in findings) else 1


def reset(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop reset [NN]`."""
    if options.lesson:
        from workshop.notebook import handout as copies

        restored, backup = copies.restore(settings, options.lesson)
        out.print(f"{restored} is restored." + (f" Your version was saved as {backup}." if backup else ""))
        out.print("Its marks of passed exercises are deleted too.")
        out.print(
            "If the lesson is open in JupyterLab: choose File > Reload Notebook from Disk there, before you save. "
            "JupyterLab may offer to overwrite: that would undo the reset."
        )
        return
    name = lifecycle.reset(settings, Stopping(out))
    out.print(
        f"The stack of the backend {name} is stopped, and what it stored is deleted. Your notebooks were not touched."
    )
    _print_beside(stack_folders.made(settings.common))


def lab(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop lab`."""
    port = endpoints_file.read(settings).get("lab", {}).get("port")
    if port is None:
        raise WorkshopError("No stack was started here yet.", "Run `workshop up`.")
    if jupyter.NAME not in Processes(settings.state).running() or not jupyter.answers(settings, port):
        endpoints = lifecycle.up(settings, Timeline())
        settings, port = settings.of(endpoints["backend"]), endpoints["lab"]["port"]
    print(jupyter.url(settings, port))
    if (page := site_address.first_page(settings.root)).exists():
        print(
            f"The lessons as a site: {page.as_uri()}", file=sys.stderr
        )  # the output is the address alone, for scripts


def shell(settings: Settings, options: argparse.Namespace) -> NoReturn:
    """Run `workshop shell [-c COMMAND]`: replace this process by the shell or the command.

    Ctrl-C and the exit code are then the shell's own.
    """
    env = environment.tool_environment(settings)
    if not settings.commands.exists():
        raise WorkshopError("No stack was started here yet: Kafka's tools are not there.", "Run `workshop up`.")
    if options.command:
        _become(interactive_shell.once(options.command, env), env)
    state = lifecycle.status(settings)
    if not state["ready"]:
        out.print(f"{lifecycle.lacks(state)} `workshop up` starts what is missing.")
    out.print("kafka-topics … and workshop are on the PATH; `exit` leaves.")
    interactive_shell.write_start_file(settings, env)
    _become(interactive_shell.command(settings, env), env)


def _become(program: list[str], env: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores SIGPIPE, and the new program would inherit that
    os.execvpe(program[0], program, env)  # noqa: S606 (the user's own shell and command)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run `workshop run [NN ...]`."""
    from workshop.notebook import execute

    return execute.run(settings, options.lessons, out)


def site(settings: Settings, options: argparse.Namespace) -> int:
    """Run `workshop site`."""
    from workshop.cli import site as pages

    return pages.site(settings, options)


def notebooks(settings: Settings, options: argparse.Namespace) -> int:
    """Run `workshop notebooks [--check]`."""
    from workshop.notebook import handout as copies

    stale = copies.out_of_date(settings)
    for name in stale:
        out.print(f"{name} is out of date with its solution")
    if options.check:
        return 1 if stale else 0
    for path in copies.generate_all(settings):
        out.print(f"wrote {path.relative_to(settings.root)}")
    return 0


def build_image(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop kind build-image`."""
    timeline = Timeline()
    try:
        built = offline.build(settings, timeline, install=options.install)
    finally:
        timeline.show()
    out.print(f"\n{built.node_image} is in {built.folder}.")
    out.print("`workshop up --backend kind` uses it if no registry is reachable.")


def lock(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop lock`."""
    counts = {jars.KAFKA: jars.lock(settings, jars.KAFKA)}
    counts[jars.DEBEZIUM] = jars.lock(settings, jars.DEBEZIUM, without=jars.pinned(settings))
    for which, count in counts.items():
        out.print(f"{which.lock} lists {count} jars.")
    out.print("Run `workshop up` and the suite, then commit them.")
