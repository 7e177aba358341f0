"""Every module that does something is imported by a unit test; the exceptions are named, and can only become fewer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("workshop", "services", "node_agent")
# Modules that no unit test imports. Do not add a name: write a test.
WITHOUT: set[str] = {
    "services.runtime.shutdown",
    "workshop",
    "workshop.chaos.customers",
    "workshop.chaos.day",
    "workshop.chaos.report",
    "workshop.chaos.watching",
    "workshop.cli.bundle",
    "workshop.cli.chaos",
    "workshop.cli.commands",
    "workshop.cli.entry",
    "workshop.cli.hint_options",
    "workshop.cli.output",
    "workshop.domain.escaped",
    "workshop.domain.event_logs.events",
    "workshop.domain.event_logs.totals",
    "workshop.domain.fraud.card_log",
    "workshop.domain.fraud.feature_names",
    "workshop.ingest.columns",
    "workshop.ingest.containers",
    "workshop.ingest.delimited",
    "workshop.ingest.delimiter",
    "workshop.ingest.encoding",
    "workshop.ingest.json_rows",
    "workshop.ingest.log_publishing",
    "workshop.ingest.parquet",
    "workshop.ingest.payment_records",
    "workshop.ingest.publication_notes",
    "workshop.ingest.publications",
    "workshop.ingest.replay",
    "workshop.ingest.sentences",
    "workshop.ingest.survey",
    "workshop.ingest.workbook",
    "workshop.lessons.change_data_capture.blocking",
    "workshop.lessons.change_data_capture.card_blocking",
    "workshop.lessons.change_data_capture.checks",
    "workshop.lessons.change_data_capture.experiments",
    "workshop.lessons.change_data_capture.limits",
    "workshop.lessons.change_data_capture.live",
    "workshop.lessons.change_data_capture.observations",
    "workshop.lessons.change_data_capture.pictures",
    "workshop.lessons.event_replay.checks",
    "workshop.lessons.event_replay.experiments",
    "workshop.lessons.event_replay.live",
    "workshop.lessons.event_replay.pictures",
    "workshop.lessons.events_and_topics.checks",
    "workshop.lessons.events_and_topics.experiments",
    "workshop.lessons.fraud_analysis.checks",
    "workshop.lessons.fraud_analysis.experiments",
    "workshop.lessons.fraud_analysis.live",
    "workshop.lessons.fraud_analysis.observations",
    "workshop.lessons.fraud_analysis.pictures",
    "workshop.lessons.going_further",
    "workshop.lessons.healthcare_and_retail.checks",
    "workshop.lessons.healthcare_and_retail.experiments",
    "workshop.lessons.healthcare_and_retail.pictures",
    "workshop.lessons.healthcare_and_retail.stock_keeping",
    "workshop.lessons.microservices_on_kubernetes.checks",
    "workshop.lessons.microservices_on_kubernetes.experiments",
    "workshop.lessons.microservices_on_kubernetes.pictures",
    "workshop.lessons.partitions.checks",
    "workshop.lessons.partitions.experiments",
    "workshop.lessons.partitions.group_member",
    "workshop.lessons.partitions.rebalance",
    "workshop.lessons.reliability_game_day.checks",
    "workshop.lessons.reliability_game_day.experiments",
    "workshop.lessons.reliability_game_day.keys",
    "workshop.lessons.reliability_game_day.pictures",
    "workshop.lessons.replication.checks",
    "workshop.lessons.replication.experiments",
    "workshop.lessons.replication.observations",
    "workshop.lessons.replication.pictures",
    "workshop.lessons.scaling_under_load.checks",
    "workshop.lessons.scaling_under_load.experiments",
    "workshop.lessons.scaling_under_load.observations",
    "workshop.lessons.scaling_under_load.pictures",
    "workshop.lessons.start_here.checks",
    "workshop.lessons.start_here.experiments",
    "workshop.load.locustfile",
    "workshop.load.run",
    "workshop.load.traffic",
    "workshop.notebook.connection",
    "workshop.notebook.deployments",
    "workshop.notebook.exercises.engine",
    "workshop.notebook.exercises.verdict",
    "workshop.notebook.foreign_errors",
    "workshop.notebook.live",
    "workshop.notebook.notebook_errors",
    "workshop.notebook.pictures",
    "workshop.notebook.services",
    "workshop.stack.backends.kind",
    "workshop.stack.backends.local",
    "workshop.stack.bundle.prefetching",
    "workshop.stack.cdc.postgres",
    "workshop.stack.cdc.stack",
    "workshop.stack.cdc.tls",
    "workshop.stack.doctor",
    "workshop.stack.external.ownership",
    "workshop.stack.external.reaching",
    "workshop.stack.kubernetes.deploy",
    "workshop.stack.kubernetes.kind.names",
    "workshop.stack.kubernetes.kind.offline.bases",
    "workshop.stack.kubernetes.kind.offline.kind_source",
    "workshop.stack.kubernetes.kind.offline.metrics",
    "workshop.stack.kubernetes.kind.offline.programs",
    "workshop.stack.kubernetes_build",
    "workshop.stack.lab",
    "workshop.stack.lifecycle",
    "workshop.stack.steps",
}  # fmt: skip


def _does_something(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function has more than a docstring; the methods of a protocol have none."""
    first, *more = function.body
    return bool(more) or not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant))


def _modules() -> Iterator[str]:
    """The modules of the rooms with at least one function or method."""
    for file in sorted(path for room in ROOMS for path in (ROOT / "infra" / room).rglob("*.py")):
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        tree = ast.parse(file.read_text())
        if any(_does_something(node) for node in ast.walk(tree) if isinstance(node, functions)):
            parts = file.relative_to(ROOT / "infra").with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported() -> set[str]:
    """The modules that unit tests name in an import, and the names that they import from them."""
    found: set[str] = set()
    for file in (ROOT / "tests" / "unit").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_named_modules_have_no_test():
    assert set(_modules()) - _imported() == WITHOUT
