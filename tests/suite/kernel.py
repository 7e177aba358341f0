"""Kernels for nbval with the suite's time limits, which can also run code outside of a notebook's cells."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel, start_new_kernel

from suite import patience


@dataclass(frozen=True)
class Outcome:
    """The result of code: name, text and traceback of its error; empty if it had no error."""

    error: str = ""
    text: str = ""
    trace: str = ""


class PatientKernel(RunningKernel):
    """nbval's kernel without its fixed timeouts (nbval issue 231): each wait has the suite's limit."""

    def __init__(self, folder: Path, log: Path, name: str = CURRENT_ENV_KERNEL_NAME) -> None:
        """Start the kernel `name` in `folder`; its standard error goes to `log`."""
        with log.open("ab") as words:
            self.km, self.kc = start_new_kernel(
                patience.START,
                name,
                cwd=str(folder),
                stderr=words,
                env={**os.environ, "WORKSHOP_STRICT": "1"},
            )
        outcome = self.execute("None", patience.START)
        if outcome.error:
            raise RuntimeError(f"The kernel did not start: {outcome.text}")

    def execute(self, code: str, timeout: float) -> Outcome:
        """Run code and return its outcome; interrupt the kernel after a timeout."""
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
