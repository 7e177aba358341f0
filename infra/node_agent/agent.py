"""Main program of the node agent: three nodes, the HTTPS servers for the API server, and the balancer of Services.

python -m node_agent.agent CONFIG.json
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from node_agent.api import Api
from node_agent.kubelet.node import Node
from node_agent.kubelet.pod import Pod
from node_agent.kubelet_api import server
from node_agent.metrics import metrics_api
from node_agent.metrics.usage import Sampler
from node_agent.model import Config
from node_agent.processes import process_tree
from node_agent.proxy import egress
from node_agent.proxy.balancer import Balancer

log = logging.getLogger("node agent")
GRACE = 8.0  # seconds; grace period of all pods when the whole stack is stopped


class Agent:
    """All nodes of the agent, as one registry of pods (`node_agent.model.Registry`)."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._proxy = self._api("kube-proxy")
        self.balancer = Balancer(config, self._proxy)
        links = self.balancer.environment_of
        self.nodes = [
            Node(config, name, number, self._api(f"node-{name}"), links, self.pods)
            for number, name in enumerate(config.nodes, start=1)
        ]

    def _api(self, name: str) -> Api:
        config = self.config
        return Api(config.api, config.pki("ca.crt"), config.pki(f"{name}.crt"), config.pki(f"{name}.key"))

    def pods(self, node: str | None = None) -> list[Pod]:
        """Return the pods of a node, or of all nodes."""
        return [pod for one in self.nodes if node in (None, one.name) for pod in one.pods.values()]

    def find(self, node: str | None, namespace: str, name: str) -> Pod | None:
        """Return a pod by its name.

        A pod that is being deleted can have a successor with the same name, which then comes first.
        """
        found = [pod for pod in self.pods(node) if (pod.namespace, pod.name) == (namespace, name)]
        return min(reversed(found), key=lambda pod: "deletionTimestamp" in pod.manifest["metadata"], default=None)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT, then stop all pods."""
        for node in self.nodes:
            process_tree.sweep(
                Node.MARK, str(node.folder)
            )  # processes of an earlier agent that was killed together with its supervisor
        leave = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, leave.set)
        sampler = Sampler(self)
        apis = {node.name: node.api for node in self.nodes}
        servers = [
            await server.serve(self.config, self, apis, sampler),
            await metrics_api.serve(self.config, sampler, self),
        ]
        way_in = await egress.serve(self.config.folder, self.config.to_loopback)
        works = [self.balancer.run(), sampler.run(), *(node.run() for node in self.nodes)]
        tasks = [asyncio.create_task(work) for work in works]
        log.info("The agent of %s runs.", ", ".join(self.config.nodes))
        leaving = asyncio.create_task(leave.wait())
        await asyncio.wait((leaving, *tasks), return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and task.exception():
                log.error("A part of the agent failed; the whole agent is restarted.", exc_info=task.exception())
        way_in.close()
        await self._close(tasks, servers)

    async def _close(self, tasks: list[asyncio.Task], servers: list) -> None:
        self.balancer.stop_listening()
        await asyncio.gather(*(node.leave(GRACE) for node in self.nodes))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.balancer.close()
        for one in servers:
            await one.cleanup()
        for api in (self._proxy, *(node.api for node in self.nodes)):
            await api.close()
        log.info("The agent has stopped.")


async def main(path: Path) -> None:
    """Run the agent with the given settings file."""
    await Agent(Config.load(path)).run()


if __name__ == "__main__":
    import uvloop

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    try:
        uvloop.run(main(Path(sys.argv[1])))
    except OSError as error:  # a port in use, a missing settings file
        log.error("The agent cannot run: %s.", error)
        sys.exit(1)
