"""The program of the component `kubernetes-build`: compile the control plane, then start what the stack lacks."""

from __future__ import annotations

import sys

from workshop import cluster, incidents, interruptions, lab
from workshop.controlplane import build
from workshop.errors import WorkshopError
from workshop.processes import Processes
from workshop.settings import Settings
from workshop.timeline import Timeline


def main() -> int:
    """Return the exit code."""
    incidents.install()
    interruptions.install()
    settings = Settings.load()
    try:
        build.build(settings)
        with_lab = lab.NAME in Processes(settings.state).running()
        cluster.up(settings, Timeline(), with_lab=with_lab)
    except WorkshopError as error:
        print("\n".join(error.lines()), flush=True)
        return 1
    except KeyboardInterrupt as error:
        return interruptions.exit_code(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
