"""The sentence for brokers and nodes that belong to somebody else."""

from __future__ import annotations

import pytest
from workshop.stack.external.ownership import HERE, not_ours


@pytest.mark.parametrize(("which", "owner"), [("brokers", "Kafka"), ("nodes", "the cluster")])
def test_the_sentence_says_who_may_and_where_one_has_ones_own(which: str, owner: str):
    error = not_ours("Broker 2 is not killed", which)
    assert error.happened.startswith(f"Broker 2 is not killed: the {which} of this stack are not yours")
    assert error.happened.endswith(f"Only the operator of {owner} may do that.")
    assert error.next_step == HERE
