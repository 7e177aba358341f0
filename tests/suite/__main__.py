"""Entry point of the suite: `./infra/test.sh` sets up the environment and runs it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from suite.run import main  # noqa: E402 (this folder's parent has to be on the path first)

sys.exit(main())
