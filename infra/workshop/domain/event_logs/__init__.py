"""Event logs of any field, with one event per row: the events, and the totals of a log.

Pure: no Kafka. Names are unchanged text: a case may be called `NA`.
"""

from workshop.domain.event_logs.events import LoggedEvent, MalformedLogEvent
from workshop.domain.event_logs.totals import Totals

__all__ = ["LoggedEvent", "MalformedLogEvent", "Totals"]
