"""A node's own API lets in whom the API server allows, shows logs, and runs programs in containers."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import random
import socket
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from workshop.controlplane.addresses import Addresses
from workshop.node_agent import metrics_api, server, tree
from workshop.node_agent.authorization import subresources
from workshop.node_agent.logs import ContainerLog
from workshop.node_agent.metrics import Usage
from workshop.node_agent.model import Config

FIRST_PORT = 1024 + 20 * random.randint(100, 240)
ADMIN, NOBODY = ("kube-apiserver-kubelet-client", "system:masters"), ("eve", "guests")
EXEC = "/exec/workshop/web-1/web"


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


def test_each_node_shows_its_own_pods_only(run):
    async def scenario(stack: Stack) -> None:
        assert json.loads((await stack.get("/pods"))[1])["items"] == [stack.pod.manifest]
        assert json.loads((await stack.get("/pods", node="worker-2"))[1])["items"] == []
        status, text = await stack.get("/containerLogs/workshop/web-1/web", node="worker-2")
        assert (status, text) == (404, 'pod "web-1" does not exist on this node')

    run(scenario)


def test_logs_are_shown_as_asked(run):
    async def scenario(stack: Stack) -> None:
        path = "/containerLogs/workshop/web-1/"
        await stack.container.prints(b"one\ntwo\nthree\n")
        assert await stack.get(path + "web") == (200, "one\ntwo\nthree\n")
        assert await stack.get(path + "web", tailLines="2", limitBytes="5") == (200, "two\nt")
        later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        assert await stack.get(path + "web", sinceTime=later) == (200, "")
        assert (await stack.get(path + "web", timestamps="true"))[1].split("\n")[0].endswith("Z one")
        assert await stack.get(path + "web", tailLines="-1") == (400, "tailLines must be a number, 0 or more: -1")
        assert (await stack.get(path + "other"))[0] == 404

    run(scenario)


def test_logs_of_what_has_not_started_are_a_sentence(run):
    async def scenario(stack: Stack) -> None:
        stack.container.state = {"waiting": {"reason": "ImagePullBackOff"}}
        status, text = await stack.get("/containerLogs/workshop/web-1/web")
        assert (status, text) == (400, 'container "web" in pod "web-1" is waiting to start: ImagePullBackOff')
        status, text = await stack.get("/containerLogs/workshop/web-1/web", previous="true")
        assert (status, text) == (400, 'previous terminated container "web" in pod "web-1" not found')

    run(scenario)


def test_logs_of_the_attempt_before(run):
    async def scenario(stack: Stack) -> None:
        path = "/containerLogs/workshop/web-1/web"
        await stack.container.prints(b"first\n")
        stack.container.begin()
        await stack.container.prints(b"second\n")
        assert await stack.get(path) == (200, "second\n")
        assert await stack.get(path, previous="true") == (200, "first\n")
        stack.container.state = {"waiting": {"reason": "CrashLoopBackOff"}}
        assert await stack.get(path, previous="true") == (200, "second\n")

    run(scenario)


def test_logs_are_followed_until_the_container_has_ended(run):
    async def scenario(stack: Stack) -> None:
        await stack.container.prints(b"one\n")
        following = asyncio.create_task(stack.get("/containerLogs/workshop/web-1/web", follow="true"))
        await asyncio.sleep(0.3)
        await stack.container.prints(b"two\n")
        await asyncio.sleep(0.3)
        assert not following.done()
        stack.container.over = True
        assert await following == (200, "one\ntwo\n")

    run(scenario)


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_a_program_runs_and_its_streams_and_exit_code_are_told(run, protocol):
    async def scenario(stack: Stack) -> None:
        found = await stack.exec(["sh", "-c", "echo out; echo err >&2; exit 3"], protocol=protocol)
        assert (found.stdout, found.stderr) == (b"out\n", b"err\n")
        assert found.status["reason"] == "NonZeroExitCode"
        assert found.status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
        assert found.protocol == protocol
        assert (await stack.exec(["true"])).status == {"metadata": {}, "status": "Success"}
        killed = await stack.exec(["sh", "-c", "kill -9 $$"])
        assert killed.status["details"]["causes"][0]["message"] == "137"

    run(scenario)


def test_what_is_typed_arrives_and_its_end_too(run):
    async def scenario(stack: Stack) -> None:
        socket = await stack.socket(["cat"], stdin=True)
        text = random.randbytes(300_000)
        for start in range(0, len(text), 30_000):
            await socket.send_bytes(b"\0" + text[start : start + 30_000])
        await socket.send_bytes(b"\xff\0")
        found = await all_of(socket)
        assert found.stdout == text
        assert found.status["status"] == "Success"

    run(scenario)


def test_much_output_arrives_whole_although_the_client_is_slow(run):
    async def scenario(stack: Stack) -> None:
        socket = await stack.socket([sys.executable, "-c", "print('x' * 5_000_000)"])
        await asyncio.sleep(1.5)
        assert (await all_of(socket)).stdout == b"x" * 5_000_000 + b"\n"

    run(scenario)


def test_what_runs_on_in_the_background_is_not_waited_for(run):
    async def scenario(stack: Stack) -> None:
        found = await stack.exec(["sh", "-c", "sleep 30 & echo $!"])  # a scenario may take 20 s
        os.kill(int(found.stdout), 9)
        assert found.status["status"] == "Success"

    run(scenario)


def test_a_program_that_is_not_there_is_a_sentence(run):
    async def scenario(stack: Stack) -> None:
        found = await stack.exec(["no-such-program"])
        assert found.status["reason"] == "InternalError"
        assert 'exec: "no-such-program": executable file not found in $PATH' in found.status["message"]

    run(scenario)


def test_a_terminal_has_a_size_echoes_and_passes_ctrl_c_on(run):
    async def scenario(stack: Stack) -> None:
        # It sleeps in short pieces: a signal just before a sleep shows only after it.
        program = "import os, time; x = input(); print(*os.get_terminal_size(), 'got', x)\nwhile True: time.sleep(0.1)"
        socket = await stack.socket([sys.executable, "-c", program], stdin=True, tty=True)
        await socket.send_bytes(b'\x04{"Width": 101, "Height": 33}')
        await socket.send_bytes(b"\0hello\r")
        seen = b""
        while b"101 33 got hello\r\n" not in seen:
            seen += (await socket.receive_bytes())[1:]
        assert b"hello\r\n" in seen  # the echo
        await socket.send_bytes(b"\0\x03")
        found = await all_of(socket)
        assert found.status["details"]["causes"][0]["message"] == "130"

    run(scenario)


def test_a_program_ends_when_its_client_goes_away(run):
    async def scenario(stack: Stack) -> None:
        for rude in (False, True):
            socket = await stack.socket(["sh", "-c", "echo $$; sleep 60"], stdin=True)
            number = b""
            while not number.endswith(b"\n"):
                number += (await socket.receive_bytes())[1:]
            if rude:
                socket._response.connection.transport.abort()
            else:
                await socket.close()
            await until(lambda number=int(number): not lives(number))

    run(scenario)


def test_what_is_not_done_says_so(run):
    async def scenario(stack: Stack) -> None:
        for path in ("/attach/workshop/web-1/web", "/portForward/workshop/web-1", "/run/workshop/web-1/web"):
            status, text = await stack.get(
                path, method="POST", headers={"Upgrade": "SPDY/3.1", "Connection": "Upgrade"}
            )
            assert status == 501
            assert json.loads(text)["message"].endswith(".")
        status, text = await stack.get(EXEC, method="POST", command="true", output="1")
        assert (status, json.loads(text)["reason"]) == (501, "NotImplemented")

    run(scenario)


def test_exec_that_cannot_be_is_refused_at_once(run):
    async def scenario(stack: Stack) -> None:
        assert (await stack.get(EXEC, output="1"))[0] == 400
        assert (await stack.get(EXEC, command="true"))[0] == 400
        stack.container.pid = None
        status, text = await stack.get(EXEC, command="true", output="1")
        assert status == 404
        assert json.loads(text)["message"] == 'container not found ("web"): it does not run'

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
        return await tree.start(argv, dict(os.environ), self._folder, tty=tty, **pipes)


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


class Authority:
    """Signs certificates."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        extension = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = self._begun(self._name, self._key).add_extension(extension, critical=True)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self._certificate = self._certificate.add_extension(usage, critical=True)
        self._certificate = self._certificate.sign(self._key, hashes.SHA256())

    def write(self, path: Path) -> None:
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, folder: Path, file: str, subject: tuple[str, str]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        kinds = (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME)
        name = x509.Name([x509.NameAttribute(*one) for one in zip(kinds, subject, strict=True)])
        use = x509.ExtendedKeyUsageOID
        serves = file.endswith("serving")
        usage = x509.ExtendedKeyUsage([use.SERVER_AUTH if serves else use.CLIENT_AUTH])
        places = [Addresses(FIRST_PORT).node(number) for number in (1, 2, 3)] + ["127.0.0.1"]
        names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(place)) for place in places)]
        made = self._begun(name, key).add_extension(usage, critical=False)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = made.sign(self._key, hashes.SHA256())
        (folder / f"{file}.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / f"{file}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        return made.not_valid_after(now + timedelta(hours=1))


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
