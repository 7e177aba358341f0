"""Which part of a container's log is asked for, and in which file it is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from multidict import MultiDict
from node_agent.kubelet_api.log_request import LogRequest


def of(**query: str) -> LogRequest:
    return LogRequest.of(MultiDict(query))


def container(*attempts: Path, ended: bool = True, **state: dict) -> SimpleNamespace:
    return SimpleNamespace(name="main", attempts=list(attempts), state=state, ended=lambda: ended)


def read(request: LogRequest, one: SimpleNamespace) -> bytes:
    async def scenario() -> bytes:
        return b"".join([chunk async for chunk in request.read("web-1", one)])

    return asyncio.run(scenario())


def log(folder: Path, name: str, *texts: str) -> Path:
    file = folder / name
    file.write_text("".join(f"2026-01-01T00:00:00Z stdout F {text}\n" for text in texts))
    return file


def test_a_query_without_options_asks_for_everything():
    assert of() == LogRequest(False, False, False, None, None, None, None)


def test_options_are_read():
    found = of(follow="true", previous="1", timestamps="true", tailLines="5", limitBytes="0", stream="Stderr")
    assert found == LogRequest(True, True, True, 5, 0, None, "stderr")
    assert of(follow="yes").follow is False


def test_seconds_count_back_from_now_and_a_time_wins():
    before = datetime.now(UTC)
    assert before <= of(sinceSeconds="60").since + timedelta(seconds=60) <= datetime.now(UTC)
    assert of(sinceSeconds="60", sinceTime="2026-01-02T03:04:05Z").since == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"tailLines": "-1"}, "tailLines must be a number, 0 or more: -1"),
        ({"limitBytes": "1.5"}, "limitBytes must be"),
        ({"sinceSeconds": ""}, "sinceSeconds must be"),
        ({"stream": "stdout"}, "invalid stream type stdout"),
        ({"sinceTime": "yesterday"}, "yesterday"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error(query: dict[str, str], said: str):
    with pytest.raises(ValueError, match=said):
        of(**query)


def test_the_current_and_the_previous_attempt_have_files_of_their_own(tmp_path: Path):
    one = container(log(tmp_path, "0", "old"), log(tmp_path, "1", "a", "b"))
    assert read(of(), one) == b"a\nb\n"
    assert read(of(tailLines="1"), one) == b"b\n"
    assert read(of(previous="true"), one) == b"old\n"


def test_while_the_next_attempt_is_waited_for_the_last_one_is_the_previous(tmp_path: Path):
    one = container(log(tmp_path, "0", "crashed"), waiting={"reason": "CrashLoopBackOff"})
    assert read(of(), one) == read(of(previous="true"), one) == b"crashed\n"


def test_a_log_that_is_followed_ends_with_its_attempt(tmp_path: Path):
    assert read(of(follow="true"), container(log(tmp_path, "0", "all"))) == b"all\n"


def test_the_log_of_an_earlier_attempt_is_not_waited_for(tmp_path: Path):
    files = log(tmp_path, "0", "old"), log(tmp_path, "1", "new")
    assert read(of(follow="true", previous="true"), container(*files, ended=False)) == b"old\n"


@pytest.mark.parametrize(
    ("query", "state", "said"),
    [
        ({"previous": "true"}, {}, 'previous terminated container "main" in pod "web-1" not found'),
        (
            {},
            {"waiting": {"reason": "ErrImagePull"}},
            'container "main" in pod "web-1" is waiting to start: ErrImagePull',
        ),
        ({}, {}, "waiting to start: ContainerCreating"),
    ],
)
def test_a_log_that_is_not_there_is_told_in_the_words_of_a_kubelet(query: dict, state: dict, said: str):
    with pytest.raises(ValueError, match=said):
        read(of(**query), container(**state))


def test_the_only_attempt_has_no_previous_one(tmp_path: Path):
    with pytest.raises(ValueError, match="previous terminated container"):
        read(of(previous="true"), container(log(tmp_path, "0", "only"), running={}))
