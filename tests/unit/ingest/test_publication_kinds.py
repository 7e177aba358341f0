"""The kinds of files that can be published: each gives the publisher what it asks for."""

from __future__ import annotations

import inspect

import pytest
from workshop.ingest.event_log_rows import Reading
from workshop.ingest.log_publishing import _Log
from workshop.ingest.payment_records import Payments
from workshop.ingest.publication_kinds import Kind

METHODS = ("prepare", "reading", "parts")


@pytest.mark.parametrize("kind", [Payments(), _Log(Reading("case", "at", "act"), None)])
def test_a_kind_has_the_methods_with_the_arguments_of_the_protocol(kind: Kind):
    for name in METHODS:
        wanted = list(inspect.signature(getattr(Kind, name)).parameters)[1:]
        assert list(inspect.signature(getattr(kind, name)).parameters) == wanted
    assert kind.refused_type.endswith("Refused")
