"""Execution of checks: turns their findings into a verdict and records the attendee's progress."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable

from kafka.errors import KafkaError

from workshop.base import learner_progress
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.notebook.exercises.verdict import Verdict

TITLES: dict[str, str] = {}


class CheckFailed(WorkshopError):
    """A check failed under `WORKSHOP_STRICT`, as in the test suite; attendees see the verdict instead."""


class _Unmet(Exception):
    def __init__(self, word: str, **lines: str) -> None:
        super().__init__(word)
        self.word = word
        self.lines = tuple((label, text) for label, text in lines.items() if text)


def require(condition: object, word: str, lines: dict[str, str]) -> None:
    """Continue if the condition holds; otherwise end the check with this word and these lines, by their labels."""
    if not condition:
        raise _Unmet(word, **lines)


def expect(condition: object, *, observed: str, expected: str, hint: str = "") -> None:
    """Continue if the condition holds; otherwise end the check with "not yet" and these lines."""
    if not condition:
        raise _Unmet("not yet", observed=observed, expected=expected, hint=hint)


def unanswered(condition: object, *, observed: str, expected: str = "") -> None:
    """End the check with "unanswered" if the condition holds, because the answer cell is still empty."""
    if condition:
        raise _Unmet("unanswered", observed=observed, expected=expected)


def exercise(name: str, title: str) -> Callable[[Callable[..., str | dict[str, str]]], Callable[..., Verdict]]:
    """Make a function the check of an exercise.

    The function receives the arguments of the notebook's call, uses `expect`, and returns the sentence for a passed
    exercise, or its lines by their labels. It may raise any error: an attendee's variables must not cause a traceback.
    """
    TITLES[name] = title

    def decorate(check: Callable[..., str | dict[str, str]]) -> Callable[..., Verdict]:
        @functools.wraps(check)
        def run(*arguments: object, **named: object) -> Verdict:
            settings = Settings.load()
            word, lines, trouble = _outcome(check, *arguments, **named)
            if word == "passed" and not settings.strict:
                learner_progress.record(settings, name)
            verdict = Verdict(name, word, lines, _row(settings, name, word), TITLES[name])
            if settings.strict and word != "passed":
                raise CheckFailed(str(verdict), detail=trouble)
            return verdict

        return run

    return decorate


def _outcome(check: Callable[..., str | dict[str, str]], *arguments: object, **named: object) -> tuple[str, tuple, str]:
    """Return the word, the lines, and the traceback of an error, which only the test suite shows."""
    try:
        found = check(*arguments, **named)
        return "passed", (("observed", found),) if isinstance(found, str) else tuple(found.items()), ""
    except _Unmet as unmet:
        return unmet.word, unmet.lines, ""
    except WorkshopError as error:
        said = " · ".join(error.detail.splitlines()[-2:])[-300:]
        lines = (("observed", error.happened), ("said", said), ("hint", error.next_step))
        return "not yet", tuple(line for line in lines if line[1]), traceback.format_exc()
    except KafkaError as error:
        trace, seen, hint = (
            traceback.format_exc(),
            f"the check could not ask Kafka: {type(error).__name__}",
            "Run the check once more; if it says so again, `workshop up` in a terminal repairs the stack.",
        )
    except Exception as error:  # an answer can contain anything, and an attendee must not get a traceback
        trace, seen = traceback.format_exc(), f"the check could not use the answer: {type(error).__name__}: {error}"
        hint = "Look at what the names in the answer cell hold."
    return "not yet", (("observed", seen), ("hint", hint)), trace


def _row(settings: Settings, name: str, word: str) -> str:
    """Return the lesson's exercises with a mark each; a wrong answer does not take back that an exercise was passed."""
    lesson = name.split(".")[0]
    passed = learner_progress.read(settings)
    before = {name: " (passed before)"} if name in passed and word != "passed" else {}
    marks = [
        f"{'✓' if other in passed else '○'} {other}{before.get(other, '')}"
        for other in sorted(TITLES)
        if other.split(".")[0] == lesson
    ]
    return f"this lesson's exercises: {'   '.join(marks)}"
