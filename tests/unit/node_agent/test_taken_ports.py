"""Which port a container could not have, and who has it: real sockets, and what programs print."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from node_agent.kubelet import taken_ports
from node_agent.kubelet.taken_ports import Taken
from node_agent.processes import proc

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nodes without Docker are Linux'")
OWN = "127.77.1.2"  # a pod's address
LONG = taken_ports.SOON + 1


@contextmanager
def listening(host: str, family: int = socket.AF_INET) -> Iterator[int]:
    """A port on which this process listens."""
    with socket.create_server((host, 0), family=family) as server:
        yield server.getsockname()[1]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of a container that printed nothing."""
    file = tmp_path / "0.log"
    file.write_text("2026-01-01T00:00:00.000000000Z stdout F the service starts\n")
    return file


def complain(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(f"2026-01-01T00:00:01.000000000Z stderr F {text}\n")


@pytest.mark.parametrize("host", ["0.0.0.0", OWN])  # noqa: S104
def test_a_declared_port_that_nobody_else_can_have_is_found_with_its_holder(log: Path, host: str) -> None:
    with listening(host) as port:
        assert taken_ports.find({port, 9}, OWN, log, 1) == [Taken(port, os.getpid())]
        assert taken_ports.find({port}, OWN, log, LONG) == [], "it had its port: it ended for another reason"
        assert taken_ports.find({9}, OWN, log, 1) == []


def test_the_address_of_another_pod_excludes_only_programs_that_bind_every_address(log: Path) -> None:
    with listening("127.77.1.3") as port:
        assert taken_ports.find({port}, OWN, log, 1) == []
        complain(log, "OSError: [Errno 98] Address already in use")
        assert taken_ports.find({port}, OWN, log, LONG) == [Taken(port, os.getpid())]


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_every_address_of_ipv6_is_every_address(log: Path) -> None:
    try:
        with listening("::", socket.AF_INET6) as port:
            assert taken_ports.find({port}, OWN, log, 1) == [Taken(port, os.getpid())]
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")


@pytest.mark.parametrize(
    "text",
    [
        "Error: listen EADDRINUSE: address already in use :::{port}",
        "2026/01/01 11:22:05 listen tcp :{port}: bind: address already in use",
        "[emerg] bind() to 0.0.0.0:{port} failed (98: Address already in use)",
        "[Errno 98] error while attempting to bind on address ('0.0.0.0', {port}): address already in use",
        "Web server failed to start. Port {port} was already in use.",
        "Starting httpd: Could not bind to port {port}: Address in use",
    ],
)
def test_a_port_that_is_not_declared_is_known_from_what_the_program_printed(log: Path, text: str) -> None:
    with listening("127.0.0.1") as port, listening("127.0.0.1") as other:
        complain(log, text.format(port=port))
        assert taken_ports.find({other}, OWN, log, 1) == [Taken(port, os.getpid())]


def test_a_port_that_is_free_again_is_not_reported(log: Path) -> None:
    with listening("0.0.0.0") as port:  # noqa: S104
        pass
    complain(log, f"cannot bind to port {port}: Address already in use")
    assert taken_ports.find({port}, OWN, log, 1) == []


def test_the_sentence_names_a_pod_or_a_program_and_the_way_out() -> None:
    of_pod = taken_ports.sentence(Taken(8080, os.getpid()), lambda process: "pod default/first")
    assert "port 8080 is taken by pod default/first" in of_pod
    assert "status.podIP" in of_pod
    own_name = Path("/proc/self/comm").read_text().strip()
    of_machine = taken_ports.sentence(Taken(8080, os.getpid()), lambda process: "")
    assert f"taken by the program {own_name} (pid {os.getpid()})" in of_machine
    assert "taken by a program of another user" in taken_ports.sentence(Taken(80, None), lambda process: "")


def test_sockets_are_read_as_the_kernel_lists_them() -> None:
    with listening("127.77.1.9") as port:
        mine = [one for one in proc.listeners() if one.port == port]
        assert [one.address for one in mine] == ["127.77.1.9"]
        assert mine[0].inode in proc.sockets(os.getpid())
