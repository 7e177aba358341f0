"""The Go project's vulnerability database, which is a Go module and therefore available from every module proxy."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workshop.base.settings import Settings
from workshop.stack.toolchain import go

MODULE = "golang.org/x/vulndb@latest"  # its folder data/osv: https://go.dev/doc/security/vuln/database
TIMEOUT = 180
SYSTEMS = {"linux", "darwin"}  # the workshop's operating systems


class NotReached(Exception):
    """The database is not available; the text is the reason."""


def fetch() -> Path:
    """Download the newest database and return the folder with its entries, one JSON file each.

    Raises:
        NotReached: Go is not installed, no module proxy answers, or the database has a different format.
    """
    found = go.find(Settings.load())
    if not found:
        raise NotReached("there is no Go here to fetch it with")
    command = [str(found.path), "mod", "download", "-json", MODULE]
    env = {**found.env, "GOFLAGS": f"{found.env['GOFLAGS']} -mod=mod"}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                command, cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            raise NotReached(f"no proxy for modules answers within {TIMEOUT} s") from None
    try:
        entries = Path(json.loads(done.stdout)["Dir"]) / "data" / "osv"
    except (ValueError, LookupError):
        said = done.stderr.strip().splitlines() or ["no error message"]
        raise NotReached(said[-1]) from None
    if not any(entries.glob("*.json")):
        raise NotReached(f"{MODULE} holds no entries in data/osv any more")
    return entries


def known(versions: dict[str, set[str]], database: Path) -> Iterator[tuple[str, str, str]]:
    """Yield module, version and entry, for each entry that affects a version.

    Args:
        versions: module path to the used versions; Go itself is `stdlib`.
    """
    for file in sorted(database.glob("*.json")):
        entry = json.loads(file.read_text())
        if not entry.get("withdrawn"):
            for module, version in _affected(entry, versions):
                yield module, version, entry["id"]


def _affected(entry: dict, versions: dict[str, set[str]]) -> set[tuple[str, str]]:
    return {
        (module, version)
        for one in entry["affected"]
        for module in [one["package"]["name"]]
        for version in versions.get(module, ())
        if _is_of_these_systems(one) and any(within(version, span["events"]) for span in one.get("ranges", []))
    }


def _is_of_these_systems(affected: dict) -> bool:
    packages = affected.get("ecosystem_specific", {}).get("imports", [])
    systems = [SYSTEMS.intersection(package["goos"]) for package in packages if package.get("goos")]
    return not packages or len(systems) < len(packages) or any(systems)


def within(version: str, events: list[dict[str, str]]) -> bool:
    """Return whether a version is in a range of OSV: at or after `introduced`, and before `fixed`."""
    bad, place = False, order(version)
    for event in sorted(events, key=lambda one: order(*one.values())):
        ((what, where),) = event.items()
        if order(where) <= place:
            bad = what == "introduced"
    return bad


def order(version: str) -> tuple:
    """Return the sort key of a semantic version (https://semver.org/#spec-item-11); OSV's `0` comes first."""
    if version == "0":
        return (), False, ()
    core, _, pre = version.removeprefix("v").partition("+")[0].partition("-")
    numbers = tuple(int(part) for part in [*core.split("."), "0", "0"][:3])
    parts = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in pre.split(".") if pre)
    return numbers, not pre, parts
