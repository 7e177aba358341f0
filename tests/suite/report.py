"""Output of the suite: a line for each finished group with the minutes since the start, and a table of parts at the end."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

import pytest

from suite import parts

OUTCOMES = ("passed", "failed", "skipped")
FAILED = "FAILED"


class Report:
    """Counts results by part.

    Args:
        kind: result of the preceding run on kind, if there was one.
    """

    def __init__(self, kind: str = "") -> None:
        self.kind = kind
        self.began = time.monotonic()
        self.results: dict[str, Counter[str]] = defaultdict(Counter)
        self.seconds: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        self.troubled: Counter[str] = Counter()
        self.printer: pytest.TerminalReporter | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Store the collected tests, as reported by the first lane."""
        self._learn(ids)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Store the collected tests if they run in this process."""
        self._learn([item.nodeid for item in session.items])

    def _learn(self, ids: list[str]) -> None:
        if not self.left:
            self.left = Counter(parts.group_of(one) for one in ids)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a result; a failure in setup or teardown counts too."""
        part = parts.part_of(report.nodeid)
        self.seconds[part] += report.duration
        if report.when == "call" or report.outcome != "passed":
            self.results[part][report.outcome] += 1
        group = parts.group_of(report.nodeid)
        self.troubled[group] += report.failed
        if report.failed:
            self._say(f"FAILED {report.nodeid} ({report.when})")
        self.left[group] -= report.when == "teardown"
        if report.when == "teardown" and not self.left[group] and not group.startswith("tests/unit"):
            self._tell(group)

    def _left(self, part: str) -> int:
        """Return the number of a part's tests that have not ended."""
        return sum(left for group, left in self.left.items() if parts.part_of(group) == part)

    def _tell(self, group: str) -> None:
        minutes = (time.monotonic() - self.began) / 60
        word = f"{self.troubled[group]} FAILED" if self.troubled[group] else "passed"
        self._say(f"{minutes:5.1f} min  {group} {word}")

    def _say(self, line: str) -> None:
        self.printer.ensure_newline()
        self.printer.write_line(line)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Find the terminal reporter."""
        self.printer = session.config.pluginmanager.get_plugin("terminalreporter")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of parts."""
        line = terminalreporter.write_line
        terminalreporter.section("parts")
        line(f"{'part':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'minutes':>9}   result")
        for name in [*parts.NAMES, "other"]:
            counted, left = self.results.get(name, Counter()), self._left(name)
            if not counted and not left:
                continue
            passed, failed, skipped = (counted[outcome] for outcome in OUTCOMES)
            result = FAILED if failed else "passed"
            if left:  # the run was interrupted
                result = f"{FAILED}, {left} not run" if failed else f"{left} NOT RUN"
            line(f"{name:<14}{passed:>8}{failed:>8}{skipped:>9}{self.seconds[name] / 60:>9.1f}   {result}")
        if self.kind:
            line(f"{'kind':<40}{'':>8}   {self.kind}")
        minutes = (time.monotonic() - self.began) / 60
        line(f"in all {minutes:.1f} minutes; a part's minutes are those of its tests, which run side by side")
