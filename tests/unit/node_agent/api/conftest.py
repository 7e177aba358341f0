"""A node's own API, served for each test, and the certificates of those who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from .authority import ADMIN, NOBODY, Authority
from .stack import Stack


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kubernetes")
    (folder / "pki").mkdir()
    authority = Authority("cluster")
    authority.write(folder / "pki" / "ca.crt")
    authority.sign(folder / "pki", "kubelet-serving", ("kubelet", "nodes"))
    authority.sign(folder / "pki", "admin", ADMIN)
    authority.sign(folder / "pki", "nobody", NOBODY)
    front = Authority("front-proxy")
    front.write(folder / "pki" / "front-proxy-ca.crt")
    front.sign(folder / "pki", "front-proxy", ("front-proxy-client", "x"))
    front.sign(folder / "pki", "stranger", ("somebody", "system:masters"))
    Authority("cluster").sign(folder / "pki", "forged", ADMIN)
    return folder


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request, keys, tmp_path):
    def run_in(scenario: Callable[[Stack], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with Stack(keys, tmp_path) as stack:
                await scenario(stack)

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(whole(), 20))

    return run_in
