"""Try bad input and print each error message as a table; exit code 1 if a case prints no message.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/bad_input.py > docs/bad-input.md

Each case is executed: the command `workshop` with its arguments, files and settings, or a request to the payments service.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests
import workshop

ROOT = Path(__file__).resolve().parents[2]
HEADER = "TX_DATETIME,CUSTOMER_ID,TX_AMOUNT\n"
TOPIC = f"bad-input-{uuid.uuid4().hex[:6]}"  # a new topic without publications
EVENT = ("--topic", TOPIC, "--case", "who", "--activity", "what", "--time", "at")
ORDER = {"card": "card-0001", "terminal": "terminal-00001", "amount_cents": 1250}
REFUSED = {
    1,
    2,
    3,
}  # exit codes of a refused command; a command that only refused some rows ends with 0


@dataclass(frozen=True)
class Case:
    """An invalid command.

    Attributes:
        what: description of the mistake.
        words: the arguments of `workshop`; `DIR` stands for the folder with the files.
        files: name to content.
        env: environment variables.
        alone: whether it runs with a state folder of its own, without a running stack.
    """

    what: str
    words: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    alone: bool = False


def settings() -> Iterator[Case]:
    """Yield cases with invalid settings."""
    for name, value in (
        ("WORKSHOP_BACKEND", "podman"),
        ("WORKSHOP_FIRST_PORT", "eighty"),
        ("WORKSHOP_FIRST_PORT", "80"),
        ("WORKSHOP_PATIENCE", "-1"),
        ("WORKSHOP_STATE", "DIR/file"),
        ("WORKSHOP_STATE", "DIR/a,b"),
        ("WORKSHOP_CACHE", "~nobody-here/cache"),
        ("WORKSHOP_MAVEN", "maven"),
        ("WORKSHOP_REGISTRY_MIRROR", "https://registry"),
        ("WORKSHOP_CLUSTER", "My Cluster"),
        ("WORKSHOP_CONTROLPLANE", "https://example.org/controlplane"),
        ("WORKSHOP_KUBERNETES", "maybe"),
    ):
        yield Case(f"`{name}={value}`", ("status",), {"file": b""}, {name: value})
    java = {"WORKSHOP_JAVA": "DIR/java", "WORKSHOP_BACKEND": "local"}
    yield Case("`WORKSHOP_JAVA` names no Java", ("up", "--no-lab"), env=java, alone=True)


def others() -> Iterator[Case]:
    """Yield wrong settings of the backend `existing`.

    `tests/integration/test_existing.py` tests the refusals of Kafka itself.
    """
    told = {"WORKSHOP_BOOTSTRAP": "127.0.0.1:9", "WORKSHOP_PREFIX": "alice-"}
    for what, env in (
        ("no variable is set", {}),
        ("no prefix", {"WORKSHOP_BOOTSTRAP": "127.0.0.1:9"}),
        ("a prefix without `-` or `.` at its end", {**told, "WORKSHOP_PREFIX": "alice"}),
        ("an address without a port", {**told, "WORKSHOP_BOOTSTRAP": "kafka.example.org"}),
        ("an unknown protocol", {**told, "WORKSHOP_KAFKA_SECURITY": "TLS"}),
        (
            "a user without a password file",
            {**told, "WORKSHOP_KAFKA_SECURITY": "SASL_SSL", "WORKSHOP_KAFKA_USER": "alice"},
        ),
        ("a kubeconfig without a namespace", {**told, "WORKSHOP_KUBECONFIG": "DIR/config"}),
        ("no server at the address", told),
    ):
        yield Case(what, ("up", "--no-lab", "--backend", "existing"), {"config": b""}, env, alone=True)


def commands() -> Iterator[Case]:
    """Yield invalid arguments, and commands without a running stack."""
    yield Case("an unknown command", ("start",))
    yield Case("a lesson that does not exist", ("run", "42"))
    yield Case("the same for `workshop reset`", ("reset", "42"))
    yield Case("the log of an unknown component", ("logs", "kafka-9"))
    yield Case("status where nothing was started", ("status",), alone=True)
    yield Case("a lesson where nothing was started", ("run", "00"), alone=True)
    yield Case("another backend than the one that runs", ("up", "--no-lab", "--backend", "kind"))
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    yield Case("kind, and Docker does not answer", ("up", "--backend", "kind"), env=nowhere, alone=True)
    yield Case("an unknown fault", ("chaos", "run", "earthquake"))
    yield Case("a soak of 0 minutes", ("chaos", "soak", "--minutes", "0"))


def bundles() -> Iterator[Case]:
    """Yield folders that are not bundles."""
    yield Case("a bundle that is not there", ("up", "--bundle", "DIR/stick"), alone=True)
    yield Case("a folder that is not a bundle", ("up", "--bundle", "DIR"), {"notes.txt": b""}, alone=True)
    cut = {"bundle.json": b"{}", "wheels/a.whl": b""}
    yield Case("an incomplete bundle", ("up", "--bundle", "DIR"), cut, alone=True)
    yield Case("a file as a bundle's folder", ("bundle", "DIR/file"), {"file": b""})


def payments() -> Iterator[Case]:
    """Yield payment logs that cannot be read."""

    def publish(what: str, content: bytes, name: str = "log.csv") -> Case:
        return Case(what, ("fraud", "publish", f"DIR/{name}", "--topic", TOPIC), {name: content})

    yield Case("a log that is not there", ("fraud", "publish", "DIR/none.csv", "--topic", TOPIC))
    yield publish("an empty file", b"")
    yield publish("other columns", b"a,b,c\n1,2,3\n")
    yield publish("a picture, named .csv", b"\x89PNG\r\n\x1a\n\x00\x00")
    yield publish("half of a Parquet file", b"PAR1" + bytes(500), "log.parquet")
    yield publish("a file cut in the middle, .csv.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03K", "log.csv.gz")
    yield publish("an invalid amount", (HEADER + "2018-06-12 10:00:00,7,much\n").encode())
    yield publish("a day that does not exist", (HEADER + "2018-02-30 10:00:00,7,12.50\n").encode())
    good = {"log.csv": (HEADER + "2018-06-12 10:00:00,7,12.50\n").encode()}
    yield Case("a topic's name that Kafka refuses", ("fraud", "publish", "DIR/log.csv", "--topic", "a topic"), good)
    yield Case("warnings from a topic that does not exist", ("fraud", "warn", "--topic", "no-such-topic"))
    yield Case("labels that are not there", ("fraud", "score", "--topic", "payments", "--labels", "DIR/none.csv"))


def events() -> Iterator[Case]:
    """Yield event logs that cannot be read."""
    yield Case("a column that is not there", ("data", "publish", "DIR/log.csv", *EVENT), {"log.csv": b"who,at\n1,2\n"})
    future = {"log.csv": b"who,what,at\na,Came,tomorrow\n"}
    yield Case("an invalid time", ("data", "publish", "DIR/log.csv", *EVENT), future)
    unknown = {"log.csv": b"who,what,at\na,Flew,2018-06-12 10:00:00\n"}
    words = ("data", "publish", "DIR/log.csv", *EVENT, "--activities", "Came,Left")
    yield Case("an activity that is not in --activities", words, unknown)
    yield Case("neither --activity nor --event", ("data", "publish", "x.csv", *EVENT[:4], "--time", "at"))


def run(case: Case) -> tuple[int, str]:
    """Run a case; return its exit code and its message.

    The folders and the topic in the message are replaced by fixed names.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in case.files.items():
            file = Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        own = {"WORKSHOP_STATE": f"{folder}/state"} if case.alone else {}
        env = {**os.environ, "COLUMNS": "1000", "TERM": "dumb", **own}
        env |= {name: value.replace("DIR", folder) for name, value in case.env.items()}
        words = [word.replace("DIR", folder) for word in case.words]
        command = [sys.executable, "-m", "workshop.cli.main", *words]
        done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        said = done.stderr if done.returncode else done.stdout + done.stderr
        said = (
            (said.strip() or done.stdout)
            .replace(folder, "DIR")
            .replace(str(ROOT), "PROJECT")
            .replace(TOPIC, "bad-input")
        )
    return done.returncode, said


def is_told(code: int, said: str) -> bool:
    """Return whether a case was refused with a message and without a traceback."""
    return (code in REFUSED or "refused" in said) and bool(said) and "Traceback" not in said


def orders(address: str) -> Iterator[tuple[str, str, bool]]:
    """Yield invalid requests to the payments service: mistake, answer, and whether it has a message."""
    body = {"json": ORDER}
    for what, method, path, asked in (
        ("no JSON", "POST", "/payments", {"data": b"{"}),
        ("an amount below 0", "POST", "/payments", {"json": {**ORDER, "amount_cents": -5}}),
        ("an amount with a fraction of a cent", "POST", "/payments", {"json": {**ORDER, "amount_cents": 12.5}}),
        ("no card", "POST", "/payments", {"json": {"terminal": "terminal-00001", "amount_cents": 5}}),
        ("an unknown field", "POST", "/payments", {"json": {**ORDER, "tip": 1}}),
        ("a body of a megabyte", "POST", "/payments", {"data": b" " * 1_000_000}),
        ("a key of 300 characters", "POST", "/payments", {**body, "headers": {"Idempotency-Key": "a" * 300}}),
        (
            "a request of a web page",
            "POST",
            "/payments",
            {**body, "headers": {"Origin": "https://a.example"}},
        ),
        ("the name of another host", "POST", "/payments", {**body, "headers": {"Host": "a.example"}}),
        ("another method", "DELETE", "/payments", {}),
        ("an unknown path", "GET", "/refunds", {}),
    ):
        answer = requests.request(method, f"{address}{path}", timeout=30, **asked)
        said = answer.json().get("detail", "") if answer.headers.get("content-type") == "application/json" else ""
        text = "; ".join(map(str, said)) if isinstance(said, list) else str(said)
        yield what, f"{answer.status_code}: {text or answer.text}", 400 <= answer.status_code < 500 and bool(text)
    yield "not HTTP", *_babble(address)


def _babble(address: str) -> tuple[str, bool]:
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), 10) as line:
        line.sendall(b"\x16\x03\x01\r\n\r\n")
        said = line.recv(200).decode(errors="replace").splitlines()
    alive = requests.get(f"{address}/healthz", timeout=30).status_code == 200
    return f"{said[0] if said else 'the connection is closed'}", alive


GROUPS = {
    "Settings": settings,
    "Backend existing": others,
    "Commands": commands,
    "Bundles": bundles,
    "Logs of payments": payments,
    "Event logs": events,
}


def cell(text: str) -> str:
    """Return text as a cell of a Markdown table."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines).replace("|", "\\|")


def main() -> int:
    """Run all cases, print the tables, and return the exit code."""
    ws, bad = workshop.connect(), 0
    print("# Bad input and its error messages\n")
    print(
        "Printed by `infra/benchmarks/bad_input.py`, which runs each case. `DIR` is a folder with the files of the case."
    )
    for title, cases in GROUPS.items():
        print(f"\n## {title}\n\n| input | exit code | message |\n|---|---:|---|")
        for case in cases():
            code, said = run(case)
            good = (code in REFUSED or "refused" in said) and "Traceback" not in said
            bad += not good
            print(f"| {cell(case.what)} | {code} | {cell(said)}{'' if good else ' **← no message**'} |", flush=True)
    print("\n## Requests to the payments service\n\n| input | message |\n|---|---|")
    for what, said, good in orders(ws.payments):
        bad += not good
        print(f"| {what} | {cell(said)}{'' if good else ' **← no message**'} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
