"""Report known vulnerabilities of all pinned packages: Python packages, jars, Go modules.

Usage: .venv/bin/python infra/tools/audit.py [--strict] [--service ADDRESS]

The program queries OSV, an open database of vulnerabilities, and sends only names and versions. If OSV is not reachable, Go
modules are compared with the Go project's database, which a module proxy provides, and a message lists the audits that did
not run. Vulnerabilities without an effect here are listed in audit.toml, with the reason. The modules of the programs in the
kind node image are pinned by Kubernetes, so their vulnerabilities are only counted. With --strict the exit code is 1 if
there are any others. Without it the exit code is 0, so that an old checkout still passes its suite.
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
AT_ONCE = 500  # queries per request; the service accepts 1,000
PYTHON = (
    "requirements.txt",
    "infra/installer.txt",
    "infra/services/requirements.txt",
    "infra/streams/requirements.txt",
    "infra/site/requirements.txt",
    "infra/deploy/kind/offline/go.txt",
)
JARS = ("infra/deploy/kafka/jars.lock", "infra/deploy/cdc/jars.lock", "infra/deploy/registry/archive.lock")
NODE_IMAGE = "infra/deploy/kind/offline/go.mod"
GO = ("infra/deploy/controlplane/go.mod", "infra/deploy/kind/tool/go.mod")
ACCEPTED = ROOT / "infra/tools/audit.toml"

Package = tuple[str, str, str]  # ecosystem, name, version
Known = tuple[Package, str]  # a package, and the name of the entry in the database


def pinned(root: Path = ROOT) -> list[Package]:
    """Return all pinned packages, without those of the node image."""
    found: set[Package] = set()
    for file in PYTHON:
        found |= {("PyPI", name, version) for name, version in re.findall(r"(?m)^([\w.-]+)==(\S+)", _text(root, file))}
    for file in JARS:
        found |= {_jar(entry["path"]) for entry in json.loads(_text(root, file))["jars"]}
    for file in GO:
        found |= modules(_text(root, file))
    return sorted(found)


def modules(required: str) -> set[Package]:
    """Return the requirements in the text of a go.mod, with its replaced versions."""
    versions = dict(re.findall(r"(?m)^(?:require )?\s*(\S+\.\S+/\S+) v([\w.+-]+)", required))
    versions |= dict(re.findall(r"(?m)^\s*(\S+) => \1 v([\w.+-]+)", required))
    return {("Go", name, version) for name, version in versions.items()}


def _text(root: Path, file: str) -> str:
    return (root / file).read_text()


def _jar(path: str) -> Package:
    *group, artifact, version, _ = path.split("/")
    return "Maven", f"{'.'.join(group)}:{artifact}", version


def osv(packages: list[Package], service: str) -> Iterator[Known]:
    """Yield the entries of OSV.

    Raises:
        httpx.HTTPError, ValueError, LookupError: the service is not reachable, or its answer is not in the documented format.
    """
    for start in range(0, len(packages), AT_ONCE):
        part = packages[start : start + AT_ONCE]
        queries = [{"package": {"ecosystem": where, "name": name}, "version": version} for where, name, version in part]
        answer = httpx.post(service, json={"queries": queries}, timeout=60).raise_for_status()
        for package, result in zip(part, answer.json()["results"], strict=True):
            yield from ((package, one["id"]) for one in result.get("vulns", []))


def go_only(packages: list[Package]) -> list[Known]:
    """Return the entries of the Go project's database for Go modules.

    Raises:
        go_vulnerabilities.NotReached: the database is not available.
    """
    versions: dict[str, set[str]] = {}
    for where, name, version in packages:
        if where == "Go":
            versions.setdefault(name, set()).add(version)
    found = go_vulnerabilities.known(versions, go_vulnerabilities.fetch())
    return [(("Go", module, version), entry) for module, version, entry in found]


def ask(packages: list[Package], service: str) -> list[Known]:
    """Return the entries of the first reachable database; print the audits that did not run."""
    try:
        return list(osv(packages, service))
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
        print(f"=== NOT RUN: the audit of Python's packages and of jars: {service} gave no valid answer ({error}).")
    try:
        return go_only(packages)
    except go_vulnerabilities.NotReached as error:
        print(f"=== NOT RUN: the audit of Go's modules: {error}.")
        return []


def main() -> int:
    """Run the audit, print the result, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", default=SERVICE)
    parser.add_argument("--strict", action="store_true", help="exit code 1 if a vulnerability is not in audit.toml")
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
    print(f"The node image, whose modules Kubernetes pins: {image} known.")
    return 1 if bad and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
