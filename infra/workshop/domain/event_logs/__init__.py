"""Event logs of any field, one row an event: what an event is, how a file's rows become events, what there is in a log.

Pure: no Kafka. Names stay text as they stand: a case may be called `NA`.
"""

from workshop.domain.event_logs.events import LoggedEvent, MalformedLogEvent
from workshop.domain.event_logs.totals import Totals

__all__ = ["LoggedEvent", "MalformedLogEvent", "Totals"]
