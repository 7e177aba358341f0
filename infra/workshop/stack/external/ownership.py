"""Refusal of faults in systems that others operate, with the alternative: a stack of one's own."""

from __future__ import annotations

from workshop.base.errors import WorkshopError

OWNERS = {"brokers": "Kafka", "nodes": "the cluster"}
HERE = (
    "Brokers and nodes of your own to break: `WORKSHOP_STATE=$HOME/workshop-local workshop up --backend local`, "
    "and the lesson opened there."
)


def not_ours(what: str, which: str) -> WorkshopError:
    """Return the error for a refused action.

    Args:
        what: the action that is refused, such as "Broker 2 is not killed".
        which: the kind of the target: `brokers` or `nodes`.
    """
    return WorkshopError(
        f"{what}: the {which} of this stack are not yours, and others work with them. "
        f"Only the operator of {OWNERS[which]} may do that.",
        HERE,
    )
