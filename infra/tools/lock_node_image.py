"""Renew infra/deploy/kind/offline/go.mod and go.sum for the Kubernetes that infra/workshop/stack/toolchain/versions.py pins.

Usage: .venv/bin/python infra/tools/lock_node_image.py
"""

from __future__ import annotations

import sys

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.kubernetes.kind.offline.lock import lock


def main() -> int:
    """Rewrite both files; return the exit code."""
    try:
        lock(Settings.load(), Timeline())
    except WorkshopError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
