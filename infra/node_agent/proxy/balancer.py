"""Load balancing of connections to Services over ready pods, round robin, in place of kube-proxy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from node_agent.api import Api
from node_agent.kubelet.events import Recorder
from node_agent.model import Config
from node_agent.proxy import services, tcp_relay
from node_agent.proxy.services import Address, Key

log = logging.getLogger(__name__)

RETRY = 5.0  # seconds until a port in use is tried again
BACKLOG = 1024
SERVICES, SLICES = "/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices"


class Balancer:
    """Listens at the addresses of all Services; `run` follows the Services until it is cancelled."""

    def __init__(self, config: Config, api: Api) -> None:
        self._config, self._api = config, api
        self._events = Recorder(api, config.nodes[0], "kube-proxy", "Service")
        self._services: dict[tuple[str, str], dict] = {}
        self._slices: dict[tuple[str, str], dict[str, dict]] = {}  # by Service, then by name
        self._endpoints: dict[Key, list[Address]] = {}
        self._turns: dict[Key, int] = {}
        self._wanted: dict[Address, Key] = {}
        self._listening: dict[Address, asyncio.Task] = {}
        self._servers: dict[Address, asyncio.Server] = {}
        self._clients: set[Client] = set()
        self._closed = False
        self._seen_whole: set[str] = set()
        self._said: set[str] = set()

    async def run(self) -> None:
        """Follow Services and their endpoints."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(SERVICES, self._service))
            group.create_task(self._follow(SLICES, self._slice))
            group.create_task(self._events.run())

    def stop_listening(self) -> None:
        """Stop accepting connections permanently; open ones continue."""
        self._closed = True
        self._listen()

    def close(self) -> None:
        """Stop listening, and reset all open connections."""
        self.stop_listening()
        for client in list(self._clients):
            client.reset()

    def environment_of(self, namespace: str) -> dict[str, str]:
        """Return the Service variables for pods of a namespace, without those of the API server."""
        mine = [self._services[key] for key in sorted(self._services) if key[0] == namespace]
        return services.variables(self._config, mine)

    def next_in_turn(self, address: Address) -> list[Address]:
        """Return the endpoints to try for a new connection, in round-robin order."""
        key = self._wanted.get(address)
        found = self._endpoints.get(key) if key else None
        if not (key and found):
            return []
        turn = self._turns.get(key, 0) % len(found)
        self._turns[key] = turn + 1
        return found[turn:] + found[:turn]

    # -- Services and their endpoints

    async def _follow(self, path: str, seen: Callable[[str, dict], None]) -> None:
        async for kind, thing in self._api.watch(path):
            if kind == "SYNCED":
                self._seen_whole.add(path)
            else:
                seen(kind, thing)
            if len(self._seen_whole) == 2:  # before that, a Service would appear to have no endpoints
                self._listen()

    def _service(self, kind: str, service: dict) -> None:
        key = services.key_of(service)
        if kind == "DELETED":
            self._services.pop(key, None)
        else:
            self._services[key] = service
            for sentence in services.not_done(service):
                self._say_once(service, "NotDoneHere", sentence)
        self._wanted = services.listeners(self._config, self._services.values())

    def _slice(self, kind: str, one: dict) -> None:
        owner, name = services.owner_of(one), one["metadata"]["name"]
        slices = self._slices.setdefault(owner, {})
        if kind == "DELETED":
            slices.pop(name, None)
        else:
            slices[name] = one
        found = services.endpoints(self._config, slices.values())
        for key in [key for key in self._endpoints if key[:2] == owner and key[2] not in found]:
            self._endpoints.pop(key)
            self._turns.pop(key, None)
        self._endpoints |= {(*owner, port): addresses for port, addresses in found.items()}
        if not slices:
            self._slices.pop(owner)

    def _say_once(self, service: dict, reason: str, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(service, reason, sentence)

    def _say(self, service: dict, reason: str, sentence: str) -> None:
        """Write a message to the agent's log, and as an event of the Service."""
        log.warning("%s", sentence)
        self._events.note(service, reason, sentence, warning=True)

    # -- listening

    def _listen(self) -> None:
        if self._closed:
            self._wanted = {}
        for address in [address for address in self._listening if address not in self._wanted]:
            self._listening.pop(address).cancel()
            if server := self._servers.pop(address, None):
                server.close()
        for address in self._wanted:
            if address not in self._listening:
                self._listening[address] = asyncio.create_task(self._listen_at(address))

    async def _listen_at(self, address: Address) -> None:
        """Listen at an address; if the port is in use, as soon as it is free."""
        tried = 0
        while error := await self._try_to_listen(address):
            if not tried and (key := self._wanted.get(address)):
                self._say(self._services[key[:2]], "CannotListen", _why_not(address, key, error))
            tried += 1
            await asyncio.sleep(RETRY)
        if tried:
            log.warning("%s:%d is free now, and answers.", *address)

    async def _try_to_listen(self, address: Address) -> OSError | None:
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: Client(self, address), *address, backlog=BACKLOG, start_serving=False
            )
            self._servers[address] = server  # before the next await: `_listen` closes it when it cancels this task
            await server.start_serving()
        except OSError as error:
            if begun := self._servers.pop(address, None):
                begun.close()
            return error
        return None

    # -- sessions

    def opened(self, client: Client) -> None:
        """Register a connection."""
        self._clients.add(client)

    def closed(self, client: Client) -> None:
        """Remove a closed connection."""
        self._clients.discard(client)


class Client(tcp_relay.End):
    """A client's connection to a Service."""

    def __init__(self, balancer: Balancer, address: Address) -> None:
        super().__init__()
        self._balancer, self._address = balancer, address
        self._connecting: asyncio.Task | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._balancer.opened(self)
        if ahead := self._balancer.next_in_turn(self._address):
            self._connecting = asyncio.get_running_loop().create_task(tcp_relay.connect(self, ahead))
        else:
            self.reset()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._balancer.closed(self)


def _why_not(address: Address, key: Key, error: OSError) -> str:
    service = f"Service {key[0]}/{key[1]}"
    if isinstance(error, PermissionError):
        return (
            f"{service} cannot listen on {address[0]}:{address[1]}: ports below 1024 are for root on this machine. "
            "Give it a `port` from 1024 on; its `targetPort` may stay."
        )
    return (
        f"{service} cannot listen on {address[0]}:{address[1]} ({error.strerror or error}): another program holds the port. "
        f"It is tried again every {RETRY:g} s."
    )
