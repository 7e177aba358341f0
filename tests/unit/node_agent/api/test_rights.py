"""A node lets in whom the API server allows, and nobody else."""

from __future__ import annotations

import aiohttp
import pytest
from node_agent.kubelet_api.authorization import subresources

from .authority import ADMIN
from .stack import Stack


def test_rights_are_named_as_a_kubelet_names_them():
    names = ("/pods", "/healthz", "/stats/summary", "/metrics/resource", "/containerLogs/a/b/c", "/exec/a/b/c", "/")
    assert [subresources(name)[0] for name in names] == ["pods", "healthz", "stats", "metrics", *["proxy"] * 3]
    assert subresources("/pods/") == ("pods", "proxy")
    assert subresources("/podsx") == ("proxy",)


def test_who_is_allowed_is_let_in_and_the_api_server_is_asked_once(run):
    async def scenario(stack: Stack) -> None:
        for _ in range(2):
            assert await stack.get("/healthz") == (200, "ok")
        (review,) = stack.reviews
        assert review["user"] == ADMIN[0]
        assert review["groups"] == [ADMIN[1], "system:authenticated"]
        expected = {"verb": "get", "resource": "nodes", "subresource": "healthz", "name": "worker-1", "version": "v1"}
        assert review["resourceAttributes"] == expected
        assert (await stack.get("/pods"))[0] == 200

    run(scenario)


def test_who_is_not_allowed_gets_403(run):
    async def scenario(stack: Stack) -> None:
        status, text = await stack.get("/pods", who="nobody")
        assert status == 403
        assert text == "Forbidden (user=eve, verb=get, resource=nodes, subresource(s)=[pods proxy])\n"
        status, text = await stack.get("/containerLogs/workshop/web-1/web", who="nobody")
        assert (status, len(stack.reviews)) == (403, 2)  # `proxy` was asked before
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await stack.socket(["true"], who="nobody")

    run(scenario)


@pytest.mark.parametrize("who", ["forged", "", "kubelet-serving", "front-proxy"])
def test_a_certificate_that_is_wrong_or_missing_is_refused(run, who):
    async def scenario(stack: Stack) -> None:
        with pytest.raises(aiohttp.ClientError):
            await stack.get("/healthz", who=who)
        assert not stack.reviews

    run(scenario)


def test_nothing_is_allowed_while_the_api_server_is_away(run):
    async def scenario(stack: Stack) -> None:
        stack.api_is_away = True
        assert (await stack.get("/healthz"))[0] == 500
        stack.api_is_away = False
        assert (await stack.get("/healthz"))[0] == 200

    run(scenario)
