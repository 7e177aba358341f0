"""Generator of docs/commands.md from the parser of the command `workshop`.

Usage: .venv/bin/python -m workshop.cli.command_pages > docs/commands.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from workshop.cli.main import build_parser

HEAD = """\
<!-- Generated from infra/workshop/cli/main.py by `python -m workshop.cli.command_pages > docs/commands.md`. Do not edit. -->

# The command `workshop`

`workshop` is in `.venv/bin` of the project folder. A terminal inside JupyterLab has it on its PATH.
`workshop COMMAND -h` prints the options of one command. The variables that change its defaults are on
[configuration](configuration.md); error messages and exit codes are on [troubleshooting](troubleshooting.md).

| command | purpose |
|---|---|
"""
UNSET: tuple = (None, False, "", (), [], argparse.SUPPRESS)


def page() -> str:
    """Return the page as Markdown."""
    found = list(_commands(build_parser()))
    rows = [f"| [`{parser.prog}`](#{parser.prog.replace(' ', '-')}) | {text} |\n" for parser, text in found]
    return HEAD + "".join(rows) + "".join(_section(parser) for parser, _ in found)


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Yield each executable command with its line of help, in the order of `-h`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                sub = action.choices[choice.dest]
                nested = list(_commands(sub))
                yield from nested or [(sub, _cell(choice.help or ""))]


def _section(parser: argparse.ArgumentParser) -> str:
    lines = ["", f"## `{parser.prog}`", "", parser.description or "", ""]
    arguments, options, *others = parser._action_groups
    tables = [("", [*arguments._group_actions, *options._group_actions])]
    tables += [(f"Options for {one.title}. {one.description}", one._group_actions) for one in others]
    for about, actions in tables:
        rows = [_row(action) for action in actions if not isinstance(action, argparse._HelpAction)]
        if rows:
            lines += [*([about, ""] if about else []), "| argument | meaning |", "|---|---|", *rows, ""]
    for exclusive in parser._mutually_exclusive_groups:
        names = ", ".join(f"`{action.option_strings[0]}`" for action in exclusive._group_actions)
        lines += [f"{'Give exactly' if exclusive.required else 'Give at most'} one of {names}.", ""]
    return "\n".join(lines)


def _row(action: argparse.Action) -> str:
    name = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper())
    takes = "" if action.nargs == 0 else f" {name}"
    forms = [f"`{option}{takes}`" for option in action.option_strings] or [f"`{name}`"]
    text = _cell(action.help or "")
    if action.default not in UNSET and "default" not in text:
        text += f" (default: `{action.default}`)"
    needed = " Required." if action.required and action.option_strings else ""
    return f"| {', '.join(forms)} | {text}{'.' if not text.endswith('.') else ''}{needed} |"


def _cell(text: str) -> str:
    return text.replace("%%", "%").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
