"""Asks OSV, the open database of vulnerabilities, about everything that is pinned: Python's packages, jars, Go's modules.

Usage: .venv/bin/python infra/audit.py [--service ADDRESS]

Names and versions go out, nothing else. Prints each known vulnerability and ends with 1 if there is one; where the service
is not reached it says NOT RUN, loudly, and ends with 0: a suite without a network still tells what it can.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
SERVICE = "https://api.osv.dev/v1/querybatch"  # https://google.github.io/osv.dev/post-v1-querybatch/
AT_ONCE = 500  # it takes 1,000
PYTHON = ("requirements.txt", "infra/installer.txt", "infra/services/requirements.txt", "infra/kind/offline/go.txt")
JARS = ("infra/kafka/jars.lock", "infra/cdc/jars.lock")
GO = ("infra/controlplane/go.mod", "infra/kind/tool/go.mod", "infra/kind/offline/go.mod")

Package = tuple[str, str, str]  # ecosystem, name, version


def pinned(root: Path = ROOT) -> list[Package]:
    """Everything that is pinned."""
    found: set[Package] = set()
    for file in PYTHON:
        found |= {("PyPI", name, version) for name, version in re.findall(r"(?m)^([\w.-]+)==(\S+)", _text(root, file))}
    for file in JARS:
        found |= {_jar(entry["path"]) for entry in json.loads(_text(root, file))["jars"]}
    for file in GO:
        required = re.findall(r"(?m)^(?:require )?\s*(\S+\.\S+/\S+) v([\w.+-]+)", _text(root, file))
        found |= {("Go", name, version) for name, version in required}
    return sorted(found)


def _text(root: Path, file: str) -> str:
    return (root / file).read_text()


def _jar(path: str) -> Package:
    *group, artifact, version, _ = path.split("/")
    return "Maven", f"{'.'.join(group)}:{artifact}", version


def known(packages: list[Package], service: str) -> Iterator[tuple[Package, list[str]]]:
    """Those with known vulnerabilities, and their names in the database.

    Raises:
        httpx.HTTPError, ValueError, LookupError: the service is not reached, or answers otherwise than it says it does.
    """
    for start in range(0, len(packages), AT_ONCE):
        part = packages[start : start + AT_ONCE]
        queries = [{"package": {"ecosystem": where, "name": name}, "version": version} for where, name, version in part]
        answer = httpx.post(service, json={"queries": queries}, timeout=60).raise_for_status()
        for package, result in zip(part, answer.json()["results"], strict=True):
            if found := [one["id"] for one in result.get("vulns", [])]:
                yield package, found


def main() -> int:
    """Ask, and say what is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", default=SERVICE)
    service = parser.parse_args().service
    packages = pinned()
    try:
        bad = list(known(packages, service))
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
        print(f"=== NOT RUN: the dependency audit: {service} does not answer as it should ({error}).")
        return 0
    for (where, name, version), names in bad:
        print(f"{where}: {name} {version}: {', '.join(names)} (https://osv.dev/{names[0]})")
    print(f"{len(packages)} pinned packages, {len(bad)} of them with known vulnerabilities.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
