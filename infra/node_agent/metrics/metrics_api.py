"""API metrics.k8s.io, for `kubectl top` and for autoscalers: CPU and memory usage of nodes and pods.

The API server forwards such requests to this server after it has authenticated and authorized the client. It presents a
certificate of the front proxy's authority; other clients are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Handler

from node_agent.kubelet_api import tls
from node_agent.metrics import selectors
from node_agent.metrics.usage import Sampler, Usage
from node_agent.model import Config, Registry, RunningPod

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"
FRONT_PROXY = "front-proxy-client"
BASE = f"/apis/{API_VERSION}"


async def serve(config: Config, sampler: Sampler, registry: Registry) -> web.AppRunner:
    """Listen on 127.0.0.1."""
    asked = _Asked(config, sampler, registry)
    app = web.Application(middlewares=[_only_the_front_proxy])
    app.add_routes(
        [
            web.get("/apis", _always(_groups())),
            web.get(f"/apis/{GROUP}", _always(_group())),
            web.get(BASE, _always(_resources())),
            web.get("/openapi/v2", _always(_no_openapi())),
            web.get("/healthz", _always("ok")),
            web.get(f"{BASE}/nodes", asked.nodes),
            web.get(f"{BASE}/nodes/{{name}}", asked.node),
            web.get(f"{BASE}/pods", asked.pods),
            web.get(f"{BASE}/namespaces/{{namespace}}/pods", asked.pods),
            web.get(f"{BASE}/namespaces/{{namespace}}/pods/{{name}}", asked.pod),
        ]
    )
    keys = config.pki("kubelet-serving.crt"), config.pki("kubelet-serving.key")
    made = tls.context(*keys, config.pki("front-proxy-ca.crt"))
    return await tls.listen(app, [("127.0.0.1", config.metrics_port)], made)


def _always(answer: dict | str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=answer) if isinstance(answer, str) else web.json_response(answer)

    return handler


@web.middleware
async def _only_the_front_proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
    if tls.client_of(request)[0] != FRONT_PROXY:
        return _status(403, "Forbidden", "only the API server may send requests")
    try:
        return await handler(request)
    except selectors.BadSelector as error:
        return _status(400, "BadRequest", str(error))
    except web.HTTPNotFound:
        return _status(404, "NotFound", "the server could not find the requested resource")


class _Asked:
    """Request handlers for the usage of nodes and pods."""

    def __init__(self, config: Config, sampler: Sampler, registry: Registry) -> None:
        self._config, self._sampler, self._registry = config, sampler, registry

    async def nodes(self, request: web.Request) -> web.Response:
        found = [metrics for node in self._config.nodes if (metrics := self._of_node(node))]
        return web.json_response(_list("NodeMetricsList", _chosen(request, found)))

    async def node(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        metrics = self._of_node(name) if name in self._config.nodes else None
        return web.json_response(metrics) if metrics else _missing("nodes", name)

    async def pods(self, request: web.Request) -> web.Response:
        namespace = request.match_info.get("namespace")
        here = [pod for pod in self._registry.pods() if namespace in (None, pod.namespace)]
        found = [metrics for pod in here if (metrics := self._of_pod(pod))]
        return web.json_response(_list("PodMetricsList", _chosen(request, found)))

    async def pod(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        pod = self._registry.find(None, request.match_info["namespace"], name)
        metrics = self._of_pod(pod) if pod else None
        return web.json_response(metrics) if metrics else _missing("pods", name)

    def _of_pod(self, pod: RunningPod) -> dict | None:
        usages = self._usages(pod)
        if not usages:
            return None
        meta = {"name": pod.name, "namespace": pod.namespace, "labels": pod.labels}
        containers = [{"name": name, "usage": _amounts([usage])} for name, usage in usages.items()]
        return {**_head("PodMetrics", meta, usages.values()), "containers": containers}

    def _of_node(self, node: str) -> dict | None:
        """Return the NodeMetrics: the sum over its pods, which is 0 without pods."""
        usages = [usage for pod in self._registry.pods(node) for usage in self._usages(pod).values()]
        labels = {"kubernetes.io/hostname": node, "kubernetes.io/os": "linux"}
        return {**_head("NodeMetrics", {"name": node, "labels": labels}, usages), "usage": _amounts(usages)}

    def _usages(self, pod: RunningPod) -> dict[str, Usage]:
        return {name: usage for name in pod.containers if (usage := self._sampler.of(pod.uid, name))}


def _head(kind: str, meta: dict, usages: Iterable[Usage]) -> dict:
    usages = list(usages)
    at = min((usage.at for usage in usages), default=datetime.now(UTC).timestamp())
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    window = max((usage.window for usage in usages), default=10.0)
    about = {"kind": kind, "apiVersion": API_VERSION, "metadata": {**meta, "creationTimestamp": stamp}}
    return {**about, "timestamp": stamp, "window": f"{window:.3f}s"}


def _amounts(usages: list[Usage]) -> dict[str, str]:
    cores, memory = sum(usage.cores for usage in usages), sum(usage.memory for usage in usages)
    return {"cpu": f"{round(cores * 1e9)}n", "memory": f"{memory // 1024}Ki"}


def _chosen(request: web.Request, found: list[dict]) -> list[dict]:
    labels = selectors.matcher(request.query.get("labelSelector", ""))
    known = ("metadata.name", "metadata.namespace")
    fields = selectors.field_matcher(request.query.get("fieldSelector", ""), known)
    return [
        one
        for one in found
        if labels(one["metadata"].get("labels") or {})
        and fields({f"metadata.{name}": value for name, value in one["metadata"].items() if isinstance(value, str)})
    ]


def _list(kind: str, items: list[dict]) -> dict:
    return {"kind": kind, "apiVersion": API_VERSION, "metadata": {}, "items": items}


def _missing(resource: str, name: str) -> web.Response:
    return _status(404, "NotFound", f'{resource}.{GROUP} "{name}" not found: it does not run, or was not measured yet')


def _status(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return web.json_response({**body, "message": message, "reason": reason, "code": code}, status=code)


def _version() -> dict:
    return {"groupVersion": API_VERSION, "version": VERSION}


def _group() -> dict:
    about = {"name": GROUP, "versions": [_version()], "preferredVersion": _version()}
    return {"kind": "APIGroup", "apiVersion": "v1", **about}


def _groups() -> dict:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]}


def _resources() -> dict:
    of_nodes = {"name": "nodes", "singularName": "", "namespaced": False, "kind": "NodeMetrics"}
    of_pods = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics"}
    resources = [{**one, "verbs": ["get", "list"]} for one in (of_nodes, of_pods)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API_VERSION, "resources": resources}


def _no_openapi() -> dict:
    return {"swagger": "2.0", "info": {"title": GROUP, "version": VERSION}, "paths": {}}
