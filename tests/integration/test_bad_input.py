"""Every case on docs/bad-input.md prints an error message."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from workshop.notebook.connection import Connection

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra/benchmarks"))
import bad_input

CASES = [(title, case) for title, cases in bad_input.GROUPS.items() for case in cases()]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{title}: {case.what}") for title, case in CASES])
def test_bad_input_is_told_in_a_sentence(ws: Connection, case: bad_input.Case):
    code, said = bad_input.run(case)
    assert bad_input.is_told(code, said), f"exit code {code}\n{said}"


@pytest.mark.usefixtures("kubernetes")
def test_the_payments_service_says_what_it_refuses(ws: Connection):
    if not ws.payments:
        pytest.skip("NOT RUN: this stack has no Kubernetes, so no payments service")
    told = {what: (said, good) for what, said, good in bad_input.orders(ws.payments)}
    assert len(told) == 12
    assert not {what: said for what, (said, good) in told.items() if not good}
