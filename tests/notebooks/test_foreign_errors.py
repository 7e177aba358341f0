"""Errors of other libraries in a real kernel: messages with the command to run, and without a traceback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from workshop.base import environment
from workshop.base.settings import Settings


class Kernel:
    """A kernel that runs code and returns the complete output below the cell."""

    def __init__(self, folder: Path) -> None:
        self.notebook = nbformat.v4.new_notebook()
        resources = {"metadata": {"path": str(folder)}}
        self.client = NotebookClient(self.notebook, timeout=240, allow_errors=True, resources=resources)

    def run(self, code: str) -> str:
        cell = nbformat.v4.new_code_cell(code)
        self.notebook.cells.append(cell)
        self.client.execute_cell(cell, len(self.notebook.cells) - 1)
        return "\n".join(
            "\n".join(output.traceback) if output.output_type == "error" else str(output.get("text", output))
            for output in cell.outputs
        )


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Yield a kernel with JupyterLab's settings, for a state folder without a running stack."""
    settings = Settings(root=Path(__file__).parents[2], state=tmp_path_factory.mktemp("state"), cache=Path("unused"))
    environment.make_folders(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_STATE", str(settings.state))
        patch.setenv("IPYTHONDIR", environment.own_folders(settings)["IPYTHONDIR"])
        kernel = Kernel(settings.state)
        with kernel.client.setup_kernel():
            kernel.run(f"PORT, folder = {unused_port()}, {str(settings.state)!r}")
            yield kernel


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


REPAIR = "`workshop up"
MET = {
    "httpx": (
        "import httpx\nhttpx.get(f'http://127.0.0.1:{PORT}/balance?id=1')",
        "No server answers at http://127.0.0.1:",
    ),
    "requests": (
        "import requests\nrequests.get(f'http://127.0.0.1:{PORT}/')",
        "No server answers at http://127.0.0.1:",
    ),
    "urllib": ("import urllib.request\nurllib.request.urlopen(f'http://127.0.0.1:{PORT}/')", "No server answers"),
    "urllib3": (
        "import urllib3\nurllib3.PoolManager(retries=0).request('GET', f'http://127.0.0.1:{PORT}/')",
        "No server answers at 127.0.0.1:",
    ),
    "aiohttp": (
        "import aiohttp\nasync with aiohttp.ClientSession() as s:\n    await s.get(f'http://127.0.0.1:{PORT}/')",
        "No server answers at 127.0.0.1:",
    ),
    "socket": ("import socket\nsocket.create_connection(('127.0.0.1', PORT))", "No server answers"),
    "kubernetes, nobody there": (
        "from kubernetes import client\nc = client.Configuration(host=f'http://127.0.0.1:{PORT}')\nc.retries = 0\n"
        "client.CoreV1Api(client.ApiClient(c)).list_node()",
        "No server answers at 127.0.0.1:",
    ),
    "kubernetes, no configuration": (
        "from kubernetes import config\nconfig.load_kube_config(folder + '/none')",
        "There is no way to Kubernetes yet",
    ),
    "psycopg": (
        "import psycopg\npsycopg.connect(f'postgresql://x@127.0.0.1:{PORT}/bank', connect_timeout=5)",
        "PostgreSQL does not answer",
    ),
    "subprocess": (
        "import subprocess\nsubprocess.run(['sh', '-c', 'echo no such pod >&2; exit 7'], check=True, capture_output=True)",
        "ended with exit code 7",
    ),
    "a slow command": ("import subprocess\nsubprocess.run(['sleep', '60'], timeout=0.1)", "did not end within 0.1 s"),
    "a script": ("%%sh\necho said\nexit 5", "ended with exit code 5"),
    "confluent-kafka": (
        "import confluent_kafka\nfrom confluent_kafka.admin import AdminClient\n"
        "AdminClient({'bootstrap.servers': f'127.0.0.1:{PORT}', 'log_level': 0}).list_topics(timeout=2)",
        "Kafka reports _TRANSPORT",
    ),
}


@pytest.mark.parametrize("name", MET)
def test_an_error_that_lessons_meet_is_a_sentence_with_the_command_to_run(kernel: Kernel, name: str):
    code, fact = MET[name]
    shown = kernel.run(code)
    assert fact in shown
    assert REPAIR in shown
    assert "Traceback" not in shown
    assert "site-packages" not in shown
    assert len(shown.splitlines()) <= 6, shown


def test_kubernetes_refusal_is_told_in_its_own_words(kernel: Kernel):
    body = '{"kind": "Status", "message": "pods \\\\"x\\\\" not found", "code": 404}'
    code = f"from kubernetes.client import ApiException\nerror = ApiException(404, 'Not Found')\nerror.body = '{body}'\nraise error"
    shown = kernel.run(code)
    assert 'Kubernetes answers 404: pods "x" not found.' in shown
    assert "in line 4: raise error" in shown
    assert "Traceback" not in shown


def test_the_cells_line_is_shown_also_where_a_function_of_another_cell_failed(kernel: Kernel):
    kernel.run("import subprocess\ndef fails():\n    return subprocess.check_output(['false'])")
    assert "in line 3: return subprocess.check_output(['false'])" in kernel.run("fails()")


def test_an_attendees_own_error_keeps_its_traceback(kernel: Kernel):
    shown = kernel.run("def half(n):\n    return n / 0\nhalf(3)")
    assert "ZeroDivisionError" in shown
    assert "Traceback" in shown
    assert "half" in shown
    assert "Unexpected" not in shown
    shown = kernel.run("x = = 3")
    assert "SyntaxError" in shown
    assert "invalid syntax" in shown
    assert "showsyntaxerror" not in shown


def test_what_happens_in_the_background_is_one_sentence_or_nothing(kernel: Kernel):
    thread = "import threading\ndef work():\n    raise ValueError('no such thing')\nt = threading.Thread(target=work)\n"
    shown = kernel.run(f"{thread}t.start()\nt.join()")
    assert "A background thread ended: ValueError: no such thing" in shown
    assert "Traceback" not in shown
    finalizer = "import gc\nclass Client:\n    def __del__(self):\n        raise OSError('closed')\nclient = Client()\n"
    assert kernel.run(f"{finalizer}del client\ngc.collect();") == ""
    library = "import logging\nlogging.getLogger('kafka.conn').error('Connection refused')\n"
    assert kernel.run(library) == ""
    assert "mine" in kernel.run("logging.getLogger('mine').warning('mine')")
    log = kernel.run("print(open(folder + '/logs/errors.log').read())")
    assert [word for word in ("no such thing", "closed", "Connection refused") if word not in log] == []
