"""Programs of the workshop reach its own servers; settings of the user's shell for others have no effect."""

from __future__ import annotations

import os
from unittest import mock

import pytest
from psycopg import pq
from workshop.base import environment
from workshop.base.settings import Settings


def test_servers_on_this_machine_are_reached_without_a_proxy():
    env = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.org, 127.0.0.1"}
    environment.isolate(env)
    assert env["NO_PROXY"] == env["no_proxy"] == "example.org,127.0.0.1,localhost"


@pytest.mark.parametrize(
    "env",
    [
        {},  # on macOS, a variable would hide the settings of the system
        {"no_proxy": "example.org"},
        {"https_proxy": "http://proxy:3128", "no_proxy": "*"},
    ],
)
def test_without_a_proxy_its_exceptions_stay_as_they_are(env: dict[str, str]):
    before = dict(env)
    environment.isolate(env)
    assert env == before


def test_no_connection_to_postgresql_takes_a_setting_from_a_variable():
    known = [option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar]
    env = {**dict.fromkeys(known, "x"), "PGID": "7", "PATH": "/bin"}
    environment.isolate(env)
    assert env == {"PGID": "7", "PATH": "/bin"}


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
    for name in environment.PYTHONS:
        monkeypatch.setenv(name, "1")
    assert not set(environment.PYTHONS) & set(environment.tool_environment(settings))
