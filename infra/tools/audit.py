"""Asks what is known of everything that is pinned: Python's packages, jars, Go's modules.

Usage: .venv/bin/python infra/tools/audit.py [--strict] [--service ADDRESS]

It asks OSV, the open database of vulnerabilities: names and versions go out, nothing else. Where OSV is not reached, Go's
modules are held against the Go project's own database, which comes from a proxy for modules; what was not asked then is said
loudly. What was looked at and does no harm here stands in audit.toml, with the reason; what the programs of the kind node
image require is Kubernetes' own choice, and is only counted. With --strict it ends with 1 if anything else is known; without,
it tells and ends with 0: a workshop of last year still passes its own suite.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import go_vulnerabilities
import httpx

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "https://api.osv.dev/v1/querybatch"  # https://google.github.io/osv.dev/post-v1-querybatch/
AT_ONCE = 500  # it takes 1,000
PYTHON = (
    "requirements.txt",
    "infra/installer.txt",
    "infra/services/requirements.txt",
    "infra/deploy/kind/offline/go.txt",
)
JARS = ("infra/deploy/kafka/jars.lock", "infra/deploy/cdc/jars.lock")
NODE_IMAGE = "infra/deploy/kind/offline/go.mod"
GO = ("infra/deploy/controlplane/go.mod", "infra/deploy/kind/tool/go.mod")
ACCEPTED = ROOT / "infra/tools/audit.toml"

Package = tuple[str, str, str]  # ecosystem, name, version
Known = tuple[Package, str]  # … and the entry's name in the database


def pinned(root: Path = ROOT) -> list[Package]:
    """Everything that is pinned."""
    found: set[Package] = set()
    for file in PYTHON:
        found |= {("PyPI", name, version) for name, version in re.findall(r"(?m)^([\w.-]+)==(\S+)", _text(root, file))}
    for file in JARS:
        found |= {_jar(entry["path"]) for entry in json.loads(_text(root, file))["jars"]}
    for file in GO:
        found |= modules(_text(root, file))
    return sorted(found)


def modules(required: str) -> set[Package]:
    """What the text of a go.mod requires, at the versions that it sets."""
    versions = dict(re.findall(r"(?m)^(?:require )?\s*(\S+\.\S+/\S+) v([\w.+-]+)", required))
    versions |= dict(re.findall(r"(?m)^\s*(\S+) => \1 v([\w.+-]+)", required))
    return {("Go", name, version) for name, version in versions.items()}


def _text(root: Path, file: str) -> str:
    return (root / file).read_text()


def _jar(path: str) -> Package:
    *group, artifact, version, _ = path.split("/")
    return "Maven", f"{'.'.join(group)}:{artifact}", version


def osv(packages: list[Package], service: str) -> Iterator[Known]:
    """What OSV knows.

    Raises:
        httpx.HTTPError, ValueError, LookupError: the service is not reached, or answers otherwise than it says it does.
    """
    for start in range(0, len(packages), AT_ONCE):
        part = packages[start : start + AT_ONCE]
        queries = [{"package": {"ecosystem": where, "name": name}, "version": version} for where, name, version in part]
        answer = httpx.post(service, json={"queries": queries}, timeout=60).raise_for_status()
        for package, result in zip(part, answer.json()["results"], strict=True):
            yield from ((package, one["id"]) for one in result.get("vulns", []))


def go_only(packages: list[Package]) -> list[Known]:
    """What the Go project's database knows of Go's modules.

    Raises:
        go_vulnerabilities.NotReached: it is not to be had.
    """
    versions: dict[str, set[str]] = {}
    for where, name, version in packages:
        if where == "Go":
            versions.setdefault(name, set()).add(version)
    found = go_vulnerabilities.known(versions, go_vulnerabilities.fetch())
    return [(("Go", module, version), entry) for module, version, entry in found]


def ask(packages: list[Package], service: str) -> list[Known]:
    """What is known, from whichever database is reached; says what was not asked."""
    try:
        return list(osv(packages, service))
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
        print(
            f"=== NOT RUN: the audit of Python's packages and of jars: {service} does not answer as it should ({error})."
        )
    try:
        return go_only(packages)
    except go_vulnerabilities.NotReached as error:
        print(f"=== NOT RUN: the audit of Go's modules: {error}.")
        return []


def main() -> int:
    """Ask, and say what is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", default=SERVICE)
    parser.add_argument("--strict", action="store_true", help="end with 1 if something is known that was not looked at")
    options = parser.parse_args()
    ours, images = pinned(), modules(_text(ROOT, NODE_IMAGE))
    looked_at = tomllib.loads(ACCEPTED.read_text())["does_no_harm"]
    found = sorted(set(ask(sorted(images.union(ours)), options.service)))
    bad = [(package, entry) for package, entry in found if package in ours and entry not in looked_at]
    for (where, name, version), entry in bad:
        print(f"{where}: {name} {version}: {entry} (https://osv.dev/{entry})")
    harmless = len({entry for package, entry in found if package in ours} & set(looked_at))
    image = len({entry for package, entry in found if package not in ours} - set(looked_at))
    print(
        f"{len(ours)} pinned packages, {len(bad)} known vulnerabilities; {harmless} more do no harm here (audit.toml)."
    )
    print(f"The node image, as Kubernetes pins what its programs require: {image} known.")
    return 1 if bad and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
