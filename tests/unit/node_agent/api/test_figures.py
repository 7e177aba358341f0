"""What a node tells of its pods and of what they use, and Kubernetes' metrics API."""

from __future__ import annotations

import json

import aiohttp
import pytest
from node_agent.metrics import metrics_api

from .stack import Stack


def test_each_node_shows_its_own_pods_only(run):
    async def scenario(stack: Stack) -> None:
        assert json.loads((await stack.get("/pods"))[1])["items"] == [stack.pod.manifest]
        assert json.loads((await stack.get("/pods", node="worker-2"))[1])["items"] == []
        status, text = await stack.get("/containerLogs/workshop/web-1/web", node="worker-2")
        assert (status, text) == (404, 'pod "web-1" does not exist on this node')

    run(scenario)


def test_figures_of_the_node(run):
    async def scenario(stack: Stack) -> None:
        _, text = await stack.get("/metrics/resource")
        assert 'container_memory_working_set_bytes{container="web",pod="web-1",namespace="workshop"} 1024 ' in text
        assert json.loads((await stack.get("/stats/summary"))[1])["node"]["cpu"]["usageNanoCores"] == 500_000_000

    run(scenario)


def test_the_metrics_api_lets_in_the_front_proxy_alone(run):
    async def scenario(stack: Stack) -> None:
        runner = await metrics_api.serve(stack.config, stack.sampler, stack.registry)
        base = f"https://localhost:{stack.config.metrics_port}"
        status, text = await stack.ask(base + "/apis/metrics.k8s.io/v1beta1", "front-proxy")
        assert (status, json.loads(text)["kind"]) == (200, "APIResourceList")
        status, text = await stack.ask(base + "/apis/metrics.k8s.io/v1beta1/pods", "front-proxy")
        assert [pod["metadata"]["name"] for pod in json.loads(text)["items"]] == ["web-1"]
        status, text = await stack.ask(base + "/apis/metrics.k8s.io/v1beta1/pods?labelSelector=a+in", "front-proxy")
        assert status == 400
        assert (await stack.ask(base + "/no/such/path", "front-proxy"))[0] == 404
        assert (await stack.ask(base + "/apis", "stranger"))[0] == 403
        for who in ("admin", ""):
            with pytest.raises(aiohttp.ClientError):
                await stack.ask(base + "/apis", who)
        await runner.cleanup()

    run(scenario)
