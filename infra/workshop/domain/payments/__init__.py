"""Card payments: the domain of the story. Pure: no Kafka, no Kubernetes."""

from workshop.domain.payments.events import MalformedEvent, PaymentMade, PaymentRefunded, parse

__all__ = ["MalformedEvent", "PaymentMade", "PaymentRefunded", "parse"]
