"""A container's state in a patch: every field that it lacks is null."""

from __future__ import annotations

import pytest
from node_agent.kubelet.states import STATES, whole


@pytest.mark.parametrize("kind", STATES)
def test_the_other_kinds_are_null(kind: str):
    found = whole({kind: {}})
    assert found[kind] == dict.fromkeys(STATES[kind])
    assert [other for other in STATES if found[other] is not None] == [kind]


def test_fields_that_are_there_keep_their_values():
    found = whole({"terminated": {"exitCode": 0, "reason": "Completed"}})
    assert found["terminated"]["exitCode"] == 0
    assert found["terminated"]["reason"] == "Completed"
    assert found["terminated"]["signal"] is None


def test_a_state_that_is_not_known_yet_is_null_in_all_kinds():
    assert whole({}) == {"waiting": None, "running": None, "terminated": None}
