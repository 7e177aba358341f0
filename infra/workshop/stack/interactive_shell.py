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
    user's own start file first, so that changes of PATH in that file cannot hide the tools.
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
    path = f"PATH={shlex.quote(env['PATH'])}; export PATH"
    match Path(shell).name:
        case "bash":
            file = folder / "bashrc"
            lines = ("[ -f ~/.bashrc ] && . ~/.bashrc", path, r"PS1='(workshop) \w \$ '")
            return _Recipe([shell, "--rcfile", str(file), "-i"], file, lines)
        case "zsh":
            own = '[ -f "${OWN_ZDOTDIR:-$HOME}/.zshrc" ] && . "${OWN_ZDOTDIR:-$HOME}/.zshrc"'
            argv = ["/usr/bin/env", f"OWN_ZDOTDIR={env.get('ZDOTDIR', '')}", f"ZDOTDIR={folder}", shell, "-i"]
            return _Recipe(argv, folder / ".zshrc", (own, path, "PS1='(workshop) %~ %# '"))
        case "fish":
            return _Recipe([shell, "-C", f"set -gx PATH {shlex.join(env['PATH'].split(os.pathsep))}"])
        case _:  # dash, ksh and other POSIX shells read the file in ENV
            file, own = folder / "shrc", shlex.quote(env.get("ENV", ""))
            lines = (f"[ ! -f {own} ] || . {own}", path, "PS1='(workshop) $ '")
            return _Recipe(["/usr/bin/env", f"ENV={file}", shell, "-i"], file, lines)
