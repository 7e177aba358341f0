"""The package `workshop`: what it gives is imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest
import workshop
from workshop.base.errors import WorkshopError
from workshop.notebook import connection


def test_the_names_lead_to_the_modules_that_have_them():
    assert workshop.connect is connection.connect
    assert workshop.Connection is connection.Connection
    assert workshop.WorkshopError is WorkshopError


def test_another_name_is_an_error_of_an_attribute():
    with pytest.raises(AttributeError, match="module 'workshop' has no attribute 'nothing'"):
        _ = workshop.nothing


def test_importing_the_package_imports_no_client():
    code = "import sys, workshop; workshop.WorkshopError; print('kafka' in sys.modules, 'rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
