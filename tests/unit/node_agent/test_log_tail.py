"""Log files that grow and are replaced while they are read; and where their last lines begin. Real files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from node_agent.processes import log_tail
from node_agent.processes.log_tail import GrowingFile, last_lines


def read(file: Path, start: int = 0, ended: Callable[[], bool] | None = None) -> list[bytes]:
    async def scenario() -> list[bytes]:
        growing = GrowingFile(file, start)
        try:
            return [chunk async for chunk in growing.chunks(ended)]
        finally:
            growing.close()

    return asyncio.run(scenario())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "POLL", 0.001)


@pytest.mark.parametrize(
    ("content", "wanted", "expected"),
    [
        (b"a\nb\nc\n", 2, (2, 2)),
        (b"a\nb\nc\n", 3, (0, 3)),
        (b"a\nb\nc\n", 9, (0, 3)),
        (b"a\nb\nc", 1, (4, 1)),
        (b"\n\n\n", 2, (1, 2)),
        (b"a\nb\n", 0, (4, 0)),
        (b"a", 1, (0, 1)),
        (b"", 5, (0, 0)),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 65536])
def test_last_lines(
    content: bytes, wanted: int, expected: tuple[int, int], chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(log_tail, "CHUNK", chunk)
    file = tmp_path / "log"
    file.write_bytes(content)
    assert last_lines(file, wanted) == expected


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path):
    assert last_lines(tmp_path / "gone", 5) == (0, 0)
    assert read(tmp_path / "gone") == []


def test_only_whole_lines_are_read_from_the_given_byte_on(tmp_path: Path):
    file = tmp_path / "log"
    file.write_bytes(b"first\nsecond\nhalf")
    assert b"".join(read(file)) == b"first\nsecond\n"
    assert b"".join(read(file, start=6)) == b"second\n"


def test_lines_longer_than_a_chunk_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_tail, "CHUNK", 4)
    file = tmp_path / "log"
    file.write_bytes(b"a long line\nb\n")
    chunks = read(file)
    assert b"".join(chunks) == b"a long line\nb\n"
    assert all(chunk.endswith(b"\n") for chunk in chunks)


def follow(file: Path, steps: list[Callable[[], object]]) -> bytes:
    """Read while a writer does one step per look, until it has ended."""

    def ended() -> bool:
        if steps:
            steps.pop(0)()
            return False
        return True

    return b"".join(read(file, ended=ended))


def append(file: Path, text: bytes) -> Callable[[], object]:
    def write() -> None:
        with file.open("ab") as opened:
            opened.write(text)

    return write


def test_a_file_is_followed_until_its_writer_has_ended(tmp_path: Path):
    file = tmp_path / "log"
    steps = [append(file, b"first\nx"), lambda: None, append(file, b"y\n")]
    assert follow(file, steps) == b"first\nxy\n"


def test_a_file_that_is_set_aside_is_read_to_its_end_and_then_the_fresh_one(tmp_path: Path):
    file = tmp_path / "log"
    file.write_bytes(b"1\n")

    def rotate() -> None:
        append(file, b"2\n")()
        file.rename(tmp_path / "log.1")
        file.write_bytes(b"3\n")

    assert follow(file, [lambda: None, rotate]) == b"1\n2\n3\n"


def test_what_is_written_together_with_the_end_is_read(tmp_path: Path):
    file = tmp_path / "log"
    looks: list[int] = []

    def ended() -> bool:
        looks.append(1)
        if len(looks) == 2:  # after the first look that said "ended"
            append(file, b"last words\n")()
        return True

    assert b"".join(read(file, ended=ended)) == b"last words\n"
