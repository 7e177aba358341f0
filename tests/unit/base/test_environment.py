"""Programs of the workshop reach its own servers, whatever the user's shell sets for others."""

from __future__ import annotations

import os
from unittest import mock

import pytest
from workshop.base import environment
from workshop.base.settings import Settings


def test_servers_on_this_machine_are_reached_without_a_proxy():
    env = {"NO_PROXY": "example.org,127.0.0.1"}
    environment.isolate(env)
    assert env == {"NO_PROXY": "example.org,127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def test_no_connection_to_postgresql_takes_a_setting_from_a_variable():
    env = {"PGSSLMODE": "require", "PGSERVICE": "mine", "PATH": "/bin", "PS1": "$ "}
    environment.isolate(env)
    assert {name for name in env if name.startswith("P")} == {"PATH", "PS1"}


@pytest.mark.parametrize(
    ("shell", "used"),
    [
        ("/usr/sbin/nologin", "/bin/sh"),
        ("/bin/false", "/bin/sh"),
        ("/bin/bash", "/bin/bash"),
        ("/bin/fish", "/bin/fish"),
    ],
)
def test_commands_of_a_cell_run_by_a_shell(shell: str, used: str):
    env = {"SHELL": shell}
    environment.isolate(env)
    assert env["SHELL"] == used


def test_kubectl_in_a_lesson_never_means_the_users_own_cluster(settings: Settings):
    theirs = {"KUBECONFIG": "/home/me/.kube/production", "MPLCONFIGDIR": "/home/me/mpl"}
    with mock.patch.dict(os.environ, theirs):
        environment.adopt(settings)
        assert os.environ["KUBECONFIG"] == str(settings.state / "kubeconfig")
        assert os.environ["MPLCONFIGDIR"] == "/home/me/mpl"
        assert environment.tool_environment(settings)["KUBECONFIG"] == str(settings.state / "kubeconfig")


def test_the_workshops_pythons_run_as_without_the_users_variables(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for name in ("PYTHONPATH", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    told = environment.tool_environment(settings)
    assert {name for name in told if name.startswith("PYTHON")} <= {"PYTHONUNBUFFERED", "PYTHONSAFEPATH"}
