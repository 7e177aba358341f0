"""Program of the component `kubernetes-build`: compiles the control plane, then completes the stack."""

from __future__ import annotations

import sys

from workshop.base import incidents, interruptions
from workshop.base.errors import WorkshopError
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack import lab, lifecycle
from workshop.stack.kubernetes.controlplane import build


def main() -> int:
    """Run the build and the start; return the exit code."""
    incidents.install()
    interruptions.install()
    settings = Settings.load()
    try:
        build.build(settings)
        with_lab = lab.NAME in Processes(settings.state).running()
        lifecycle.up(settings, Timeline(), with_lab=with_lab)
    except WorkshopError as error:
        print("\n".join(error.lines()), flush=True)
        return 1
    except KeyboardInterrupt as error:
        return interruptions.exit_code(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
