"""Words, lines and minutes of each lesson, and the share of given code that calls the subject's own API.

Usage: .venv/bin/python infra/tools/lesson_figures.py

A given line of code counts as API if it belongs to a statement (or to the head of a compound one) that names something of
the subject: a name imported from a client library, an object made with one, or a shell command of Kafka or Kubernetes.
Imports and blank lines are not counted on either side; answers are not given, so they do not count either.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

SUBJECTS = (
    "kafka",
    "confluent_kafka",
    "kubernetes",
    "quixstreams",
    "requests",
    "httpx",
    "psycopg",
    "sqlite3",
    "urllib3",
)
COMMANDS = re.compile(r"kubectl|kafka-|curl|psql")
# Methods of the connection, and of lesson 11's helpers, that hand over the subject's own objects or settings.
HANDED_OVER = {("ws", "admin"), ("ws", "kafka"), ("lesson", "application")}
SHELL = {"system", "getoutput"}

WORDS_PER_MINUTE = 120  # dense text in a second language
PREDICTION = 40  # seconds
CELL = 15  # seconds to read a code cell
EXERCISE = {"exercise": 240, "questions": 90}  # seconds


@dataclass(frozen=True)
class Figures:
    """The figures of one lesson.

    Attributes:
        words: in the text cells, without folded hints.
        lines: of given code, without imports.
        api: those of them that call the subject's API.
        seconds: estimated reading, predicting and working time; the machine's time comes on top.
    """

    lesson: str
    words: int
    cells: int
    predictions: int
    exercises: int
    lines: int
    api: int

    @property
    def share(self) -> float:
        """Share of API lines, 0 to 1."""
        return self.api / self.lines if self.lines else 0.0

    @property
    def seconds(self) -> float:
        """Estimated time of a newcomer in seconds, without the machine's."""
        return (
            60 * self.words / WORDS_PER_MINUTE
            + PREDICTION * self.predictions
            + CELL * self.cells
            + EXERCISE["exercise"] * self.exercises
            + EXERCISE["questions"]
        )


def figures(path: Path) -> Figures:
    """Return the figures of a solved lesson."""
    notebook = nbformat.read(path, as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    given = [
        cell for cell in notebook.cells if cell.cell_type == "code" and "answer" not in cell.metadata.get("tags", [])
    ]
    lines, api = api_lines(given)
    return Figures(
        lesson=path.stem,
        words=sum(map(_words, texts)),
        cells=len(given),
        predictions=sum(text.count("**Predict:**") for text in texts),
        exercises=sum(text.startswith("### Exercise") for text in texts),
        lines=lines,
        api=api,
    )


def _words(text: str) -> int:
    """Return the number of words of a text cell; the signs of tables and lists are none."""
    return sum(any(sign.isalnum() for sign in part) for part in _without_hints(text).split())


def _without_hints(text: str) -> str:
    return re.sub(r"<details><summary>Hint.*?</details>", "", text, flags=re.DOTALL)


def api_lines(cells: list[NotebookNode]) -> tuple[int, int]:
    """Return the number of code lines in cells, and how many of them call the subject's API.

    Names live on from cell to cell, as in the kernel.
    """
    names: set[str] = set()
    lines = api = 0
    for cell in cells:
        more, of_them = _magic(cell.source) if cell.source.startswith("%%") else _python(cell.source, names)
        lines, api = lines + more, api + of_them
    return lines, api


def _magic(source: str) -> tuple[int, int]:
    """Count the lines of a cell with a cell magic; a manifest that is written to a file is the subject itself."""
    magic, *rows = [row for row in source.splitlines() if row.strip()]
    return len(rows), len(rows) if magic.startswith("%%writefile") else sum(bool(COMMANDS.search(row)) for row in rows)


def _python(source: str, names: set[str]) -> tuple[int, int]:
    """Count the lines of a cell of Python; add the names that it binds to objects of the subject."""
    code = TransformerManager().transform_cell(source)
    names |= _imported(code)
    rows = code.splitlines()
    lines, api = set(), set()
    for statement in _statements(ast.parse(code)):
        own = {n for n in _span(statement) if rows[n - 1].strip()}
        lines |= own
        if _calls_subject(statement, names):
            api |= own
    return len(lines), len(api)


def _imported(code: str) -> set[str]:
    """Return the names that code imports from the subject's libraries."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in SUBJECTS:
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            wanted = [alias for alias in node.names if alias.name.split(".")[0] in SUBJECTS]
            found |= {(alias.asname or alias.name).split(".")[0] for alias in wanted}
    return found


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield all statements in order, without imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def _span(node: ast.stmt) -> range:
    """Return the lines of a statement; for a compound one those of its head."""
    body = getattr(node, "body", None)
    end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
    return range(node.lineno, max(end, node.lineno) + 1)


def _calls_subject(node: ast.stmt, names: set[str]) -> bool:
    """Return whether a statement names the subject; add the names that it binds then."""
    head = list(_head(node))
    found = any(_is_subject(part, names) for part in head)
    if found:
        names |= {part.id for part in head if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return found


def _head(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a statement without the statements inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt):
            yield child
            yield from _head(child)


def _is_subject(part: ast.AST, names: set[str]) -> bool:
    if isinstance(part, ast.Name):
        return part.id in names
    if isinstance(part, ast.Attribute):
        return isinstance(part.value, ast.Name) and (part.value.id, part.attr) in HANDED_OVER
    # `!kubectl get pods` is transformed into get_ipython().system('kubectl get pods')
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in SHELL:
        return any(isinstance(one, ast.Constant) and bool(COMMANDS.search(str(one.value))) for one in part.args)
    return False


def main() -> None:
    """Print the table."""
    solutions = Path(__file__).resolve().parents[2] / "solutions"
    print(f"{'lesson':34}{'words':>7}{'cells':>7}{'predict':>9}{'lines':>7}{'API':>5}{'share':>7}{'minutes':>9}")
    for path in sorted(solutions.glob("[0-9][0-9]_*.ipynb")):
        one = figures(path)
        print(
            f"{one.lesson:34}{one.words:7}{one.cells:7}{one.predictions:9}{one.lines:7}{one.api:5}"
            f"{one.share:7.0%}{one.seconds / 60:9.0f}"
        )


if __name__ == "__main__":
    main()
