"""Logging as one JSON object per line on stdout."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from services.runtime.settings import Settings


class JsonLines(logging.Formatter):
    """Formatter for JSON: time, level, service, pod, message and the fields of `extra={"fields": {...}}`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._who = {"service": settings.service, "pod": settings.pod}

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, for any message."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname.lower(), **self._who, "message": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up(settings: Settings) -> None:
    """Write all logs of this process as JSON lines, including an unhandled exception."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(settings))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # While brokers are unavailable, the client logs every attempt; the services log the result.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    sys.excepthook = lambda *error: logging.getLogger("services").critical("Unhandled error.", exc_info=error)
