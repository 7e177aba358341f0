"""States of a container, with all fields of the API."""

from __future__ import annotations

STATES = {
    "waiting": ("reason", "message"),
    "running": ("startedAt",),
    "terminated": ("exitCode", "signal", "reason", "message", "startedAt", "finishedAt", "containerID"),
}


def whole(state: dict) -> dict:
    """Return a state with null for absent fields: a patch would otherwise keep the old values."""
    return {
        kind: {key: state[kind].get(key) for key in keys} if kind in state else None for kind, keys in STATES.items()
    }
