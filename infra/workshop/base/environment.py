"""The environment in which Lab, kernels, shells and tools run: everything they write stays in the state and cache folders."""

from __future__ import annotations

import os
from pathlib import Path

from workshop.base.files import write_atomically
from workshop.base.settings import Settings

STARTUP = "from workshop.notebook.notebook_errors import install; install()\n"  # what IPython runs first in each kernel
PRIVATE = ("components", "home", "kafka", "logs")  # not the state folder itself: root's PostgreSQL runs as another user


def own_folders(settings: Settings) -> dict[str, str]:
    """The variables that keep tools out of the user's home, each with a folder of ours."""
    home, shared = settings.state / "home", settings.common / "home"
    return {
        "JUPYTER_CONFIG_DIR": str(home / "jupyter" / "config"),
        "JUPYTER_DATA_DIR": str(home / "jupyter" / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter" / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(shared / "jupyter" / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(shared / "jupyter" / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "KUBECACHEDIR": str(home / "kube"),
        "KUBECONFIG": str(settings.state / "kubeconfig"),
        "XDG_DATA_HOME": str(home / "data"),  # where Lab's bin puts what is deleted
        "npm_config_cache": str(home / "npm"),  # Lab asks npm where language servers are
        "GOCACHE": str(settings.cache / "go" / "build"),
        "GOMODCACHE": str(settings.cache / "go" / "modules"),
        "GOPATH": str(settings.cache / "go" / "path"),
        "PIP_CACHE_DIR": str(settings.cache / "pip"),
        "UV_CACHE_DIR": str(settings.cache / "uv"),
    }


def make_folders(settings: Settings) -> None:
    """Make those that lie in the state folder: a tool that does not find its own takes a temporary one elsewhere.

    What brokers, logs and tools write is closed to the machine's other users.
    """
    for folder in (*(settings.state / name for name in PRIVATE), settings.common / "home"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # one that an earlier version made
    homes = (settings.state / "home", settings.common / "home")
    for folder in map(Path, own_folders(settings).values()):
        if any(folder.is_relative_to(home) for home in homes):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    startup = settings.state / "home" / "ipython" / "profile_default" / "startup" / "00-workshop.py"
    write_atomically(startup, STARTUP)


def search_path(settings: Settings) -> str:
    """A PATH on which Kafka's tools and the environment's commands come first."""
    first = [str(settings.commands), str(settings.python_bin)]
    rest = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part and part not in first]
    return os.pathsep.join(first + rest)


def tool_environment(settings: Settings) -> dict[str, str]:
    """The whole environment of a process that works with the workshop."""
    stack = {"WORKSHOP_STATE": str(settings.common), "WORKSHOP_CACHE": str(settings.cache)}
    env = {**os.environ, **own_folders(settings), **stack, "PATH": search_path(settings)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # or every kernel compiles every library again
    return env


def adopt(settings: Settings) -> None:
    """Give this very process the folders and the PATH, as far as they are not set: for a kernel started elsewhere."""
    for name, value in own_folders(settings).items():
        os.environ.setdefault(name, value)
    os.environ["PATH"] = search_path(settings)
