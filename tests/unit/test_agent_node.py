"""When a node asks whether it is taken for lost."""

from __future__ import annotations

from workshop.node_agent.node import LATE, RENEW, TELL, Doubt


def test_a_node_is_in_doubt_after_its_first_sign_of_life_and_after_a_late_one_only() -> None:
    doubt = Doubt()
    assert not doubt.at(0.0)
    signs = [100.0 + number * RENEW for number in range(20)]
    for now in signs:
        doubt.sign_of_life(now)
        assert doubt.at(now) == (now < 100.0 + TELL)
    late = signs[-1] + LATE + 0.1
    assert not doubt.at(late)
    doubt.sign_of_life(late)
    assert all(doubt.at(late + later) for later in (0, TELL - 0.1))
    assert not doubt.at(late + TELL + 0.1)
