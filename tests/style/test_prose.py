"""The prose rules of tests/style/vale, applied to the documentation without Vale.

The wheel `vale` downloads its program at the first run, from an address that is not a package index. The rules use two kinds
of Vale's rules, `existence` and `substitution`. With Vale installed, `vale README.md CONTRIBUTING.md docs` reports the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "tests/style/vale/Workshop").glob("*.yml"))
PRINTED = "docs/bad-input.md"  # its cells are error messages; .vale.ini excludes it too
PAGES = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
    if path != ROOT / PRINTED
]
# Code, comments and addresses are not prose. Each is replaced by blanks, so that line numbers stay.
NOT_PROSE = re.compile(r"```.*?```|<!--.*?-->|`[^`\n]*`|\]\([^)\s]+\)|<[^>\s]+>", re.DOTALL)


def patterns(rule: dict) -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield each pattern of a rule, and Vale's message for a match (`%s` is the match)."""
    flags = re.IGNORECASE if rule.get("ignorecase") else 0
    kinds = {"existence": dict.fromkeys(rule.get("tokens", ())), "substitution": rule.get("swap", {})}
    for token, better in kinds[rule["extends"]].items():
        message = rule["message"] if better is None else rule["message"].replace("%s", better, 1)
        yield re.compile(rf"\b(?:{token})\b".replace(" ", r"\s+"), flags), message


def findings(text: str) -> list[str]:
    """Return the findings in a page, as `line: rule: message`."""
    plain = NOT_PROSE.sub(lambda found: re.sub(r"[^\n]", "\0", found[0]), text)
    found = []
    for path in RULES:
        for pattern, message in patterns(yaml.safe_load(path.read_text(encoding="utf-8"))):
            for match in pattern.finditer(plain):
                line = plain.count("\n", 0, match.start()) + 1
                found.append((line, f"{line}: {path.stem}: {message.replace('%s', match[0])}"))
    return [text for _, text in sorted(found)]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_the_prose_is_plain(page: Path):
    found = findings(page.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a rate of 500 payments a second", "Rates"),
        ("it depends on what it costs", "Riddles"),
        ("its name is none", "Riddles"),
        ("the service knows its offset", "Persons"),
        ("What was\nbegun is lost", "PlainWords"),
    ],
)
def test_a_rule_finds_its_example(text: str, rule: str):
    assert any(f": {rule}: " in finding for finding in findings(text))


def test_code_and_comments_are_not_prose():
    assert findings("`kubectl says`\n```\nwho asks\n```\n<!-- begun -->\n") == []
