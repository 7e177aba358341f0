"""The commands for work without a network: `workshop prefetch` and `workshop bundle`."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.backends.choice import choose
from workshop.stack.bundle import carried, making, prefetching, wheels

out = Console(highlight=False, soft_wrap=True)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the common options of both commands."""
    text = "also include the packages for this Python, such as 3.12; may be repeated"
    parser.add_argument("--python", dest="pythons", action="append", choices=wheels.PYTHONS, metavar="3.NN", help=text)


def prefetch(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop prefetch`."""
    timeline = Timeline()
    backend, why = choose(settings)
    timeline.say(f"backend {backend.name}: {why}")
    found = prefetching.bring(settings, backend, timeline, _pythons(options))
    table = Table("", "files", "MB", "", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for piece in found:
        state = "added now" if piece.brought else "present" if piece.size else "missing"
        table.add_row(piece.name, str(len(piece.files) or ""), f"{piece.size / 1e6:.1f}", state)
    table.add_row("in all", str(sum(len(p.files) for p in found)), f"{sum(p.size for p in found) / 1e6:.1f}", "")
    out.print(table)
    out.print("`workshop up` and every lesson need no network now; `workshop bundle DIR` carries it to others.")


def bundle(settings: Settings, options: argparse.Namespace) -> None:
    """Run `workshop bundle DIR`, `workshop bundle DIR --check`."""
    timeline = Timeline()
    if options.check:
        try:
            files, size = making.verify(options.folder, timeline)
        except carried.Refused as refused:
            raise WorkshopError(refused.happened, refused.next_step) from refused
        out.print(f"All {files} files of {options.folder} ({size / 1e6:.0f} MB) match their hashes.")
        return
    folder = Path(options.folder).expanduser().absolute()
    made = making.make(settings, folder, timeline, _pythons(options))
    out.print(
        f"\n{folder}: {made.files} files, {made.size / 1e6:.0f} MB, of which {made.written / 1e6:.0f} were copied now."
    )
    out.print(f"On a machine without a network: sh {shlex.quote(f'{folder}/start.sh')}")
    out.print(f"In a checkout: ./infra/bootstrap.sh --bundle {shlex.quote(f'{folder}#sha256={made.sha256}')}")
    out.print("(This is the hash of its list of hashes. Pass it on separately, so that a replaced bundle is detected.)")


def _pythons(options: argparse.Namespace) -> list[str]:
    return sorted({wheels.own_python(), *(options.pythons or [])}, key=wheels.PYTHONS.index)
