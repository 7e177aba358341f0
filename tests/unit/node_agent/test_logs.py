"""What containers print is written and read as a kubelet's runtime does."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from node_agent.processes.logs import ContainerLog, older, read


def test_each_line_carries_its_time_and_stream(tmp_path):
    path = write(tmp_path / "0.log", [("stdout", b"one\ntwo\n"), ("stderr", b"no newline")])

    lines = path.read_text().splitlines()

    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) [FP] .*", line) for line in lines)
    assert [line.split(" ", 1)[1] for line in lines] == ["stdout F one", "stdout F two", "stderr P no newline"]
    assert shown([path]) == b"one\ntwo\nno newline"


def test_a_long_line_is_written_in_parts_and_shown_whole(tmp_path):
    long = b"x" * 40_000
    path = write(tmp_path / "0.log", [("stdout", long + b"\nnext\n")])

    assert [line.split()[2] for line in path.read_text().splitlines()] == ["P", "P", "F", "F"]
    assert shown([path]) == long + b"\nnext\n"
    assert len(shown([path], timestamps=True)) == len(long + b"\nnext\n") + 2 * len("2026-01-01T00:00:00.000000000Z ")


def test_bytes_that_are_no_text_and_carriage_returns_pass_unchanged(tmp_path):
    printed = b"\xff\xfe \r 50 %\r 100 %\n\n  indented\n"
    assert shown([write(tmp_path / "0.log", [("stdout", printed)])]) == printed


@pytest.mark.parametrize(
    ("wanted", "expected"), [(0, b""), (1, b"9\n"), (3, b"7\n8\n9\n"), (100, b"".join(b"%d\n" % n for n in range(10)))]
)
def test_the_last_lines_are_read_from_the_end(tmp_path, wanted, expected):
    path = write(tmp_path / "0.log", [("stdout", b"".join(b"%d\n" % n for n in range(10)))])
    assert shown([path], tail=wanted) == expected


def test_the_last_lines_reach_into_what_was_set_aside(tmp_path):
    path = write(tmp_path / "0.log", [("stdout", b"%d %s\n" % (n, b"." * 90)) for n in range(100)], limit=9000)

    assert older(path).exists()
    assert [int(line.split()[0]) for line in shown([path], tail=60).splitlines()] == list(range(40, 100))


def test_streams_times_and_sizes_are_chosen(tmp_path):
    path = write(tmp_path / "0.log", [("stdout", b"out\n"), ("stderr", b"err\n")])

    assert shown([path], stream="stderr") == b"err\n"
    assert shown([path], limit_bytes=5) == b"out\ne"
    assert shown([path], since=datetime.now(UTC) + timedelta(seconds=5)) == b""
    assert shown([path], since=datetime.now(UTC) - timedelta(seconds=5)) == b"out\nerr\n"


def test_a_file_that_is_not_there_is_empty(tmp_path):
    assert shown([tmp_path / "never.log"], tail=3) == b""


def test_following_goes_on_over_the_change_of_files_until_the_container_has_ended(tmp_path):
    count = 400

    async def scenario() -> bytes:
        path, over = tmp_path / "0.log", False
        source = asyncio.StreamReader()

        async def print_lines() -> None:
            nonlocal over
            for number in range(count):
                source.feed_data(b"%d %s\n" % (number, b"." * 60))
                await asyncio.sleep(0.002)
            over = True
            await asyncio.sleep(0.05)  # its last words come after it was reaped
            source.feed_data(b"last\n")
            source.feed_eof()

        written = asyncio.gather(print_lines(), ContainerLog(path, limit=12_000).copy(source, "stdout"))
        found = [chunk async for chunk in read_all([path], follow=lambda: over)]
        await written
        return b"".join(found)

    lines = asyncio.run(scenario()).splitlines()
    assert [line.split()[0] for line in lines] == [b"%d" % n for n in range(count)] + [b"last"]


def test_a_full_disk_stops_no_program(tmp_path, caplog):
    async def scenario() -> None:
        source = asyncio.StreamReader()
        source.feed_data(b"one\n")
        source.feed_eof()
        await ContainerLog(Path("/dev/full")).copy(source, "stdout")

    asyncio.run(scenario())
    assert "/dev/full cannot be written" in caplog.text


def write(path: Path, printed: list[tuple[str, bytes]], limit: int = 10_000_000) -> Path:
    async def scenario() -> None:
        written = ContainerLog(path, limit)
        sources = {stream: asyncio.StreamReader() for stream, _ in printed}
        copies = [asyncio.create_task(written.copy(source, stream)) for stream, source in sources.items()]
        for stream, text in printed:
            sources[stream].feed_data(text)
            await asyncio.sleep(0.001)
        for source in sources.values():
            source.feed_eof()
        await asyncio.gather(*copies)

    asyncio.run(scenario())
    return path


def shown(paths: list[Path], **chosen) -> bytes:
    async def scenario() -> bytes:
        return b"".join([chunk async for chunk in read_all(paths, **chosen)])

    return asyncio.run(scenario())


def read_all(paths: list[Path], **chosen):
    usual = dict.fromkeys(("tail", "since", "limit_bytes", "stream", "follow"))
    return read(paths, **{**usual, "timestamps": False, **chosen})
