"""The page's options: a command of its own, for this machine unless it is said otherwise."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import main
from web.options import WebOptions


def usage(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main.main(list(words))
    return capsys.readouterr().err


def test_the_page_is_a_command_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    tell: Callable[..., str] = partial(usage, capsys=capsys)
    assert "separate commands" in tell("-web", "-img_in", "x.png")
    assert "-web_port is for -web" in tell("-img_in", "x.png", "-web_port", "1")
    assert "-save is for" in tell("-web", "-save", "x.png")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_the_page_is_for_this_machine_only(host: str) -> None:
    assert WebOptions(web_host=host).own_machine_only
    assert WebOptions().own_machine_only


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "attic.local"])
def test_any_other_address_is_for_other_machines_too(host: str) -> None:
    assert not WebOptions(web_host=host).own_machine_only


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_there_is_not_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="web_port must be from 0 to 65535"):
        WebOptions(web_port=port)


def test_other_machines_reach_only_folders_that_are_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert WebOptions().roots is None  # all
    assert WebOptions(web_root=(tmp_path,)).roots == (tmp_path,)
    assert WebOptions(web_host="0.0.0.0").roots == ()
    assert WebOptions(web_host="0.0.0.0", web_root=(tmp_path,)).roots == (tmp_path,)
    assert main.main(["-web", "-web_root", str(tmp_path / "none")]) == 2
    assert "none is not a folder" in capsys.readouterr().err
