"""Settings: read once, refused with a sentence."""

from itertools import pairwise
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import BLOCK, FIRST_BLOCK, MAVEN_CENTRAL, Ports, Settings

HOME = {"HOME": "/home/somebody"}


def test_defaults_stay_in_the_checkout_and_one_cache_folder():
    settings = Settings.load(HOME)
    assert settings.common == settings.root / ".workshop"
    assert settings.of("kind").state.is_relative_to(settings.common)  # in it, where a stack of the old layout is there
    assert settings.cache == Path("/home/somebody/.cache/kafka-kubernetes-workshop")
    assert (settings.backend, settings.maven, settings.first_port) == ("auto", MAVEN_CENTRAL, FIRST_BLOCK)


def test_variables_are_honoured(tmp_path: Path):
    given = {
        "WORKSHOP_STATE": str(tmp_path / "s"),
        "XDG_CACHE_HOME": str(tmp_path / "c"),
        "WORKSHOP_MAVEN": "http://mirror.example/maven/",
        "WORKSHOP_STRICT": "1",
        "WORKSHOP_PACE": "0.5",
    }
    settings = Settings.load(HOME | given)
    assert (settings.common, settings.state) == (tmp_path / "s", tmp_path / "s" / "local")
    assert settings.cache == tmp_path / "c" / "kafka-kubernetes-workshop"
    assert settings.maven == "http://mirror.example/maven"
    assert settings.strict
    assert settings.pace == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKSHOP_BACKEND", "docker"),
        ("WORKSHOP_FIRST_PORT", "80"),
        ("WORKSHOP_FIRST_PORT", "65535"),
        ("WORKSHOP_FIRST_PORT", "many"),
        ("WORKSHOP_FIRST_PORT", "١٩٠٩٠"),
        ("WORKSHOP_PATIENCE", "0"),
        ("WORKSHOP_PATIENCE", "-3"),
        ("WORKSHOP_PACE", "0"),
        ("WORKSHOP_PACE", "nan"),
        ("WORKSHOP_PACE", "quick"),
        ("WORKSHOP_STATE", "~no-such-user/state"),
        ("WORKSHOP_JAVA", "~no-such-user/java"),
        ("WORKSHOP_STATE", "/tmp/a,b"),
        ("WORKSHOP_CACHE", "/tmp/a:b"),
        ("WORKSHOP_MAVEN", "foo"),
        ("WORKSHOP_MAVEN", "file:///somewhere"),
        ("WORKSHOP_MAVEN", "http://[bad"),
        ("WORKSHOP_MAVEN", "http://127.0.0.1:abc/x"),
        ("WORKSHOP_MAVEN", "https://mirror.example/é"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(name: str, value: str):
    with pytest.raises(WorkshopError, match=name):
        Settings.load(HOME | {name: value})


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(WorkshopError, match=r"WORKSHOP_STATE.*not a folder"):
        Settings.load(HOME | {"WORKSHOP_STATE": str(file)})


def test_all_ports_of_a_stack_lie_in_its_block_and_differ():
    ports = Ports(FIRST_BLOCK)
    used = list(ports.all)
    assert len(set(used)) == len(used) == 17
    assert all(FIRST_BLOCK <= port < FIRST_BLOCK + BLOCK for port in used)
    blocks = Settings.load(HOME).blocks()
    assert [second - first for first, second in pairwise(blocks)] == [BLOCK] * (len(blocks) - 1)
