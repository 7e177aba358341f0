"""Names of events of any field of life: whether a name asks for something instead of stating a fact."""

from __future__ import annotations

import re

from workshop.notebook.exercises.event_names import is_participle, words

# Verbs that are nearly always a request at the begin of a name.
VERBS = re.compile(
    r"accept|add|admit|apply|approve|arrange|assign|begin|borrow|bring|buy|cancel|close|collect|confirm|correct|create"
    r"|decline|delete|deliver|discharge|do|enrol|enroll|enter|extend|finish|fix|get|give|give|hire|join|keep|lend|make"
    r"|mark|move|open|pay|please|prescribe|put|receive|refuse|register|reject|remove|renew|repair|reserve|reset|send"
    r"|sell|ship|sign|start|stop|submit|subscribe|take|tell|treat|undo|update|withdraw|write"
)
# Words that are nouns too: `BookRoom` asks, `BookLent` states a fact.
ALSO_NOUNS = re.compile(
    r"book|call|change|charge|check|credit|debit|deposit|grade|lease|leave|load|loan|order|park|place|plan|post|pick|print"
    r"|refund|release|rent|report|request|return|schedule|score|test|ticket|transfer|vaccinate|visit|vote|weigh"
)
IRREGULAR = re.compile(
    r"begun|born|bought|broken|brought|built|caught|chosen|cut|dealt|done|drawn|driven|fallen|fed|felt|flown|found|given"
    r"|gone|got|grown|heard|held|hit|hurt|kept|known|laid|left|lent|lost|made|met|overdue|paid|put|ridden|run|said|seen"
    r"|sent|set|shown|shut|sold|spent|spoken|stolen|taken|taught|thrown|told|undone|won|withdrawn|worn|written|out|in"
)


def asks(name: str) -> bool:
    """Return whether a name is that of a command: it begins with a request and has no participle."""
    said = words(name)
    if not said or any(is_participle(word, IRREGULAR) for word in said):
        return False
    return bool(VERBS.fullmatch(said[0])) or (len(said) > 1 and bool(ALSO_NOUNS.fullmatch(said[0])))
