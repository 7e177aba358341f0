"""Parts of the suite: the tests of each part, and the order in which groups of tests start."""

from __future__ import annotations

from dataclasses import dataclass

STYLE, UNIT, INTEGRATION, KUBERNETES, LESSONS, SOAK = "style", "unit", "integration", "kubernetes", "lessons", "soak"


@dataclass(frozen=True)
class Part:
    """One part of the suite.

    Attributes:
        name: its name on the command line and in the table of parts.
        paths: files and folders that pytest collects, relative to the checkout.
        about: one line for `--help`.
    """

    name: str
    paths: tuple[str, ...]
    about: str


PARTS = (
    Part(
        STYLE, ("tests/style",), "style, types, spelling, notebooks in sync, known vulnerabilities of pinned packages"
    ),
    Part(UNIT, ("tests/unit",), "tests that start no server"),
    Part(INTEGRATION, ("tests/integration", "tests/notebooks"), "tests on real brokers, databases and control planes"),
    Part(KUBERNETES, ("tests/kubernetes",), "Kubernetes' behaviour, the same tests for both backends"),
    Part(
        LESSONS,
        ("solutions", "notebooks/express.ipynb"),
        "every lesson once under nbval; every exercise unanswered, rightly and wrongly answered",
    ),
    Part(SOAK, ("tests/soak",), "two runs of ten minutes of random faults (only with --full, or by name)"),
)
NAMES = tuple(part.name for part in PARTS)
ON_KIND = (KUBERNETES, LESSONS)

# Long groups, the longest first: a long group that started last would keep one lane busy while the others are idle.
# All others follow in the order of collection. The unit tests come last, because they are short and fill gaps.
LONG_FIRST = (
    "tests/soak",
    "tests/integration/test_site_from_a_run.py",
    "solutions/08",
    "solutions/09",
    "solutions/03",
    "tests/kubernetes",
    "solutions/02",
    "solutions/07",
    "tests/integration/test_existing_cluster.py",
    "tests/integration/test_publications.py",
    "tests/integration/test_site.py",
    "tests/integration/test_stack.py",
    "solutions/06",
    "solutions/05",
    "solutions/04",
    "notebooks/express",
    "solutions/01",
)
ON_A_CONTROL_PLANE = (
    "solutions/07",
    "solutions/08",
    "solutions/09",
    "notebooks/express",
    "tests/kubernetes",
    "tests/soak",
    "tests/integration/test_bundle.py",
    "tests/integration/test_controlplane.py",
    "tests/integration/test_existing_cluster.py",
    "tests/integration/test_local_kubernetes.py",
    "tests/integration/test_security.py",
)


def part_of(nodeid: str) -> str:
    """Return the name of the part that a test belongs to."""
    for part in PARTS:
        if nodeid.startswith(part.paths):
            return part.name
    return "other"


def group_of(nodeid: str) -> str:
    """Return the group of a test. The tests of a group run in their order, in one lane."""
    if nodeid.startswith("tests/kubernetes/"):
        return "tests/kubernetes"  # they share fixtures that need about a minute and start with the first test
    return nodeid.partition("::")[0]


def in_order(groups: list[str], *, compiling: bool) -> list[str]:
    """Sort groups so that all lanes end at about the same time.

    Args:
        groups: in the order of collection.
        compiling: whether the control plane is being compiled; groups that need it then come last.
    """
    return sorted(groups, key=lambda group: _rank(group, compiling))


def _rank(group: str, compiling: bool) -> tuple[bool, int]:
    waits = compiling and group.startswith(ON_A_CONTROL_PLANE)
    for number, start in enumerate(LONG_FIRST):
        if group.startswith(start):
            return waits, number
    return waits, len(LONG_FIRST) + group.startswith("tests/unit")
