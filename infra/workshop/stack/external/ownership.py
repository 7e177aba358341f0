"""What is not a participant's to break, said in a sentence: whose it is, and where one has such things of one's own."""

from __future__ import annotations

from workshop.base.errors import WorkshopError

OWNERS = {"brokers": "Kafka", "nodes": "the cluster"}
HERE = (
    "Brokers and nodes of your own to break: `WORKSHOP_STATE=$HOME/workshop-local workshop up --backend local`, "
    "and the lesson opened there."
)


def not_ours(what: str, which: str) -> WorkshopError:
    """The sentence.

    Args:
        what: what does not happen, such as "Broker 2 is not killed".
        which: of whom it is one: `brokers` or `nodes`.
    """
    return WorkshopError(
        f"{what}: the {which} of this stack are not yours, and others work with them. "
        f"Only who runs {OWNERS[which]} may do that.",
        HERE,
    )
