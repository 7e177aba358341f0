"""A hands-on workshop on Kafka, event sourcing, microservices and Kubernetes. In a notebook: `workshop.connect()`."""

from __future__ import annotations

TYPE_CHECKING = (
    False  # type checkers take it for true; importing `typing` takes longer than all else before the first line
)
if TYPE_CHECKING:
    from typing import Any

    from workshop.base.errors import WorkshopError
    from workshop.notebook.connection import Connection, connect

__all__ = ["Connection", "WorkshopError", "connect"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the command starts without it."""
    if name == "WorkshopError":
        from workshop.base.errors import WorkshopError

        return WorkshopError
    if name in __all__:
        from workshop.notebook import connection

        return getattr(connection, name)
    raise AttributeError(f"module 'workshop' has no attribute '{name}'")
