"""Logs, as a node shows them: as asked, of the attempt before, followed to the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from .stack import Stack


def test_logs_are_shown_as_asked(run):
    async def scenario(stack: Stack) -> None:
        path = "/containerLogs/workshop/web-1/"
        await stack.container.prints(b"one\ntwo\nthree\n")
        assert await stack.get(path + "web") == (200, "one\ntwo\nthree\n")
        assert await stack.get(path + "web", tailLines="2", limitBytes="5") == (200, "two\nt")
        later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        assert await stack.get(path + "web", sinceTime=later) == (200, "")
        assert (await stack.get(path + "web", timestamps="true"))[1].split("\n")[0].endswith("Z one")
        assert await stack.get(path + "web", tailLines="-1") == (400, "tailLines must be a number, 0 or more: -1")
        assert (await stack.get(path + "other"))[0] == 404

    run(scenario)


def test_logs_of_what_has_not_started_are_a_sentence(run):
    async def scenario(stack: Stack) -> None:
        stack.container.state = {"waiting": {"reason": "ImagePullBackOff"}}
        status, text = await stack.get("/containerLogs/workshop/web-1/web")
        assert (status, text) == (400, 'container "web" in pod "web-1" is waiting to start: ImagePullBackOff')
        status, text = await stack.get("/containerLogs/workshop/web-1/web", previous="true")
        assert (status, text) == (400, 'previous terminated container "web" in pod "web-1" not found')

    run(scenario)


def test_logs_of_the_attempt_before(run):
    async def scenario(stack: Stack) -> None:
        path = "/containerLogs/workshop/web-1/web"
        await stack.container.prints(b"first\n")
        stack.container.begin()
        await stack.container.prints(b"second\n")
        assert await stack.get(path) == (200, "second\n")
        assert await stack.get(path, previous="true") == (200, "first\n")
        stack.container.state = {"waiting": {"reason": "CrashLoopBackOff"}}
        assert await stack.get(path, previous="true") == (200, "second\n")

    run(scenario)


def test_logs_are_followed_until_the_container_has_ended(run):
    async def scenario(stack: Stack) -> None:
        await stack.container.prints(b"one\n")
        following = asyncio.create_task(stack.get("/containerLogs/workshop/web-1/web", follow="true"))
        await asyncio.sleep(0.3)
        await stack.container.prints(b"two\n")
        await asyncio.sleep(0.3)
        assert not following.done()
        stack.container.over = True
        assert await following == (200, "one\ntwo\n")

    run(scenario)
