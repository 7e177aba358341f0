"""What is installed is what is pinned, everything is pinned by hash, and the audit asks about all of it."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "infra/tools"))
import audit as audit_of_pins  # noqa: E402 (a tool, which is no part of the package)
import go_vulnerabilities  # noqa: E402 (beside audit.py, which is no part of the package)

LISTS = audit_of_pins.PYTHON
OURS = "kafka-kubernetes-workshop"


def blocks(file: str) -> list[str]:
    """The requirements of a list, each with its hashes."""
    lines = [line for line in (ROOT / file).read_text().splitlines() if line and not line.lstrip().startswith("#")]
    return re.split(r"\n(?=\S)", "\n".join(lines))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_audit_asks_about_every_list():
    files = [ROOT / "requirements.txt", *(ROOT / "infra").rglob("*.txt")]
    pinned = {str(file.relative_to(ROOT)) for file in files if "--hash=sha256:" in file.read_text()}
    assert pinned == set(LISTS)


@pytest.mark.parametrize("file", LISTS)
def test_each_requirement_is_one_version_and_its_hashes(file: str):
    assert blocks(file)
    for block in blocks(file):
        assert re.match(r"[\w.-]+==[\w.+!-]+( ; [^\n]+)? \\\n", block), block[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block[:80]


@pytest.mark.parametrize("file", ["requirements.in", "infra/site/requirements.in"])
def test_what_is_asked_for_directly_is_pinned_too(file: str):
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    assert all(re.fullmatch(r"[\w.-]+(\[[\w,]+\])?==[\w.+!-]+( ; .+)?", line) for line in lines if line), lines


def test_what_is_imported_directly_is_asked_for_directly():
    """A package that another one brings may go with the next version of that one."""
    everywhere, on_the_site = asked_for("requirements.in"), asked_for("infra/site/requirements.in")
    providers = importlib.metadata.packages_distributions()
    missing = {}
    for file in (file for folder in ("infra", "tests", "data") for file in (ROOT / folder).rglob("*.py")):
        there = on_the_site if file.is_relative_to(ROOT / "infra/site") else everywhere
        for name in imported(file) - set(sys.stdlib_module_names):
            found = {plain(provider) for provider in providers.get(name, ())}
            if found and OURS not in found and not found & there:
                missing[name] = str(file.relative_to(ROOT))
    assert not missing


def asked_for(file: str) -> set[str]:
    """The packages that a list for `uv pip compile` names."""
    lines = (ROOT / file).read_text().splitlines()
    return {plain(re.split(r"[=\[]", line)[0]) for line in lines if line and not line.startswith("#")}


def imported(file: Path) -> set[str]:
    """The top-level names of the packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_nothing_else_is_installed_than_what_is_pinned():
    pinned: dict[str, set[str]] = {}
    for block in [*blocks("requirements.txt"), *blocks("infra/installer.txt")]:
        name, version = re.match(r"([\w.-]+)==([\w.+!-]+)", block).groups()
        pinned.setdefault(plain(name), set()).add(version)
    for installed in importlib.metadata.distributions():
        name = plain(installed.metadata["Name"])
        assert name == OURS or installed.version in pinned.get(name, ()), f"{name} {installed.version}"


def test_jars_and_modules_are_pinned_by_hash():
    for lock in ("infra/deploy/kafka/jars.lock", "infra/deploy/cdc/jars.lock"):
        for jar in json.loads((ROOT / lock).read_text())["jars"]:
            assert re.fullmatch(r"[0-9a-f]{64}", jar["sha256"])
    for module in (ROOT / "infra").rglob("go.mod"):
        assert "h1:" in module.with_name("go.sum").read_text()


class Database(BaseHTTPRequestHandler):
    """Answers as OSV does: for each query, in their order, what is known."""

    bad: dict[str, list[str]]
    status = 200
    asked: list[dict]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked += body["queries"]
        names = [query["package"]["name"] for query in body["queries"]]
        results = [{"vulns": [{"id": one} for one in self.bad[name]]} if name in self.bad else {} for name in names]
        content = json.dumps({"results": results}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def database() -> Iterator[tuple[str, type[Database]]]:
    """A server of that format on loopback, and its settings."""
    handler = type("Told", (Database,), {"bad": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/querybatch", handler
    server.shutdown()
    server.server_close()
    thread.join()


def audit(service: str, *words: str, path: str = "/nowhere") -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "infra/tools/audit.py", "--service", service, *words]
    env = {"no_proxy": "127.0.0.1", "PATH": path, "WORKSHOP_CACHE": "/nowhere"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_the_audit_asks_about_everything_and_names_what_is_known(database: tuple[str, type[Database]]):
    address, told = database
    told.bad = {
        "org.apache.kafka:kafka-clients": ["GHSA-1", "GHSA-2"],
        "k8s.io/kubernetes": ["GO-3", "GO-2025-3547"],  # the second does no harm here
        "github.com/coredns/caddy": ["GO-4"],  # of the node image only
    }
    done = audit(address, "--strict")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(": ")[-1].split()[0] for line in lines[:-2]] == ["GO-3", "GHSA-1", "GHSA-2"]
    assert lines[1].startswith("Maven: org.apache.kafka:kafka-clients 4.")
    assert "3 known vulnerabilities; 1 more do no harm here" in lines[-2]
    assert lines[-1].endswith(": 1 known.")
    assert audit(address).returncode == 0
    asked = {(query["package"]["ecosystem"], query["package"]["name"]) for query in told.asked}
    assert {
        ("PyPI", "jupyterlab"),
        ("PyPI", "uv"),
        ("Maven", "org.apache.kafka:kafka-server"),
        ("Go", "sigs.k8s.io/kind"),
    } <= asked
    assert len(asked) > 250
    told.bad = {}
    assert audit(address, "--strict").returncode == 0


def test_an_audit_that_did_not_happen_says_so(database: tuple[str, type[Database]]):
    address, told = database
    told.status = 503
    for service in (address, "http://127.0.0.1:9/v1/querybatch"):
        done = audit(service, "--strict")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("=== NOT RUN: the audit of Python's packages and of jars")
        assert "\n=== NOT RUN: the audit of Go's modules: there is no Go here" in done.stdout


ENTRY = {
    "id": "GO-9",
    "affected": [
        {
            "package": {"name": "k8s.io/kubernetes", "ecosystem": "Go"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.99.0"}]}],
        }
    ],
}
WITHDRAWN = {**ENTRY, "id": "GO-8", "withdrawn": "2026-01-01T00:00:00Z"}


def test_without_osv_go_modules_are_held_against_gos_own_database(tmp_path: Path):
    entries = tmp_path / "vulndb" / "data" / "osv"
    entries.mkdir(parents=True)
    for entry in (ENTRY, WITHDRAWN):
        (entries / f"{entry['id']}.json").write_text(json.dumps(entry))
    program = tmp_path / "go"
    answer = json.dumps({"Dir": str(tmp_path / "vulndb")})
    program.write_text(f'#!/bin/sh\n[ "$1" = mod ] && echo {shlex.quote(answer)} || echo go1.99.0\n')
    program.chmod(0o755)
    done = audit("http://127.0.0.1:9/v1/querybatch", "--strict", path=str(tmp_path))
    assert done.returncode == 1, done.stderr
    assert re.search(r"(?m)^Go: k8s\.io/kubernetes 1\.\d+\.\d+: GO-9 ", done.stdout), done.stdout
    assert "GO-8" not in done.stdout
    assert "Go's modules" not in done.stdout
    for entry in entries.iterdir():
        entry.unlink()
    done = audit("http://127.0.0.1:9/v1/querybatch", path=str(tmp_path))
    assert "NOT RUN: the audit of Go's modules: golang.org/x/vulndb@latest holds no entries" in done.stdout


@pytest.mark.parametrize(
    ("version", "bad"),
    [
        ("0.9.0", True),
        ("1.82.1", True),
        ("1.82.2", False),
        ("1.83.0-dev", False),
        ("1.83.0", True),
        ("1.83.2-0.20260101000000-aaaaaaaaaaaa", True),
        ("1.83.2", False),
        ("2.0.0+incompatible", False),
    ],
)
def test_a_range_of_osv_is_read_as_semantic_versions_are(version: str, bad: bool):
    events = [{"introduced": "0"}, {"fixed": "1.82.2"}, {"fixed": "1.83.2"}, {"introduced": "1.83.0"}]
    assert go_vulnerabilities.within(version, events) is bad


@pytest.mark.parametrize(
    ("packages", "bad"),
    [
        ([], True),
        ([{"path": "a"}], True),
        ([{"path": "a", "goos": ["windows"]}], False),
        ([{"path": "a", "goos": ["windows"]}, {"path": "b"}], True),
        ([{"path": "a", "goos": ["windows", "linux"]}], True),
    ],
)
def test_what_is_of_another_system_only_does_not_count(tmp_path: Path, packages: list, bad: bool):
    affected = {**ENTRY["affected"][0], "ecosystem_specific": {"imports": packages}}
    (tmp_path / "GO-9.json").write_text(json.dumps({**ENTRY, "affected": [affected]}))
    found = list(go_vulnerabilities.known({"k8s.io/kubernetes": {"1.37.2"}}, tmp_path))
    assert bool(found) is bad


def test_what_does_no_harm_is_said_with_a_reason():
    looked_at = tomllib.loads((ROOT / "infra/tools/audit.toml").read_text())["does_no_harm"]
    assert all(re.fullmatch(r"(GO-|GHSA-|PYSEC-|CVE-)\S+", entry) and len(why) > 40 for entry, why in looked_at.items())
