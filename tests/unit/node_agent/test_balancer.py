"""Connections to Services reach pods that are ready, one in turn, over real sockets of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from node_agent.model import Config
from node_agent.proxy import balancer as module
from node_agent.proxy import services
from node_agent.proxy.balancer import Balancer

FIRST_PORT = 1024 + 20 * random.randint(100, 240)
SERVICE_IP = "10.96.200.1"


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    def run_in(scenario: Callable[[Stack], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with Stack() as stack:
                await scenario(stack)

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(whole(), 20))

    return run_in


def test_connections_go_to_the_ready_pods_in_turn(run):
    async def scenario(stack: Stack) -> None:
        await stack.pods(1, 2, 3)
        stack.tell(service(), endpoints({1: {"ready": True}, 2: {"ready": True}, 3: {"ready": False}}))
        assert sorted([await stack.ask() for _ in range(6)]) == [b"pod 1"] * 3 + [b"pod 2"] * 3

    run(scenario)


def test_a_service_is_reached_at_its_own_address_on_every_node_and_at_the_hosts_port(run):
    async def scenario(stack: Stack) -> None:
        await stack.pods(1)
        stack.tell(service(nodePort=stack.node_port), endpoints({1: {"ready": True}}))
        places = [("127.0.0.1", stack.host_port)]
        places += [(stack.config.node_address(node), stack.node_port) for node in stack.config.nodes]
        for place in places:
            assert await stack.ask(place) == b"pod 1"

    run(scenario)


def test_pods_that_are_leaving_answer_only_where_no_other_is_ready(run):
    async def scenario(stack: Stack) -> None:
        await stack.pods(1, 2)
        leaving = {"ready": False, "serving": True, "terminating": True}
        stack.tell(service(), endpoints({1: leaving, 2: {"ready": True}}))
        assert {await stack.ask() for _ in range(4)} == {b"pod 2"}
        stack.tell(endpoints({1: leaving, 2: {"ready": False, "serving": False}}))
        await stack.settled()
        assert {await stack.ask() for _ in range(4)} == {b"pod 1"}

    run(scenario)


def test_nobody_ready_is_a_reset_at_once(run):
    async def scenario(stack: Stack) -> None:
        stack.tell(service(), endpoints({}))
        with pytest.raises(ConnectionResetError):
            await stack.ask()

    run(scenario)


def test_a_pod_that_refuses_is_passed_by(run):
    async def scenario(stack: Stack) -> None:
        await stack.pods(2)
        stack.tell(service(), endpoints({n: {"ready": True} for n in (1, 2, 3)}))
        assert [await stack.ask() for _ in range(5)] == [b"pod 2"] * 5
        stack.tell(endpoints({n: {"ready": True} for n in (1, 3)}))
        await stack.settled()
        with pytest.raises(ConnectionResetError):
            await stack.ask()

    run(scenario)


def test_a_session_outlives_the_endpoint_and_the_service(run):
    async def scenario(stack: Stack) -> None:
        await stack.pods(1)
        stack.tell(service(), endpoints({1: {"ready": True}}))
        reader, writer = await stack.connect()
        assert await said(reader, writer, b"a") == b"a"
        stack.tell(endpoints({}), ("DELETED", service()))
        await stack.settled()
        assert await said(reader, writer, b"b") == b"b"
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await stack.connect()
        assert not stack.balancer._servers

    run(scenario)


def test_an_end_of_one_direction_leaves_the_other_open(run):
    async def scenario(stack: Stack) -> None:
        await stack.pods(1)
        stack.tell(service(), endpoints({1: {"ready": True}}))
        reader, writer = await stack.connect()
        writer.write(b"all of it")
        writer.write_eof()
        assert await reader.read() == b"pod 1all of itend"
        writer.close()
        await until(lambda: not stack.balancer._clients)

    run(scenario)


def test_a_pod_that_is_killed_resets_its_clients(run):
    async def scenario(stack: Stack) -> None:
        await stack.pods(1)
        stack.tell(service(), endpoints({1: {"ready": True}}))
        reader, writer = await stack.connect()
        await said(reader, writer, b"a")
        stack.reset_sessions()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(10)
        writer.close()

    run(scenario)


def test_who_reads_slowly_slows_who_writes(run):
    async def scenario(stack: Stack) -> None:
        size = 40_000_000
        await stack.pods(1)
        stack.tell(service(), endpoints({1: {"ready": True}}))
        reader, writer = await stack.connect()
        sent = 0

        async def send() -> None:
            nonlocal sent
            while sent < size:
                writer.write(bytes(100_000))
                await writer.drain()
                sent += 100_000
            writer.write_eof()

        sending = asyncio.create_task(send())
        await asyncio.sleep(0.3)  # the pod echoes, and nobody reads
        assert sent < size
        received = 0
        while chunk := await reader.read(1 << 20):
            received += len(chunk)
        await sending
        assert received == size + len(b"pod 1end")
        writer.close()

    run(scenario)


def test_a_port_that_is_taken_is_told_once_and_tried_again(run, monkeypatch, caplog):
    monkeypatch.setattr(module, "RETRY", 0.05)

    async def scenario(stack: Stack) -> None:
        await stack.pods(1)
        with socket.create_server(stack.place()):
            stack.tell(service(nodePort=stack.node_port), endpoints({1: {"ready": True}}))
            assert await stack.ask(("127.0.0.1", stack.host_port)) == b"pod 1"
            await asyncio.sleep(0.2)
        await until(lambda: stack.place() in stack.balancer._servers)
        assert await stack.ask() == b"pod 1"

    run(scenario)
    assert caplog.text.count("another program holds the port") == 1
    assert "is free now" in caplog.text


def test_what_is_not_done_is_said_once(run, caplog):
    async def scenario(stack: Stack) -> None:
        dns = service(name="dns")
        dns["spec"]["ports"][0]["protocol"] = "UDP"
        sticky = service()
        sticky["spec"]["sessionAffinity"] = "ClientIP"
        stack.tell(dns, sticky, dns, sticky)
        await stack.settled()
        assert list(stack.balancer._servers) == [stack.place()]
        await until(lambda: any(event["involvedObject"]["name"] == "dns" for event in stack.api.events))
        told = {event["involvedObject"]["name"]: event for event in stack.api.events}
        assert (told["dns"]["involvedObject"]["kind"], told["dns"]["type"]) == ("Service", "Warning")
        assert "only TCP" in told["dns"]["message"]

    run(scenario)
    assert caplog.text.count("only TCP is balanced here") == 1
    assert caplog.text.count("sessionAffinity is not done here") == 1


def test_pods_find_services_by_variables(run):
    async def scenario(stack: Stack) -> None:
        api = service(name="kubernetes")
        api["metadata"]["namespace"] = "default"
        headless = service(name="headless", clusterIP="None")
        stack.tell(service(name="card-log"), api, headless)
        await stack.settled()
        host, port = stack.place()
        assert stack.balancer.environment_of("workshop") == {
            "CARD_LOG_SERVICE_HOST": host,
            "CARD_LOG_SERVICE_PORT": f"{port}",
            "CARD_LOG_SERVICE_PORT_HTTP": f"{port}",
            "CARD_LOG_PORT": f"tcp://{host}:{port}",
            f"CARD_LOG_PORT_{port}_TCP": f"tcp://{host}:{port}",
            f"CARD_LOG_PORT_{port}_TCP_PROTO": "tcp",
            f"CARD_LOG_PORT_{port}_TCP_PORT": f"{port}",
            f"CARD_LOG_PORT_{port}_TCP_ADDR": host,
        }
        assert stack.balancer.environment_of("default") == {}

    run(scenario)


def test_endpoints_of_all_slices_count_and_of_ipv4_only():
    config = config_of(0, 0)
    six = {**endpoints({1: {"ready": True}}), "addressType": "IPv6"}
    found = services.endpoints(config, [endpoints({2: {}}), endpoints({1: {"ready": None}}), six])
    assert found == {"http": [pod_place(1), pod_place(2)]}


PORT = 8000  # of the pods and the Service: another one for each stack


class Stack:
    """A balancer, an API server that tells it what the test says, and pods that echo."""

    async def __aenter__(self) -> Stack:
        global PORT
        PORT = free_port()
        self.node_port, self.host_port = free_port(), free_port()
        self.config = config_of(self.node_port, self.host_port)
        self.api = FakeApi()
        self.balancer = Balancer(self.config, self.api)
        self._try_to_listen, self._has_tried = self.balancer._try_to_listen, set()
        self.balancer._try_to_listen = self._noting_that_it_tried
        self._running = asyncio.create_task(self.balancer.run())
        self._servers: list[asyncio.Server] = []
        self._sessions: list[asyncio.StreamWriter] = []
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        self.balancer.close()
        for server in self._servers:
            server.close()
        for writer in self._sessions:
            writer.close()
        await asyncio.sleep(0.02)

    async def pods(self, *numbers: int) -> None:
        for number in numbers:

            async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int = number) -> None:
                self._sessions.append(writer)
                with contextlib.suppress(ConnectionError):
                    writer.write(b"pod %d" % number)
                    while chunk := await reader.read(1 << 16):
                        writer.write(chunk)
                        await writer.drain()
                    writer.write(b"end")
                    writer.close()

            self._servers.append(await asyncio.start_server(echo, *pod_place(number)))

    def tell(self, *seen: dict | tuple[str, dict]) -> None:
        for one in seen:
            kind, thing = one if isinstance(one, tuple) else ("MODIFIED", one)
            path = module.SLICES if "endpoints" in thing else module.SERVICES
            self.api.queues[path].put_nowait((kind, thing))

    async def settled(self) -> None:
        """Wait until it has taken in what it was told, and has tried to listen wherever it is to."""
        await until(lambda: len(self.balancer._seen_whole) == len(self.api.queues))
        for queue in self.api.queues.values():
            await queue.join()
        await until(lambda: self._has_tried.issuperset(self.balancer._listening.values()))
        await asyncio.sleep(0.01)  # what it closed is closed by the event loop, in its next turn

    async def _noting_that_it_tried(self, address: tuple[str, int]) -> OSError | None:
        error = await self._try_to_listen(address)
        self._has_tried.add(asyncio.current_task())
        return error

    def place(self) -> tuple[str, int]:
        return self.config.to_loopback(SERVICE_IP), PORT

    async def connect(self, place: tuple[str, int] | None = None):
        await self.settled()
        return await asyncio.open_connection(*(place or self.place()))

    async def ask(self, place: tuple[str, int] | None = None) -> bytes:
        reader, writer = await self.connect(place)
        try:
            return await reader.readexactly(5)
        finally:
            writer.close()

    def reset_sessions(self) -> None:
        for writer in self._sessions:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()


class FakeApi:
    """Tells what is put into its queues, and keeps the events that are written."""

    def __init__(self) -> None:
        self.events: list[dict] = []
        self.queues = {module.SERVICES: asyncio.Queue(), module.SLICES: asyncio.Queue()}

    async def watch(self, path: str, **query: str) -> AsyncIterator[tuple[str, dict]]:
        yield "SYNCED", {}
        while True:
            yield await self.queues[path].get()
            self.queues[path].task_done()  # the next one is asked for when this one has been dealt with

    async def create(self, path: str, event: dict) -> dict:
        self.events.append(event)
        return event


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bytes:
    """What the pod echoes, without its greeting."""
    writer.write(text)
    echoed = await reader.readuntil(text)
    return echoed.removeprefix(b"pod 1")


async def until(done: Callable[[], bool]) -> None:
    while not done():
        await asyncio.sleep(0.01)


def config_of(node_port: int, host_port: int) -> Config:
    return Config("https://127.0.0.1:1", Path("/nowhere"), Path("/nowhere"), FIRST_PORT, 0, 0, {host_port: node_port})


def pod_place(number: int) -> tuple[str, int]:
    return config_of(0, 0).to_loopback(f"10.244.2.{number}"), PORT


def service(name: str = "card-log", clusterIP: str = SERVICE_IP, **port: int) -> dict:  # noqa: N803
    return {
        "metadata": {"namespace": "workshop", "name": name, "uid": f"uid-of-{name}"},
        "spec": {"clusterIP": clusterIP, "ports": [{"name": "http", "port": PORT, "targetPort": PORT, **port}]},
    }


def endpoints(conditions: dict[int, dict]) -> dict:
    return {
        "metadata": {"namespace": "workshop", "name": "x", "labels": {"kubernetes.io/service-name": "card-log"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [f"10.244.2.{n}"], "conditions": held} for n, held in conditions.items()],
        "ports": [{"name": "http", "port": PORT, "protocol": "TCP"}],
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
