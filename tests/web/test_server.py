"""The server: its address and password, and what keeps it from starting."""

import http.client
import signal
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from helpers import wait_for
from web_page import running

import main
from web.options import WebOptions
from web.server import address, password_for

ANSWERS = 20
MOST_S = 0.03  # for the quickest; with Nagle's algorithm, the browser's acknowledgement takes 40 ms


@pytest.mark.slow
@pytest.mark.alone
def test_answers_are_sent_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as url:
        visitor = http.client.HTTPConnection(urlsplit(url).netloc)
        times = []
        for _ in range(ANSWERS):  # in one connection, as browsers do
            began = time.perf_counter()
            visitor.request("GET", "/queue")
            visitor.getresponse().read()
            times.append(time.perf_counter() - began)
        visitor.close()
    assert min(times[1:]) < MOST_S


@pytest.mark.slow
@pytest.mark.parametrize("stops", [[signal.SIGINT], [signal.SIGINT] * 2, [signal.SIGTERM]])
def test_a_stop_cuts_requests_off_without_a_traceback(tmp_path: Path, stops: list[int]) -> None:
    with running(tmp_path, stops=stops) as url:
        host = urlsplit(url).netloc
        visitor = http.client.HTTPConnection(host)
        visitor.putrequest("POST", "/photos?name=photo.jpg")
        for name, value in {"Origin": f"http://{host}", "Content-Length": "1000000"}.items():
            visitor.putheader(name, value)
        visitor.endheaders(b"the rest never comes")
        wait_for(lambda: list(tmp_path.rglob("photo.jpg")))  # being written
    visitor.close()


def test_a_password_is_made_up_for_other_hosts_only() -> None:
    assert password_for(WebOptions()) == ""
    outside = WebOptions(web_host="0.0.0.0")
    made_up = password_for(outside)
    assert len(made_up) >= 16
    assert made_up != password_for(outside)
    assert f"?token={made_up}" in address(outside, 80, made_up)
    assert "token" not in address(WebOptions(web_host="0.0.0.0", web_password="x"), 80, "x")


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main.main(["-web"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install -r requirements-web.txt" in said


def test_a_port_that_is_taken_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process runs the tests
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main.main(["-web", "-web_port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err


def test_a_password_that_was_made_up_is_printed(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process runs the tests
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    assert main.main(["-web", "-web_host", "0.0.0.0", "-web_port", "0"]) == 0
    (said,) = [line for line in caplog.messages if line.startswith("password: ")]
    assert said.removeprefix("password: ") in capsys.readouterr().out  # the address holds it, too
