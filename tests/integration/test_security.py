"""Access by another user of this machine, a web page or a reader of logs, tested on the suite's stack."""

from __future__ import annotations

import http.client
import ipaddress
import os
import re
import ssl
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from node_agent.processes.proc import listeners
from workshop.base import endpoints
from workshop.base.processes import Processes
from workshop.lessons.change_data_capture import bank as banks
from workshop.lessons.change_data_capture.bank import Bank
from workshop.notebook.connection import Connection
from workshop.stack.backends.choice import made_here
from workshop.stack.cdc import unprivileged

pytestmark = pytest.mark.usefixtures("kubernetes")
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{60}")
NAMES = ("*.key", "*.p12", "*.token", "password", "kubeconfig", "*.kubeconfig", "connect.properties")
FORGED = {"X-Remote-User": "admin", "X-Remote-Group": "system:masters", "Authorization": "Bearer x"}


@pytest.fixture(scope="module")
def bank(lasting_ws: Connection) -> Iterator[Bank]:
    """Start PostgreSQL and Kafka Connect, which have secrets too."""
    found = banks.ensure(lasting_ws)
    yield found
    found.close()


def processes(ws: Connection) -> list[psutil.Process]:
    """Return all processes of the stack and their descendants."""
    found = Processes(ws.settings.state).running().values()
    return [one for process in found for one in (process, *process.children(recursive=True))]


def files_of_the_stack(ws: Connection, *patterns: str) -> set[Path]:
    """Return matching files of the state folder, without the temporary files of other tests below it."""
    state, temporary = ws.settings.state, Path(tempfile.gettempdir())
    # Path.rglob fails if brokers delete a folder meanwhile; os.walk skips it.
    every = (Path(folder, name) for folder, _, names in os.walk(state) for name in names)
    found = {path for path in every if path.is_file() and any(path.match(pattern) for pattern in patterns)}
    return {path for path in found if not (temporary.is_relative_to(state) and path.is_relative_to(temporary))}


def secrets(ws: Connection) -> list[bytes]:
    """Return the passwords and tokens of this stack."""
    files = files_of_the_stack(ws, "*.token", "password")
    assert len(files) >= 2
    return [path.read_bytes().strip() for path in files]


def test_everything_listens_on_loopback_only(ws: Connection, bank: Bank):
    seen = set()
    for process in processes(ws):
        for connection in _sockets(process):
            if connection.status == psutil.CONN_LISTEN or (connection.type == 2 and not connection.raddr):
                address = ipaddress.ip_address(connection.laddr.ip)
                assert (getattr(address, "ipv4_mapped", None) or address).is_loopback, (process, connection)
                seen.add(connection.laddr.port)
    ports = made_here(ws.settings).ports()
    assert {*ports.kafka, ports.connect} <= seen
    # As root, PostgreSQL runs as another user, whose sockets are hidden in a container: the machine's list has them too.
    of_postgres = [one.address for one in listeners() if one.port == ports.postgres]
    assert of_postgres
    assert all(ipaddress.ip_address(address).is_loopback for address in of_postgres)


def _sockets(process: psutil.Process) -> list:
    try:
        return process.net_connections("inet")
    except psutil.NoSuchProcess:  # helper processes of a database are short-lived
        return []
    except psutil.AccessDenied:
        assert process.uids().real == unprivileged.NOBODY
        return []


def test_secrets_are_readable_by_their_user_only(ws: Connection, bank: Bank):
    state = ws.settings.state
    named = files_of_the_stack(ws, *NAMES)
    holding = {path for path in files_of_the_stack(ws, "*") if _holds_key(path)}
    assert len(named) > 5
    for path in named | holding:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for name in ("home", "logs", "kafka", "components", "cdc/connect", "cdc/postgres/data"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o700, name


def _holds_key(path: Path) -> bool:
    with suppress(FileNotFoundError):  # brokers delete files meanwhile
        return path.stat().st_size < 1e5 and bool(PRIVATE_KEY.search(path.read_bytes()))
    return False


def test_no_log_no_page_and_no_command_line_tells_a_secret(ws: Connection, bank: Bank):
    root, state = ws.settings.root, ws.settings.state
    told = [
        *(state / "logs").iterdir(),
        *root.glob("runs/*.html"),
        *root.glob("runs/*.ipynb"),
        *root.glob("notebooks/*"),
        *root.glob("solutions/*"),
    ]
    known = secrets(ws)
    for path in told:
        content = path.read_bytes() if path.is_file() else b""
        assert not PRIVATE_KEY.search(content), path
        assert not [path for secret in known if secret in content], path
    for process in processes(ws):
        with suppress(psutil.NoSuchProcess):
            line = " ".join(process.cmdline()).encode()
            assert not [process for secret in known if secret in line]


def test_the_database_asks_for_its_password(ws: Connection, bank: Bank):
    for user, password in (("bank", "wrong"), ("bank", ""), ("postgres", "postgres")):
        with pytest.raises(psycopg.OperationalError, match=r"password"):
            psycopg.connect(host="127.0.0.1", port=bank.postgres.port, user=user, password=password, dbname="postgres")


def test_connect_answers_only_who_holds_the_stacks_key(ws: Connection, bank: Bank):
    assert isinstance(bank.worker.ask("GET", "/connectors"), list)
    port = bank.worker.port
    for address in (f"http://127.0.0.1:{port}/connectors", f"https://127.0.0.1:{port}/connectors"):
        with pytest.raises(httpx.TransportError):
            httpx.get(address, verify=_anything(), trust_env=False)
    with bank.worker._client(10) as client:
        assert client.get("/connectors", headers={"Host": "evil.example"}).status_code == 400


def test_kubernetes_refuses_who_has_no_certificate(ws: Connection):
    if "kubernetes" not in endpoints.read(ws.settings):
        pytest.skip("NOT RUN: this stack has no Kubernetes.")
    ports = made_here(ws.settings).ports()
    for path in ("/api/v1/secrets", "/healthz", "/openapi/v2"):
        assert _status(ports.api, path, FORGED) == 401
    for port in (ports.etcd, ports.etcd_peer, ports.metrics):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _status(port, "/", FORGED)
    nodes = [
        connection.laddr
        for process in processes(ws)
        for connection in _sockets(process)
        if connection.laddr.port == ports.kubelet and connection.status == psutil.CONN_LISTEN
    ]
    assert len(nodes) == 3
    for node in nodes:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _status(node.port, "/pods", FORGED, node.ip)


def test_a_nodes_certificate_is_good_for_a_node_only(ws: Connection):
    pki = ws.settings.state / "kubernetes" / "pki"
    if not pki.exists():
        pytest.skip("NOT RUN: this stack has no Kubernetes of its own.")
    context = _anything()
    context.load_cert_chain(pki / "node-worker-1.crt", pki / "node-worker-1.key")
    api = f"https://127.0.0.1:{made_here(ws.settings).ports().api}"
    with httpx.Client(base_url=api, verify=context, trust_env=False, timeout=20) as node:
        assert node.get("/api/v1/nodes/worker-1").status_code == 200
        assert node.get("/api/v1/secrets").status_code == 403
        assert node.delete("/api/v1/nodes/worker-2").status_code == 403


def _status(port: int, path: str, headers: dict[str, str], host: str = "127.0.0.1") -> int:
    with closing(http.client.HTTPSConnection(host, port, timeout=20, context=_anything())) as connection:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


def _anything() -> ssl.SSLContext:
    """Return the TLS context of a client without a certificate that accepts every server."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_a_web_page_can_neither_pay_nor_crash_the_service(ws: Connection):
    if not ws.payments:
        pytest.skip("NOT RUN: this stack has no Kubernetes, so no payments service.")
    with httpx.Client(base_url=ws.payments, trust_env=False, timeout=20) as page:
        served = page.get("/").json()
        for path in ("/admin/crash", "/admin/hang", "/payments"):
            for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example:80"}):
                refused = page.post(path, headers=headers, content=b"{}")
                assert refused.status_code == 403, (path, headers)
                assert refused.json()["detail"].startswith(("This service answers", "The Host")), (path, headers)
        assert page.get("/", headers={"Host": "127.0.0.1.evil.example"}).status_code == 403
        assert page.get("/").json()["release"] == served["release"]
