"""Kernels for nbval that wait with the suite's patience, and code run in them beside a notebook's cells."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel, start_new_kernel

from suite import patience


@dataclass(frozen=True)
class Outcome:
    """How a piece of code ended: the error's name, its text and its traceback; empty if there was none."""

    error: str = ""
    text: str = ""
    trace: str = ""


class PatientKernel(RunningKernel):
    """nbval's kernel without its fixed time-outs (nbval issue 231): each wait has the suite's bound."""

    def __init__(self, folder: Path, log: Path) -> None:
        """Start a kernel in `folder`; what it writes to its standard error goes to `log`."""
        with log.open("ab") as words:
            self.km, self.kc = start_new_kernel(
                patience.START,
                CURRENT_ENV_KERNEL_NAME,
                cwd=str(folder),
                stderr=words,
                env={**os.environ, "WORKSHOP_STRICT": "1"},
            )
        outcome = self.execute("None", patience.START)
        if outcome.error:
            raise RuntimeError(f"The kernel did not start: {outcome.text}")

    def execute(self, code: str, timeout: float) -> Outcome:
        """Run code and return how it ended; on a time-out the kernel is interrupted."""
        errors: list[Outcome] = []

        def see(message: dict) -> None:
            if message["msg_type"] == "error":
                said = message["content"]
                errors.append(Outcome(said["ename"], said["evalue"], "\n".join(said["traceback"])))

        try:
            self.kc.execute_interactive(
                code, store_history=False, allow_stdin=False, stop_on_error=False, timeout=timeout, output_hook=see
            )
        except (TimeoutError, Empty):
            self.interrupt()
            return Outcome("TimeoutError", f"Not finished within {timeout:g} s.")
        return errors[0] if errors else Outcome()
