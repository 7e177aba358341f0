"""What a notebook says of the other open ones when memory runs short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from jupyter_client.manager import start_new_kernel
from workshop.notebook import open_lessons

ASK = """
from types import SimpleNamespace
from workshop.notebook import open_lessons
open_lessons.psutil.virtual_memory = lambda: SimpleNamespace(available={free})
print(open_lessons.advice())
"""


@pytest.fixture
def kernels() -> Iterator[list]:
    """The clients of two kernels that one process has started, as Lab does."""
    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            manager, client = start_new_kernel(startup_timeout=120)
            stack.callback(manager.shutdown_kernel, now=True)
            stack.callback(client.stop_channels)
            clients.append(client)
        yield clients


def said(client, code: str) -> str:
    """What a kernel prints."""
    printed: list[str] = []

    def hear(message: dict) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, output_hook=hear, timeout=120)
    assert reply["content"]["status"] == "ok", reply
    return "".join(printed).strip()


def test_a_notebook_knows_the_others_and_what_they_hold(kernels: list) -> None:
    text = said(kernels[0], ASK.format(free=412_000_000))
    assert text.startswith("Memory runs short: 412 MB are available, and 1 other open notebook holds ")
    held = int(text.partition("holds ")[2].partition(" MB")[0])
    assert 20 < held < 1000
    assert text.endswith(" MB. Close the tabs of lessons that you are done with.")


def test_with_memory_enough_nothing_is_said(kernels: list) -> None:
    assert said(kernels[0], ASK.format(free=3_000_000_000)) == ""


def test_where_no_other_notebook_is_open_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_lessons.psutil, "virtual_memory", lambda: SimpleNamespace(available=1))
    assert open_lessons.advice() == ""
