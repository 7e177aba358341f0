"""Environment of JupyterLab, kernels, shells and tools, which write to our folders only."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

from workshop.base.files import write_atomically
from workshop.base.settings import Settings, stack_variables

STARTUP = (
    "from workshop.notebook.notebook_errors import install; install()\n"  # IPython runs it at the start of each kernel
)
# Variables of the user's shell that change how a Python runs, or which libraries it finds.
PYTHONS = (
    "PYTHONDEVMODE",
    "PYTHONDONTWRITEBYTECODE",  # with it, every kernel would compile every library again
    "PYTHONHOME",
    "PYTHONIOENCODING",
    "PYTHONOPTIMIZE",
    "PYTHONPATH",
    "PYTHONWARNINGS",
)
# Variables of PostgreSQL's client library, libpq, which apply where a connection does not set a value itself.
LIBPQ = (
    *("PGAPPNAME", "PGCHANNELBINDING", "PGCLIENTENCODING", "PGCONNECT_TIMEOUT", "PGDATABASE", "PGGSSDELEGATION"),
    *("PGGSSENCMODE", "PGGSSLIB", "PGHOST", "PGHOSTADDR", "PGKRBSRVNAME", "PGLOADBALANCEHOSTS", "PGMAXPROTOCOLVERSION"),
    *("PGMINPROTOCOLVERSION", "PGOPTIONS", "PGPASSFILE", "PGPASSWORD", "PGPORT", "PGREQUIREAUTH", "PGREQUIREPEER"),
    *("PGREQUIRESSL", "PGSERVICE", "PGSERVICEFILE", "PGSSLCERT", "PGSSLCERTMODE", "PGSSLCOMPRESSION", "PGSSLCRL"),
    *("PGSSLCRLDIR", "PGSSLKEY", "PGSSLMAXPROTOCOLVERSION", "PGSSLMINPROTOCOLVERSION", "PGSSLMODE", "PGSSLNEGOTIATION"),
    *("PGSSLROOTCERT", "PGSSLSNI", "PGTARGETSESSIONATTRS", "PGTZ", "PGUSER"),
)
PROXIES = ("all_proxy", "http_proxy", "https_proxy")  # in small or capital letters
HERE = ("127.0.0.1", "localhost")
NO_SHELLS = ("nologin", "false")  # of users that do not log in; `!command` in a notebook runs by the user's shell
PRIVATE = ("components", "home", "kafka", "logs")  # not the state folder: for root, PostgreSQL runs as another user


def variable(name: str, default: str = "") -> str:
    """Return a variable of the operating system, such as PATH or a proxy; an empty one counts as not set."""
    return os.environ.get(name) or default


def inherited(**more: str) -> dict[str, str]:
    """Return this process's environment with more variables, for a child process."""
    return {**os.environ, **more}


def only(*names: str) -> dict[str, str]:
    """Return these variables of this process's environment, if they are set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def own_folders(settings: Settings) -> dict[str, str]:
    """Return the variables that keep tools out of the user's home folder, with the workshop's folders."""
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
        "XDG_DATA_HOME": str(home / "data"),  # the folder of JupyterLab's trash
        "npm_config_cache": str(home / "npm"),  # JupyterLab runs npm to find language servers
        "GOCACHE": str(settings.cache / "go" / "build"),
        "GOMODCACHE": str(settings.cache / "go" / "modules"),
        "GOPATH": str(settings.cache / "go" / "path"),
        "PIP_CACHE_DIR": str(settings.cache / "pip"),
        "UV_CACHE_DIR": str(settings.cache / "uv"),
    }


def make_folders(settings: Settings) -> None:
    """Create the tools' folders in the state folder, closed to the machine's other users.

    A tool whose folder is missing would use a temporary folder elsewhere. The folders of brokers and logs are closed too.
    """
    for folder in (*(settings.state / name for name in PRIVATE), settings.common / "home"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # for a folder that an earlier version created
    homes = (settings.state / "home", settings.common / "home")
    for folder in map(Path, own_folders(settings).values()):
        if any(folder.is_relative_to(home) for home in homes):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    startup = settings.state / "home" / "ipython" / "profile_default" / "startup" / "00-workshop.py"
    write_atomically(startup, STARTUP)


def search_path(settings: Settings) -> str:
    """Return a PATH in which Kafka's tools and the environment's commands come first."""
    first = [str(settings.commands), str(settings.python_bin)]
    rest = [part for part in variable("PATH", os.defpath).split(os.pathsep) if part and part not in first]
    return os.pathsep.join(first + rest)


def tool_environment(settings: Settings) -> dict[str, str]:
    """Return the complete environment of a process that works with the workshop."""
    env = inherited(**own_folders(settings), **stack_variables(settings), PATH=search_path(settings))
    for name in PYTHONS:
        env.pop(name, None)
    isolate(env)
    return env


def adopt(settings: Settings) -> None:
    """Set PATH, KUBECONFIG and the missing folder variables in this process, for a kernel that was started elsewhere.

    A KUBECONFIG of the user is replaced: `kubectl` in a lesson must not change another cluster.
    """
    own = own_folders(settings)
    for name, value in own.items():
        os.environ.setdefault(name, value)
    os.environ |= {name: own[name] for name in ("KUBECONFIG", "KUBECACHEDIR")} | {"PATH": search_path(settings)}
    isolate()


def isolate(env: MutableMapping[str, str] = os.environ) -> None:
    """Change an environment so that settings of the user's shell for other servers have no effect.

    Servers on this machine are reached without the proxy, no connection to PostgreSQL takes a setting from a variable, and
    SHELL is a shell.
    """
    for name in LIBPQ:
        env.pop(name, None)
    if os.path.basename(env.get("SHELL", "")) in NO_SHELLS:
        env["SHELL"] = "/bin/sh"
    _bypass_proxy(env)


def _bypass_proxy(env: MutableMapping[str, str]) -> None:
    """Add this machine to the exceptions, in both spellings: programs differ in which one they read.

    Nothing changes without a proxy, or if all hosts are exceptions: `*`, which counts only alone.
    """
    behind = any(env.get(name) or env.get(name.upper()) for name in PROXIES)
    given = [part.strip() for name in ("no_proxy", "NO_PROXY") for part in env.get(name, "").split(",")]
    if behind and "*" not in given:
        env["no_proxy"] = env["NO_PROXY"] = ",".join(dict.fromkeys([*filter(None, given), *HERE]))
