"""JupyterLab as a component of the stack: settings, token and address."""

from __future__ import annotations

import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import quote

from workshop.base.environment import tool_environment
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.processes import Component, Processes
from workshop.base.readiness import wait_for
from workshop.base.settings import Settings
from workshop.base.waiting import nobody
from workshop.stack import exported_page, interactive_shell

NAME = "lab"
FIRST_PAGE = "notebooks/00_start_here.ipynb"

# No pop-ups for a new user. A kernel ends with its lesson's tab, which frees its memory. Each cell shows its time, and file
# names have the whole width of the file browser.
DEFAULTS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "kernelShutdown": True, "recordTiming": True},
    "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},
    "jupyterlab-execute-time:settings": {"positioning": "right", "dateFormat": "HH:mm:ss", "highlight": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 30},
}

SERVER = {"HTMLExporter": {"filters": {"clean_html": exported_page.FILTER}}}


def component(settings: Settings, port: int) -> Component:
    """Return the component that runs JupyterLab on loopback.

    The token is passed in the environment, which other users cannot read.
    """
    server = {
        "ip": "127.0.0.1",
        "port": port,
        "port_retries": 0,
        "open_browser": False,
        "allow_root": os.geteuid() == 0,
        "root_dir": str(settings.root),
        "terminals_enabled": True,
    }
    env = {**tool_environment(settings), "JUPYTER_TOKEN": token(settings)}
    options = [f"--ServerApp.{name}={value}" for name, value in server.items()]
    # Without this, JupyterLab's terminals are login shells, which do not find `workshop` on Debian.
    options.append(f"--ServerApp.terminado_settings={{'shell_command': {interactive_shell.command(settings, env)!r}}}")
    # Encrypt the traffic between JupyterLab and kernels: the machine's other users share the loopback interface.
    options += ["--KernelManager.transport_encryption=auto", "--LabApp.news_url=None"]
    argv = (str(settings.python_bin / "python"), "-m", "jupyterlab", *options)
    return Component(name=NAME, argv=argv, env=env, cwd=settings.root, ports=(port,), grace=10.0)


def token(settings: Settings) -> str:
    """Return the token of this stack's JupyterLab; it is created once, readable by its user only."""
    file = settings.state / "lab.token"
    if not file.exists():
        write_atomically(file, secrets.token_hex(24), mode=0o600)
    return file.read_text()


def start(settings: Settings, port: int) -> None:
    """Start JupyterLab without waiting for it; `wait` does that."""
    config = settings.state / "home/jupyter/config"
    write_atomically(config / "labconfig/default_setting_overrides.json", json.dumps(DEFAULTS, indent=1))
    write_atomically(config / "jupyter_server_config.json", json.dumps(SERVER, indent=1))
    interactive_shell.write_start_file(settings, tool_environment(settings))
    Processes(settings.state).start(component(settings, port))


def wait(settings: Settings, port: int, tell: Callable[[str], None] = nobody) -> None:
    """Wait until JupyterLab answers.

    Raises:
        WorkshopError: JupyterLab ended, or did not answer in time; the detail is the end of its log.
    """
    processes = Processes(settings.state)

    def ready() -> bool:
        if not processes.lives(NAME) and NAME not in processes.running():
            raise WorkshopError(
                "JupyterLab ended right after its start. The end of its log:",
                "`workshop logs lab` shows all of it.",
                processes.tail(NAME, 12),
            )
        return answers(settings, port)

    wait_for(processes, NAME, ready, settings.patience, title="JupyterLab", tell=tell)


def answers(settings: Settings, port: int) -> bool:
    """Return whether the server on this port is this stack's JupyterLab."""
    url = f"http://127.0.0.1:{port}/api/status"
    request = urllib.request.Request(url, headers={"Authorization": f"token {token(settings)}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(request, timeout=2).status == 200
    except (OSError, urllib.error.URLError):
        return False


def url(settings: Settings, port: int) -> str:
    """Return the URL of the first lesson, with the token."""
    return f"http://127.0.0.1:{port}/lab/tree/{quote(FIRST_PAGE)}?token={token(settings)}"
