"""The servers of three nodes, a container that is real, and an API server that says whom it allows."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import aiohttp
from node_agent.kubelet_api import server
from node_agent.metrics.usage import Usage
from node_agent.model import Config
from node_agent.processes import process_tree
from node_agent.processes.logs import ContainerLog

from .authority import FIRST_PORT

EXEC = "/exec/workshop/web-1/web"


class Container:
    """A container whose log the test writes, and in which programs really start."""

    def __init__(self, folder: Path) -> None:
        self.name, self.pid, self.started, self.over = "web", os.getpid(), time.time(), False
        self.attempts: list[Path] = []
        self.state: dict = {"running": {}}
        self._folder = folder

    def begin(self) -> None:
        self.attempts.append(self._folder / f"{len(self.attempts)}.log")

    def ended(self) -> bool:
        return self.over

    async def prints(self, text: bytes) -> None:
        if not self.attempts:
            self.begin()
        source = asyncio.StreamReader()
        source.feed_data(text)
        source.feed_eof()
        await ContainerLog(self.attempts[-1]).copy(source, "stdout")

    async def spawn(self, argv: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool = False):
        pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        return await process_tree.start(argv, dict(os.environ), self._folder, tty=tty, **pipes)


class Stack:
    """The servers of three nodes, of which the first has one pod."""

    def __init__(self, keys: Path, folder: Path) -> None:
        ports = free_port(), free_port()
        self.config = Config("https://127.0.0.1:1", keys, folder, FIRST_PORT, *ports, {})
        self.container = Container(folder)
        about = {"namespace": "workshop", "name": "web-1", "uid": "u1", "node": "worker-1", "labels": {"app": "web"}}
        manifest = {"metadata": {"name": "web-1"}}
        self.pod = SimpleNamespace(**about, manifest=manifest, containers={"web": self.container})
        self.registry = SimpleNamespace(
            pods=lambda node=None: [self.pod] if node in (None, "worker-1") else [],
            find=lambda node, *names: (
                self.pod if node in (None, "worker-1") and names == ("workshop", "web-1") else None
            ),
        )
        usage = Usage(0.5, 1024, 3.0, 10.0, time.time())
        self.sampler = SimpleNamespace(of=lambda uid, name: usage if uid == "u1" else None)
        self.reviews: list[dict] = []
        self.api_is_away = False

    async def create(self, path: str, body: dict) -> dict:
        """The API server: it allows those in system:masters."""
        if self.api_is_away:
            raise TimeoutError("away")
        self.reviews.append(body["spec"])
        return {"status": {"allowed": "system:masters" in body["spec"]["groups"]}}

    async def __aenter__(self) -> Stack:
        apis = dict.fromkeys(self.config.nodes, self)
        self._runner = await server.serve(self.config, self.registry, apis, self.sampler)
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._runner.cleanup()
        await asyncio.sleep(0.05)

    def url(self, path: str, node: str = "worker-1") -> str:
        return f"https://{self.config.node_address(node)}:{self.config.kubelet_port}{path}"

    def certificate(self, who: str) -> ssl.SSLContext:
        front = "front" in who or who == "stranger"
        context = ssl.create_default_context(cafile=str(self.config.pki("ca.crt")))
        context.check_hostname = not front  # the names are tried by the others
        if who:
            context.load_cert_chain(self.config.pki(f"{who}.crt"), self.config.pki(f"{who}.key"))
        return context

    async def get(
        self, path: str, who: str = "admin", node: str = "worker-1", method: str = "GET", headers=None, **query: str
    ) -> tuple[int, str]:
        return await self.ask(self.url(path, node), who, method, headers, query)

    async def ask(self, url: str, who: str, method: str = "GET", headers=None, query=None) -> tuple[int, str]:
        more = {"params": query or {}, "headers": headers, "ssl": self.certificate(who)}
        async with self._session.request(method, url, **more) as response:
            return response.status, await response.text()

    async def socket(self, command: list[str], who: str = "admin", protocol: str = "", **streams: bool):
        query = [("command", word) for word in command] + [("output", "1")]
        query += [("error", "1")] if not streams.get("tty") else [("tty", "1")]
        query += [("input", "1")] if streams.get("stdin") else []
        protocols = [protocol or "v5.channel.k8s.io"]
        context = self.certificate(who)
        return await self._session.ws_connect(self.url(EXEC), params=query, protocols=protocols, ssl=context)

    async def exec(self, command: list[str], **how) -> SimpleNamespace:
        return await all_of(await self.socket(command, **how))


async def all_of(socket: aiohttp.ClientWebSocketResponse) -> SimpleNamespace:
    """All that comes until the end."""
    channels = {1: b"", 2: b"", 3: b""}
    async for message in socket:
        channels[message.data[0]] += message.data[1:]
    assert socket.close_code == 1000
    told = {"stdout": channels[1], "stderr": channels[2], "status": json.loads(channels[3])}
    return SimpleNamespace(**told, protocol=socket.protocol)


def lives(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


async def until(done: Callable[[], bool]) -> None:
    while not done():
        await asyncio.sleep(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]
