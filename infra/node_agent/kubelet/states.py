"""A container's states, with every field that the API knows of them."""

from __future__ import annotations

STATES = {
    "waiting": ("reason", "message"),
    "running": ("startedAt",),
    "terminated": ("exitCode", "signal", "reason", "message", "startedAt", "finishedAt", "containerID"),
}


def whole(state: dict) -> dict:
    """A state with all that it does not have as null: a patch would otherwise leave what was there before."""
    return {
        kind: {key: state[kind].get(key) for key in keys} if kind in state else None for kind, keys in STATES.items()
    }
