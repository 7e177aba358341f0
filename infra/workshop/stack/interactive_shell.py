"""Interactive shell with the tools on its PATH, for `workshop shell` and JupyterLab's terminals."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workshop.base.environment import variable
from workshop.base.files import write_atomically
from workshop.base.settings import Settings

KEPT = ("PATH", "KUBECONFIG", "KUBECACHEDIR")  # variables of ours that the user's start file must not change
POSIX = ("ash", "bash", "dash", "ksh", "sh", "zsh")


def program() -> str:
    """Return the path of the user's shell."""
    return variable("SHELL", "/bin/sh")


def once(words: str, env: Mapping[str, str]) -> list[str]:
    """Return the argument list of a shell that runs one command line with the tools on its PATH.

    It is the user's shell, or /bin/sh if that one has another syntax, such as fish.
    """
    shell = program() if Path(program()).name in POSIX else "/bin/sh"
    return [shell, "-c", f"PATH={shlex.quote(env['PATH'])}; {words}"]


def command(settings: Settings, env: Mapping[str, str]) -> list[str]:
    """Return the argument list of an interactive shell whose PATH starts with the tools.

    Call `write_start_file` first. The shell is not a login shell, because Debian's /etc/profile overwrites PATH. It reads the
    user's own start file first, so that this file cannot hide the tools, or let kubectl use another cluster.
    """
    return _recipe(settings, env).argv


def write_start_file(settings: Settings, env: Mapping[str, str]) -> None:
    """Write the start file that the shell reads."""
    recipe = _recipe(settings, env)
    if recipe.file:
        write_atomically(recipe.file, "\n".join(line for line in recipe.lines if line) + "\n")


@dataclass(frozen=True)
class _Recipe:
    argv: list[str]
    file: Path | None = None
    lines: tuple[str, ...] = ()


def _recipe(settings: Settings, env: Mapping[str, str]) -> _Recipe:
    shell, folder = program(), settings.state / "home" / "shell"
    kept = {name: env[name] for name in KEPT if name in env}
    ours = "; ".join(f"{name}={shlex.quote(value)}; export {name}" for name, value in kept.items())
    match Path(shell).name:
        case "bash":
            file = folder / "bashrc"
            lines = ("[ -f ~/.bashrc ] && . ~/.bashrc", ours, r"PS1='(workshop) \w \$ '")
            return _Recipe([shell, "--rcfile", str(file), "-i"], file, lines)
        case "zsh":
            own = '[ -f "${OWN_ZDOTDIR:-$HOME}/.zshrc" ] && . "${OWN_ZDOTDIR:-$HOME}/.zshrc"'
            argv = ["/usr/bin/env", f"OWN_ZDOTDIR={env.get('ZDOTDIR', '')}", f"ZDOTDIR={folder}", shell, "-i"]
            return _Recipe(argv, folder / ".zshrc", (own, ours, "PS1='(workshop) %~ %# '"))
        case "fish":
            lists = {name: value.split(os.pathsep) if name == "PATH" else [value] for name, value in kept.items()}
            return _Recipe([shell, "-C", "; ".join(f"set -gx {name} {shlex.join(v)}" for name, v in lists.items())])
        case _:  # dash, ksh and other POSIX shells read the file in ENV
            file, own = folder / "shrc", shlex.quote(env.get("ENV", ""))
            lines = (f"[ ! -f {own} ] || . {own}", ours, "PS1='(workshop) $ '")
            return _Recipe(["/usr/bin/env", f"ENV={file}", shell, "-i"], file, lines)
