"""Failures in a notebook: each ends with a message that names the next step, and without a traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from rich.console import Console
from workshop.stack import lifecycle
from workshop.base import environment
from workshop.notebook.connection import connect
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline

CLIENTS = """from kafka import KafkaConsumer, KafkaProducer, TopicPartition
producer, admin, consumer = KafkaProducer(**ws.kafka), ws.admin(), KafkaConsumer(**ws.kafka)"""
CONNECT = "import workshop\nfrom workshop.notebook import story; from workshop.kafka import consume as reading\nws = workshop.connect()\nstory.ensure(ws)"


class Kernel:
    """A kernel that runs code and returns the error that an attendee would read."""

    def __init__(self, folder: Path) -> None:
        self.notebook = nbformat.v4.new_notebook()
        self.client = NotebookClient(self.notebook, timeout=240, resources={"metadata": {"path": str(folder)}})

    def run(self, code: str) -> str:
        """Run code; return the text of its error, or an empty string."""
        cell = nbformat.v4.new_code_cell(code)
        self.notebook.cells.append(cell)
        try:
            self.client.execute_cell(cell, len(self.notebook.cells) - 1)
        except CellExecutionError:
            error = next(output for output in cell.outputs if output.output_type == "error")
            return "\n".join(error.traceback)
        return ""


@pytest.fixture
def kernel(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    """Yield a kernel with JupyterLab's settings, for a stack of the test that is not started yet."""
    environment.make_folders(stack)
    monkeypatch.setenv("WORKSHOP_STATE", str(stack.common))
    monkeypatch.setenv("IPYTHONDIR", environment.own_folders(stack)["IPYTHONDIR"])
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    kernel = Kernel(stack.state)
    with kernel.client.setup_kernel():
        yield kernel


def told(said: str, *words: str) -> None:
    """Check that a message contains these words, and no traceback."""
    assert "Traceback" not in said
    assert "File " not in said
    assert [word for word in words if word not in said] == [], said


def test_a_day_of_bad_luck(kernel: Kernel, stack: Settings):
    told(kernel.run("producer.flush()"), "'producer' is not defined", "Run All Above Selected Cell")
    told(kernel.run(CONNECT), "the stack is not running", "bootstrap.sh")

    lifecycle.up(stack, Timeline(Console(quiet=True)), with_lab=False)
    assert kernel.run(CONNECT) == ""

    # A topic is deleted while it is read.
    assert kernel.run("gone = ws.fresh_topic('gone')\nws.tidy()") == ""
    told(kernel.run("reading.read_all(ws, gone)"), "There is no topic 'gone-", "Run the cell that creates it")

    # A topic that does not exist is written to, read, and looked up.
    assert kernel.run(CLIENTS) == ""
    for cell in (
        "producer.send('my_topic', b'x')",
        "list(KafkaConsumer('my_topic', **ws.kafka))",
        "KafkaConsumer(**ws.kafka).end_offsets([TopicPartition('my_topic', 0)])",
    ):
        told(kernel.run(cell), "There is no topic 'my_topic'", "Run the cell that creates it")

    # A topic is created twice by hand.
    assert kernel.run("admin.create_topics(['by-hand'])") == ""
    told(kernel.run("admin.create_topics(['by-hand'])"), "TopicAlreadyExistsError")

    # A client is used after a lesson's last cell has closed it.
    assert kernel.run("for client in (producer, admin, consumer):\n    client.close()") == ""
    told(kernel.run("producer.send('payments', b'x')"), "This producer is closed", "Run the cell that creates it again")
    told(kernel.run("admin.create_partitions({'payments': 6})"), "This admin client is closed", "Run the cell")
    told(kernel.run("consumer.poll()"), "This consumer is closed", "Run the cell that creates it again")

    # One broker is dead and another one frozen when a lesson starts.
    os.environ["WORKSHOP_STATE"] = str(stack.common)
    brokers = connect().brokers
    brokers.kill(1)
    brokers.pause(2)
    assert kernel.run(CONNECT) == ""
    assert set(brokers.states().values()) == {"running"}

    # An interrupted experiment restores the brokers.
    broken = "with ws.brokers.restored_afterwards():\n    ws.brokers.kill(3)\n    raise KeyboardInterrupt"
    told(kernel.run(broken), "This cell was stopped before its end", "Run it again from its beginning")
    assert set(brokers.states().values()) == {"running"}

    # `down` while a lesson runs.
    assert kernel.run("from kafka import KafkaProducer\np = KafkaProducer(**ws.kafka, max_block_ms=3000)") == ""
    lifecycle.down(stack)
    told(kernel.run("p.send('payments', b'x').get(timeout=3)"), "do not answer any more", "workshop up")
    told(kernel.run("ws.brokers.kill(1)"), "kafka-1 does not run", "workshop status")
