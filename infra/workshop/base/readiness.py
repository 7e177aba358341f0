"""Wait for a started component until it answers; the work of its process counts as progress."""

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
        answers: returns whether the component answers. Its errors, such as the end of the component, are raised here.
        patience: seconds that may pass without progress.
        title: the component's name for users: "JupyterLab".
        tell: called with a text about the wait.
        detail: evaluated on a timeout; by default, the end of the component's log.

    Raises:
        WorkshopError: the component did not answer in time.
    """

    def look() -> Seen[bool]:
        if answers():
            return over(True)
        return Seen(f"{title} to answer", work_of([kept_by(processes.recorded(name))]))

    tail = detail or (lambda: processes.tail(name, 8))
    wait_while_progressing(look, patience, every=0.2, tell=tell, next_step=next_step, detail=tail)
