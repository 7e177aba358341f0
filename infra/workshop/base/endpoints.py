"""The file `endpoints.json` of a stack: addresses of its brokers, Kubernetes and services."""

from __future__ import annotations

import json

from workshop.base import stack_folders
from workshop.base.files import read_record, write_atomically
from workshop.base.settings import Settings


def read(settings: Settings) -> dict:
    """Return the content that the last `up` wrote.

    If the file is missing or damaged, the dictionary is empty; `up` writes the file again.
    """
    found = read_record(settings.endpoints_file)
    kafka, of_lab = found.get("kafka"), found.get("lab", {})
    whole = isinstance(kafka, dict) and isinstance(kafka.get("bootstrap_servers"), list) and isinstance(of_lab, dict)
    return found if whole and found.get("backend") in stack_folders.BACKENDS else {}


def write(settings: Settings, endpoints: dict) -> None:
    """Write the file atomically."""
    write_atomically(settings.endpoints_file, json.dumps(endpoints, indent=1))
