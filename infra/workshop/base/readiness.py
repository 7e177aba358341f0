"""The wait for a component that was started until it answers: what its process does meanwhile counts as progress."""

from __future__ import annotations

from collections.abc import Callable

from workshop.base.processes import Processes, kept_by, work_of
from workshop.base.waiting import Seen, nobody, over, wait_while_progressing


def wait_for(
    processes: Processes,
    name: str,
    answers: Callable[[], object],
    patience: float,
    *,
    title: str,
    tell: Callable[[str], None] = nobody,
    next_step: str = "",
    detail: Callable[[], str] | None = None,
) -> None:
    """Wait until a component answers.

    Args:
        answers: asks it; what it raises, such as that the component ended, is raised here.
        patience: seconds that may pass without progress.
        title: what people call it: "JupyterLab".
        detail: evaluated when the wait is given up; the end of the component's log by default.

    Raises:
        WorkshopError: it does not answer, though it runs.
    """

    def look() -> Seen[bool]:
        if answers():
            return over(True)
        return Seen(f"{title} to answer", work_of([kept_by(processes.recorded(name))]))

    tail = detail or (lambda: processes.tail(name, 8))
    wait_while_progressing(look, patience, every=0.2, tell=tell, next_step=next_step, detail=tail)
