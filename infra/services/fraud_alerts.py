"""`fraud-alerts` in a cluster: python -m services.fraud_alerts. The environment tells it, `workshop.fraud_alerts` does it."""

from __future__ import annotations

import sys

from workshop.fraud_alerts import FraudAlerts, Topics

from services import reader
from services.settings import Settings


def wire(settings: Settings) -> FraudAlerts:
    """One instance."""
    sys.setswitchinterval(0.001)  # the client's threads hand events over; by default each may have to wait for 5 ms
    topics = Topics(settings.payments_topic, settings.reports_topic, settings.alerts_topic)
    return FraudAlerts(settings.kafka, topics, settings.group)


if __name__ == "__main__":
    reader.run("fraud-alerts", wire)
