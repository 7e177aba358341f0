"""`debits` in a cluster: python -m services.debits. The environment tells it, `workshop.debits` does it."""

from __future__ import annotations

from workshop.debits import Debits, Topics

from services import reader
from services.settings import Settings


def wire(settings: Settings) -> Debits:
    """One instance, told from its group's others by its pod's name."""
    written = (settings.debits_topic, settings.balances_topic, settings.dead_letters_topic)
    topics = Topics(settings.payments_topic, *written)
    return Debits(settings.kafka, topics, settings.group, settings.work_seconds, settings.pod)


if __name__ == "__main__":
    reader.run("debits", wire)
