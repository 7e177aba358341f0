"""The record of an execution, without names of this machine."""

from __future__ import annotations

import base64
import json
import platform
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from workshop.base.settings import Settings
from workshop.notebook import run_record


def test_the_record_has_date_commit_and_machine(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for function in ((platform, "node"), (socket, "gethostname")):
        monkeypatch.setattr(*function, lambda: "a-name-of-a-machine")
    notebook = new_notebook()
    run_record.write(notebook, settings, "local", 12.34, "")
    found = run_record.read(notebook)
    assert found["seconds"] == 12.3
    assert found["python"] == platform.python_version()
    assert found["cores"] >= 1
    assert found["memory_gb"] > 0
    assert (found["backend"], found["failed"], found["message"]) == ("local", "", "")
    assert found["commit"] == run_record.commit(settings.root)
    assert "a-name-of-a-machine" not in json.dumps(found)


def test_without_a_git_checkout_the_commit_is_empty(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run_record.commit(tmp_path) == ""


def test_a_notebook_without_a_record_has_none():
    assert run_record.read(new_notebook()) == {}


def test_a_failed_run_names_the_cell_and_its_message(settings: Settings):
    error = new_output("error", ename="E", evalue="no", traceback=[f'File "{settings.root}/infra/a.py"', "E: no"])
    expected = new_output("error", ename="E", evalue="wanted", traceback=[])
    notebook = new_notebook(
        cells=[new_code_cell("1", id="expected", outputs=[expected]), new_code_cell("2", id="bad", outputs=[error])]
    )
    run_record.write(notebook, settings, "local", 1.0, f"E: no {settings.root}/x")
    assert run_record.read(notebook)["failed"] == "bad"
    assert run_record.read(notebook)["message"] == f"E: no {run_record.PROJECT}/x"
    assert notebook.cells[1].outputs[0].traceback[0] == f'File "{run_record.PROJECT}/infra/a.py"'


def test_outputs_name_no_folder_of_this_machine(settings: Settings, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = replace(settings, root=tmp_path / "home" / "clone")
    text = f"wrote {here.root}/runs/a.csv and {tmp_path}/home/.cache/b, not {here.root}-2"
    outputs = [
        new_output("stream", text=text),
        new_output("display_data", data={"text/html": f'<a href="{here.root}/x">x</a>', "text/plain": str(here.root)}),
    ]
    notebook = new_notebook(cells=[new_code_cell("", outputs=outputs)])
    run_record.write(notebook, here, "local", 1.0, "")
    stream, shown = notebook.cells[0].outputs
    name = run_record.PROJECT
    assert stream.text == f"wrote {name}/runs/a.csv and ~/.cache/b, not ~/clone-2"
    assert shown.data == {"text/html": f'<a href="{name}/x">x</a>', "text/plain": name}


def test_a_picture_that_contains_the_letters_of_a_folder_stays(settings: Settings, monkeypatch):
    monkeypatch.setenv("HOME", "/root")
    picture = base64.b64encode(b"\0" * 30).decode()[:20] + "/root/" + "A" * 10
    html = f'<img src="data:image/png;base64,{picture}">'
    notebook = new_notebook(cells=[new_code_cell("", outputs=[new_output("display_data", data={"text/html": html})])])
    run_record.write(notebook, settings, "local", 1.0, "")
    assert notebook.cells[0].outputs[0].data["text/html"] == html
