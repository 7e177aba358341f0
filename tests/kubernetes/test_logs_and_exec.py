"""`kubectl logs` and `kubectl exec`."""

from __future__ import annotations

import re

import pytest
from workshop.base.errors import WorkshopError

from .manifests import container, env, pod, shell
from .space import Space, container_of


def test_logs_are_told_whole_in_part_with_times_and_by_container(space: Space):
    counting = container(shell("for i in 1 2 3 4 5; do echo line $i; done; echo aside >&2"), "counts")
    other = container(shell("echo other"), "speaks")
    space.create(pod("told", counting, other, restartPolicy="Never"))
    space.ended("told", "Succeeded")
    lines = [f"line {i}" for i in range(1, 6)]
    assert sorted(space.log("told", "--container=counts").splitlines()) == ["aside", *lines]
    assert space.log("told", "--container=speaks").splitlines() == ["other"]
    assert len(space.log("told", "--container=counts", "--tail=2").splitlines()) == 2
    assert set(space.log("told", "--all-containers").splitlines()) == {"aside", "other", *lines}
    timed = space.log("told", "--container=speaks", "--timestamps").strip()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d) other", timed)


def test_logs_are_followed_to_the_end(space: Space):
    saying = shell("for i in 1 2 3 4 5 6; do echo line $i; sleep 0.5; done; echo bye")
    space.create(pod("told", container(saying), restartPolicy="Never"))
    space.wait(lambda: space.find("Pod", "told").status.phase in ("Running", "Succeeded"), "the pod to run")
    assert space.log("told", "--follow").splitlines() == [*(f"line {i}" for i in range(1, 7)), "bye"]
    space.ended("told", "Succeeded")


def test_the_log_of_the_life_before_is_kept(space: Space):
    script = "echo >> /state/lives; echo life $(wc -l < /state/lives); test $(wc -l < /state/lives) = 1 && exit 1; sleep 3600"
    space.create(pod("reborn", container(shell(script))))
    space.wait(lambda: container_of(space.running("reborn")).restartCount == 1, "the second life")
    space.wait(lambda: space.log("reborn").splitlines() == ["life 2"], "the second life to speak")
    assert space.log("reborn", "--previous").splitlines() == ["life 1"]


def test_a_command_is_run_in_a_container(space: Space):
    variables = env(COLOUR="blue")
    space.create(pod("host", container(env=variables), container(env=env(COLOUR="red"), name="second")))
    space.running("host")
    assert space.exec("host", "printenv", "COLOUR") == "blue\n"
    assert space.exec("host", "printenv", "COLOUR", container="second") == "red\n"
    assert space.exec("host", *shell("echo out; echo err >&2")) == "out\n"
    assert space.exec("host", *shell("printf 'a b\\n\\n'; printf c")) == "a b\n\nc"


def test_a_command_gets_its_input_and_its_end(space: Space):
    space.create(pod("host", container()))
    space.running("host")
    much = "".join(f"line {i}\n" for i in range(20_000))
    assert space.exec("host", "cat", data="some words") == "some words"
    assert space.exec("host", *shell("wc -c"), data=much).strip() == str(len(much))
    assert space.exec("host", "cat", data=much) == much


def test_a_command_that_fails_says_with_which_code(space: Space):
    space.create(pod("host", container()))
    space.running("host")
    with pytest.raises(WorkshopError) as raised:
        space.exec("host", *shell("echo so it is >&2; exit 7"))
    assert "so it is" in raised.value.detail
    assert "exit code 7" in raised.value.detail
    with pytest.raises(WorkshopError) as raised:
        space.exec("host", "no-such-command")
    assert "no-such-command" in raised.value.detail
