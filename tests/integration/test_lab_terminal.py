"""JupyterLab's terminal: `workshop status` works there, as the messages require."""

from __future__ import annotations

import json
import urllib.request
from contextlib import closing

import pytest
import websocket
from workshop.base import environment
from workshop.base.ports import free_block
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.stack import lab

MARK = "typed"


def answer(terminal: websocket.WebSocket, command: str) -> str:
    """Type a command; return the output of the terminal up to the line that ends it."""
    terminal.send(json.dumps(["stdin", f"{command}; echo {MARK}-$((40 + 2))\r"]))
    shown = ""
    while f"{MARK}-42" not in shown:
        kind, *content = json.loads(terminal.recv())
        shown += content[0] if kind == "stdout" else ""
    return shown


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_workshop_is_found_in_labs_terminal(stack: Settings, monkeypatch: pytest.MonkeyPatch, shell: str):
    monkeypatch.setenv("SHELL", shell)
    environment.make_folders(stack)
    port = free_block(stack).lab
    lab.start(stack, port)
    lab.wait(stack, port)
    token = {"Authorization": f"token {lab.token(stack)}"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/api/terminals", method="POST", headers=token)
    with urllib.request.urlopen(asked, timeout=60) as made:
        name = json.load(made)["name"]
    address = f"ws://127.0.0.1:{port}/terminals/websocket/{name}"
    with closing(websocket.create_connection(address, timeout=120, header=token)) as terminal:
        assert str(stack.python_bin / "workshop") in answer(terminal, "command -v workshop").replace("\r\n", "")
        assert "no broker answers" in answer(terminal, "workshop status")
    assert Processes(stack.state).stop([lab.NAME]) == [lab.NAME]
