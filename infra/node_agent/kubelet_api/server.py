"""HTTPS API of each node, which the API server calls for `kubectl logs`, `kubectl exec` and the like."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import aclosing

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from node_agent.kubelet_api import exec_socket, node_metrics, tls
from node_agent.kubelet_api.authorization import VERBS, Attempt, Authorizer, subresources
from node_agent.kubelet_api.log_request import LogRequest
from node_agent.metrics.usage import Sampler
from node_agent.model import Api, Config, Registry, RunningContainer, RunningPod

log = logging.getLogger(__name__)

NOT_DONE = {
    "attach": "attach is not supported on nodes without Docker: `kubectl logs -f POD` shows a container's output, and "
    "`kubectl exec -it POD -- sh` runs a shell in it.",
    "portForward": "port-forward is not supported on nodes without Docker: pods are programs of this machine, and "
    "`workshop status` shows the address at which payments answers.",
    "run": "run is not supported on nodes without Docker: use `kubectl exec`.",
}
SPEAK_WEBSOCKET = (
    "this node supports WebSocket only: use kubectl 1.31 or newer, without KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false."
)


async def serve(
    config: Config, registry: Registry, apis: Mapping[str, Api], sampler: Sampler | None = None
) -> web.AppRunner:
    """Listen at the address of each node.

    Args:
        apis: each node's API client, used for authorization.
        sampler: measures the pods; without it, no metrics are reported.
    """
    asked = _Asked(config, registry, sampler)
    app = web.Application(middlewares=[_authorized(asked, Authorizer(apis))])
    container = "{namespace}/{pod}/{container}"
    app.add_routes(
        [
            web.get("/healthz", asked.healthz),
            web.get("/pods", asked.pods),
            web.get("/metrics/resource", asked.metrics),
            web.get("/stats/summary", asked.summary),
            web.get(f"/containerLogs/{container}", asked.logs),
            web.route("*", f"/exec/{container}", asked.exec),
            web.route("*", "/exec/{namespace}/{pod}/{uid}/{container}", asked.exec),
            *(web.route("*", f"/{name}/{{rest:.*}}", _refusing(sentence)) for name, sentence in NOT_DONE.items()),
        ]
    )
    made = tls.context(config.pki("kubelet-serving.crt"), config.pki("kubelet-serving.key"), config.pki("ca.crt"))
    return await tls.listen(app, [(address, config.kubelet_port) for address in asked.addresses], made)


def _authorized(asked: _Asked, authorizer: Authorizer) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        user, groups = tls.client_of(request)
        verb, wanted = VERBS.get(request.method, ""), subresources(request.path)
        attempts = [Attempt(user, tuple(groups), verb, asked.node(request), one) for one in wanted]
        try:
            allowed = await authorizer.allows_one_of(attempts)
        except Exception as error:  # after any error, nothing is allowed
            log.warning("The API server did not answer whether %s may %s %s: %s", user, verb, request.path, error)
            return web.Response(status=500, text=f"Authorization error (user={user}): {error}")
        if not allowed:
            about = f"user={user}, verb={verb}, resource=nodes, subresource(s)=[{' '.join(wanted)}]"
            return web.Response(status=403, text=f"Forbidden ({about})\n")
        return await handler(request)

    return middleware


class _Asked:
    """Request handlers of the nodes."""

    def __init__(self, config: Config, registry: Registry, sampler: Sampler | None) -> None:
        self._registry, self._sampler = registry, sampler
        self.addresses = {config.node_address(node): node for node in config.nodes}

    def node(self, request: web.Request) -> str:
        """Return the node at whose address the request arrived."""
        if request.transport is None:
            raise web.HTTPBadRequest(text="the connection is closed")
        return self.addresses[request.transport.get_extra_info("sockname")[0]]

    async def healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def pods(self, request: web.Request) -> web.Response:
        items = [pod.manifest for pod in self._registry.pods(self.node(request))]
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=node_metrics.prometheus(self._figures(request)))

    async def summary(self, request: web.Request) -> web.Response:
        return web.json_response(node_metrics.summary(self.node(request), self._figures(request)))

    def _figures(self, request: web.Request) -> node_metrics.Found:
        return node_metrics.found(self._registry.pods(self.node(request)), self._sampler)

    async def logs(self, request: web.Request) -> web.StreamResponse:
        pod, container = self._find(request)
        try:
            wanted = LogRequest.of(request.query)
            chunks = wanted.read(pod.name, container)
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async with aclosing(chunks):
            async for chunk in chunks:
                await response.write(chunk)
        return response

    async def exec(self, request: web.Request) -> web.StreamResponse:
        _, container = self._find(request)
        try:
            wanted = exec_socket.Wanted.of(request.query)
        except ValueError as error:
            return _refusal(400, "BadRequest", str(error))
        if container.pid is None:
            return _refusal(404, "NotFound", f'container not found ("{container.name}"): it does not run')
        socket = exec_socket.agreed(request)
        if socket is None:
            return _refusal(501, "NotImplemented", SPEAK_WEBSOCKET)
        return await exec_socket.serve(request, socket, container, wanted)

    def _find(self, request: web.Request) -> tuple[RunningPod, RunningContainer]:
        namespace, name, container = (request.match_info[part] for part in ("namespace", "pod", "container"))
        pod = self._registry.find(self.node(request), namespace, name)
        if pod is None or request.match_info.get("uid", pod.uid) != pod.uid:
            raise web.HTTPNotFound(text=f'pod "{name}" does not exist on this node')
        if container not in pod.containers:
            raise web.HTTPNotFound(text=f'container "{container}" not found in pod "{name}"')
        return pod, pod.containers[container]


def _refusing(sentence: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return _refusal(501, "NotImplemented", sentence)

    return handler


def _refusal(code: int, reason: str, message: str) -> web.Response:
    """Return a metav1.Status; kubectl prints its message even if it requested another protocol."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return web.json_response({**body, "message": message, "reason": reason, "code": code}, status=code)
