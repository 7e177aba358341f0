"""Runs checks: turns what they find into a verdict, and keeps the attendee's progress."""

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
    """An exercise is not passed. Raised where the suite runs (`WORKSHOP_STRICT`); an attendee is shown the verdict."""


class _Unmet(Exception):
    def __init__(self, word: str, **lines: str) -> None:
        super().__init__(word)
        self.word = word
        self.lines = tuple((label, text) for label, text in lines.items() if text)


def expect(condition: object, *, observed: str, expected: str, hint: str = "") -> None:
    """Go on if the condition holds; if not, the exercise is not passed yet, and these lines say why."""
    if not condition:
        raise _Unmet("not yet", observed=observed, expected=expected, hint=hint)


def unanswered(condition: object, *, observed: str, expected: str = "") -> None:
    """If the condition holds, nothing was written in the answer cell yet."""
    if condition:
        raise _Unmet("unanswered", observed=observed, expected=expected)


def exercise(name: str, title: str) -> Callable[[Callable[..., str]], Callable[..., Verdict]]:
    """Make a function the check of an exercise.

    The function gets what the notebook passes it, calls `expect`, and returns the sentence for one who passed. It may
    raise anything: what an attendee left in a variable must not end in a traceback.
    """
    TITLES[name] = title

    def decorate(check: Callable[..., str]) -> Callable[..., Verdict]:
        @functools.wraps(check)
        def run(*arguments: object, **named: object) -> Verdict:
            settings = Settings.load()
            word, lines, trouble = _outcome(check, *arguments, **named)
            if word == "passed" and not settings.strict:
                learner_progress.record(settings, name)
            verdict = Verdict(name, word, lines, _row(settings, name))
            if settings.strict and word != "passed":
                raise CheckFailed(str(verdict), detail=trouble)
            return verdict

        return run

    return decorate


def _outcome(check: Callable[..., str], *arguments: object, **named: object) -> tuple[str, tuple, str]:
    """The word, the lines, and the traceback of what a check did not foresee: for the suite's eyes only."""
    try:
        return "passed", (("observed", check(*arguments, **named)),), ""
    except _Unmet as unmet:
        return unmet.word, unmet.lines, ""
    except WorkshopError as error:
        said = " · ".join(error.detail.splitlines()[-2:])[-300:]
        lines = (("observed", error.happened), ("said", said), ("hint", error.next_step))
        return "not yet", tuple(line for line in lines if line[1]), traceback.format_exc()
    except KafkaError as error:
        seen, hint = (
            f"the check could not ask Kafka: {type(error).__name__}",
            "Run the check once more; if it says so again, `workshop up` in a terminal repairs the stack.",
        )
    except Exception as error:  # whatever an answer holds: an attendee reads a sentence
        seen = f"the check could not use the answer: {type(error).__name__}: {error}"
        hint = "Look at what the names in the answer cell hold."
    return "not yet", (("observed", seen), ("hint", hint)), traceback.format_exc()


def _row(settings: Settings, name: str) -> str:
    lesson = name.split(".")[0]
    passed = learner_progress.read(settings)
    marks = [f"{'✓' if other in passed else '○'} {other}" for other in sorted(TITLES) if other.split(".")[0] == lesson]
    return f"this lesson's exercises: {'   '.join(marks)}"
