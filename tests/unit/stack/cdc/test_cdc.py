"""Change data capture without processes: what is declared, and what a change says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.base.errors import WorkshopError
from workshop.base.settings import Ports
from workshop.domain import debezium
from workshop.domain.debezium import Change
from workshop.lessons.change_data_capture.bank import current
from workshop.stack.cdc import unprivileged
from workshop.stack.cdc.connect import worker_settings


def record(operation: str, before: dict | None, after: dict | None) -> bytes:
    source = {"ts_ms": 1_700_000_000_000, "lsn": 7}
    return json.dumps({"op": operation, "before": before, "after": after, "source": source}).encode()


def test_a_change_says_what_was_and_what_is():
    change = debezium.read(b'{"id": 1}', record("u", {"id": 1, "city": "Sion"}, {"id": 1, "city": "Bern"}))
    assert (change.operation, change.before["city"], change.after["city"]) == ("update", "Sion", "Bern")
    assert change.row == {"id": 1, "city": "Bern"}


def test_a_record_without_a_value_is_a_tombstone():
    assert debezium.read(b'{"id": 1}', None) == Change("tombstone", {"id": 1}, None, None, 0, 0)


@pytest.mark.parametrize("value", [b"{}", b"[]", b"no json", b'{"op": "x", "source": {}}'])
def test_what_is_no_change_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        debezium.read(None, value)


@given(st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(0, 9)))))
def test_a_table_is_the_fold_of_its_changes_and_a_change_told_twice_alters_nothing(steps):
    table: dict[int, int] = {}
    changes = []
    for number, value in steps:
        after = None if value is None else {"id": number, "value": value}
        changes.append(Change("delete" if after is None else "update", {"id": number}, None, after, 0, 0))
        if value is None:
            table.pop(number, None)
        else:
            table[number] = value
    rows = [{"id": number, "value": table[number]} for number in sorted(table)]
    assert current(changes) == rows
    assert current(change for change in changes for _ in range(2)) == rows


def test_no_secret_stands_in_what_connect_stores():
    declared = debezium.connector("bank_1", 19094, "bank-1", ["cards"])
    assert declared["database.password"] == "${env:BANK_PASSWORD}"
    settings = worker_settings(["127.0.0.1:19091"], 19095, ["BANK_PASSWORD"])
    assert settings["config.providers.env.param.allowlist.pattern"] == "BANK_PASSWORD"
    assert settings["listeners"] == "https://127.0.0.1:19095"


def test_an_ordinary_user_needs_no_prefix(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert unprivileged.prefix([Path("/anywhere")]) == ()


def test_root_gives_its_rights_up_and_keeps_one_only_where_a_folder_is_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert not any("dac_override" in word for word in unprivileged.prefix([Path("/usr/bin")]))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert "--ambient-caps=+dac_override" in unprivileged.prefix([closed / "data"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a command as another user")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_command_of_root_runs_as_another_user_and_may_ask_about_its_programs(mode: int, tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir(mode)
    folder.chmod(mode)
    program = folder / "program"
    program.touch(0o755)
    program.chmod(0o755)
    # As PostgreSQL does: access(2), by which the system looks at the real user's rights.
    script = "import os, sys; print(os.getuid(), os.access(sys.argv[1], os.R_OK | os.X_OK))"
    command = [*unprivileged.prefix([program, Path(sys.executable)]), sys.executable, "-c", script, program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "65534 True\n"


def test_root_without_setpriv_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(WorkshopError, match="ordinary user"):
        unprivileged.prefix([])


def test_its_ports_lie_in_the_block():
    ports = Ports(19090)
    assert {ports.postgres, ports.connect} == {19094, 19095} <= set(ports.all)
    assert len(set(ports.all)) == len(ports.all)
