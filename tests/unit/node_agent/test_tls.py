"""HTTPS for clients that have a certificate of the right authority: real connections, real certificates."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from node_agent.kubelet_api import tls

from .api.authority import ADMIN, NOBODY, Authority

Scenario = Callable[[int], Awaitable[None]]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates of a server and a client by one authority, and of a client by another one."""
    folder = tmp_path_factory.mktemp("pki")
    ours, theirs = Authority("ours"), Authority("theirs")
    ours.write(folder / "ours.crt")
    ours.sign(folder, "serving", ("worker-1", "nodes"))
    ours.sign(folder, "admin", ADMIN)
    theirs.sign(folder, "stranger", NOBODY)
    return folder


def client(pki: Path, name: str | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(pki / "ours.crt"))
    if name:
        made.load_cert_chain(pki / f"{name}.crt", pki / f"{name}.key")
    return made


def serve(pki: Path, scenario: Scenario) -> None:
    async def who(request: web.Request) -> web.Response:
        name, groups = tls.client_of(request)
        return web.json_response({"name": name, "groups": groups})

    async def bounded() -> None:
        app = web.Application()
        app.router.add_get("/", who)
        made = tls.context(pki / "serving.crt", pki / "serving.key", pki / "ours.crt")
        runner = await tls.listen(app, [("127.0.0.1", 0)], made)
        try:
            async with asyncio.timeout(30):
                await scenario(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    asyncio.run(bounded())


def test_a_client_is_known_by_the_name_and_the_groups_of_its_certificate(pki: Path):
    async def scenario(port: int) -> None:
        async with aiohttp.ClientSession() as session:
            answer = await session.get(f"https://127.0.0.1:{port}/", ssl=client(pki, "admin"))
            assert await answer.json() == {"name": ADMIN[0], "groups": [ADMIN[1]]}

    serve(pki, scenario)


@pytest.mark.parametrize("name", [None, "stranger"])
def test_a_client_without_a_certificate_of_the_authority_gets_no_answer(pki: Path, name: str | None):
    async def scenario(port: int) -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises((aiohttp.ClientError, OSError)):
                await session.get(f"https://127.0.0.1:{port}/", ssl=client(pki, name))

    serve(pki, scenario)


def test_old_versions_of_tls_are_refused(pki: Path):
    made = tls.context(pki / "serving.crt", pki / "serving.key", pki / "ours.crt")
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert made.verify_mode == ssl.CERT_REQUIRED


def test_a_port_that_is_taken_is_an_error_and_the_other_addresses_are_given_back(pki: Path):
    made = tls.context(pki / "serving.crt", pki / "serving.key", pki / "ours.crt")
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port, free_port = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        with pytest.raises(OSError, match="address"):
            asyncio.run(tls.listen(web.Application(), [("127.0.0.1", free_port), ("127.0.0.1", port)], made))
        with socket.create_server(("127.0.0.1", free_port)):
            pass


def test_a_request_without_a_connection_is_nobodys(pki: Path):
    class Request:
        transport = None

    assert tls.client_of(Request()) == ("", [])
