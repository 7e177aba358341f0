"""Program that makes the environment of the site's builder beside the tests; the tests of the site wait for it."""

from __future__ import annotations

from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.cli import site_environment

if __name__ == "__main__":
    site_environment.provision(Settings.load(), Timeline(), tests=True)
