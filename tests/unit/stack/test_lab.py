"""JupyterLab as a component: its arguments, its token, and whether a server is ours. A real HTTP server answers."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.processes import Component, Processes
from workshop.base.settings import Settings
from workshop.stack import lab


def test_the_token_is_made_once_and_readable_by_its_user_only(settings: Settings):
    token = lab.token(settings)
    assert len(token) == 48
    assert lab.token(settings) == token
    assert (settings.state / "lab.token").stat().st_mode & 0o777 == 0o600


def test_the_token_is_not_on_the_command_line(settings: Settings):
    component = lab.component(settings, 20_019)
    assert component.env["JUPYTER_TOKEN"] == lab.token(settings)
    assert lab.token(settings) not in " ".join(component.argv)


def test_lab_listens_on_this_machine_at_its_own_port_only(settings: Settings):
    argv = lab.component(settings, 20_019).argv
    assert "--ServerApp.ip=127.0.0.1" in argv
    assert "--ServerApp.port=20019" in argv
    assert "--ServerApp.port_retries=0" in argv
    assert lab.component(settings, 20_019).ports == (20_019,)


def test_the_address_leads_to_the_first_lesson_with_the_token(settings: Settings):
    expected = f"http://127.0.0.1:5/lab/tree/notebooks/00_start_here.ipynb?token={lab.token(settings)}"
    assert lab.url(settings, 5) == expected


def test_starting_writes_the_defaults_and_starts_one_component(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    started: list[Component] = []
    monkeypatch.setattr(Processes, "start", lambda self, component: started.append(component))
    lab.start(settings, 20_019)
    (component,) = started
    assert component.name == lab.NAME
    defaults = settings.state / "home/jupyter/config/labconfig/default_setting_overrides.json"
    assert json.loads(defaults.read_text()) == lab.DEFAULTS
    server = settings.state / "home/jupyter/config/jupyter_server_config.json"
    assert json.loads(server.read_text()) == lab.SERVER


@pytest.mark.parametrize("plugin", [name for name in lab.DEFAULTS if not name.endswith(":notification")])
def test_each_default_is_a_setting_of_the_installed_version(plugin: str):
    extension, _, name = plugin.partition(":")
    share = Path(sys.prefix) / "share" / "jupyter"
    folders = (share / "lab" / "schemas", share / "labextensions" / extension / "schemas")
    (schema,) = [path for folder in folders if (path := folder / extension / f"{name}.json").exists()]
    assert set(lab.DEFAULTS[plugin]) <= set(json.loads(schema.read_text())["properties"])


def test_memory_is_shown_in_the_status_bar():
    """The extension is part of the server, and of the page, without a setting."""
    assert importlib.util.find_spec("jupyter_resource_usage")
    assert (Path(sys.prefix) / "share/jupyter/labextensions/@jupyter-server/resource-usage/package.json").exists()


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    """A server that knows the token of this stack."""
    token = lab.token(settings)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = self.headers["Authorization"] == f"token {token}" and self.path == "/api/status"
            self.send_response(200 if good else 403)
            self.end_headers()

        def log_message(self, *about: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_server_that_takes_our_token_is_ours(settings: Settings, port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy is never asked
    assert lab.answers(settings, port)
    (settings.state / "lab.token").write_text("another")
    assert not lab.answers(settings, port)


def test_nobody_listens(settings: Settings):
    assert not lab.answers(settings, 9)


def test_a_lab_that_ended_is_told_with_the_end_of_its_log(settings: Settings):
    log = Processes(settings.state).log(lab.NAME)
    log.parent.mkdir(parents=True)
    log.write_text("first\nport is taken\n")
    with pytest.raises(WorkshopError, match="JupyterLab ended right after its start") as ended:
        lab.wait(settings, 9)
    assert "port is taken" in ended.value.detail
