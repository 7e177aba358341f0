"""A headless Chromium, driven by the DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket
from workshop.base.waiting import wait_until

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WAIT = 240.0  # seconds, for a start or a page on a busy machine
HEIGHT = 900  # pixels
SHORT = "/tmp"  # Chromium opens a socket in its folder; the address of a socket has at most 107 bytes
OPTIONS = (
    "--headless",
    "--no-sandbox",  # root and many containers have none; the pages are the project's own
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)


def program() -> str | None:
    """Return the path of an installed Chromium, or None. A script that only says how to install one does not count."""
    return next(filter(_runs, filter(None, map(shutil.which, PROGRAMS))), None)


def _runs(path: str) -> bool:
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Browser:
    """One tab.

    Attributes:
        requested: the addresses that the current page has requested.
        errors: the errors in the console of the current page, and its exceptions.
    """

    def __init__(self, connection: websocket.WebSocket) -> None:
        self._connection, self._number = connection, 0
        self._loaded = False
        self.requested: list[str] = []
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, (method, message)
                return message["result"]

    def open(self, address: str) -> None:
        """Open a page, and wait until it is loaded."""
        self.requested, self.errors, self._loaded = [], [], False
        self.call("Page.navigate", url=address)
        while not self._loaded:
            self._receive()

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in the page; a promise is awaited."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, (script[:200], found["exceptionDetails"])
        return found["result"].get("value")

    def wait_for(self, script: str, what: str) -> Any:
        """Wait until an expression is true in the page, and return its value."""
        return wait_until(lambda: self.evaluate(script), WAIT, what)

    def resize(self, width: int) -> None:
        """Give the window this width in pixels."""
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, theme: str, motion: str = "no-preference") -> None:
        """Prefer a `light` or a `dark` theme, and optionally to `reduce` motion."""
        wishes = {"prefers-color-scheme": theme, "prefers-reduced-motion": motion}
        self.call("Emulation.setEmulatedMedia", features=[{"name": name, "value": wishes[name]} for name in wishes])

    def press(self, key: str) -> None:
        """Press a key, such as `Tab`."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowRight": 39}[key]
        text = {"text": "\r"} if key == "Enter" else {}  # without its text, Enter does not press a button
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def photograph(self, path: Path) -> None:
        """Write a picture of the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _receive(self) -> dict[str, Any]:
        message = json.loads(self._connection.recv())
        parameters = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requested.append(parameters["request"]["url"])
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "assert"):
                self.errors.append(str([one.get("value") for one in parameters["args"]]))
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        return message


@contextmanager
def opened(path: str) -> Iterator[Browser]:
    """Start a Chromium, and yield its tab; at the end it is stopped."""
    with tempfile.TemporaryDirectory(dir=SHORT, ignore_cleanup_errors=True) as profile:
        words = [path, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        log = Path(profile) / "log"
        # Chromium's own processes would outlive it: they get a session, which is ended as a whole.
        with log.open("wb") as told:
            process = subprocess.Popen(
                words, stdout=told, stderr=told, env={**os.environ, "TMPDIR": profile}, start_new_session=True
            )
        try:
            connection = websocket.create_connection(_tab(Path(profile), process, log), timeout=WAIT)
            with contextlib.closing(connection):
                yield Browser(connection)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            process.wait(timeout=60)


def _tab(profile: Path, process: subprocess.Popen, log: Path) -> str:
    """Return the address of the first tab, after Chromium has written its port."""
    file = profile / "DevToolsActivePort"

    def listens() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        return file.exists() and "\n" in file.read_text()

    wait_until(listens, WAIT, "Chromium to listen")
    port = file.read_text().split()[0]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def tab() -> str | None:
        tabs = json.load(opener.open(f"http://127.0.0.1:{port}/json", timeout=WAIT))
        return next((one["webSocketDebuggerUrl"] for one in tabs if one["type"] == "page"), None)

    return wait_until(tab, WAIT, "Chromium's first tab")
