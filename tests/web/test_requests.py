"""Request bodies: what is too long or breaks off leaves nothing."""

import socket
from pathlib import Path

from helpers import wait_for
from web_visitor import Visitor


def test_ten_gigabytes_are_refused_when_they_are_announced(visitor: Visitor, home: Path) -> None:
    before = len(list((home / "uploads").iterdir()))
    with socket.create_connection(("127.0.0.1", visitor.port), timeout=30) as connection:
        host = f"127.0.0.1:{visitor.port}"
        lines = ["POST /photos?name=x.png HTTP/1.1", f"Host: {host}", f"Origin: http://{host}"]
        connection.sendall("\r\n".join([*lines, "Content-Length: 10000000000", "", ""]).encode())
        assert b" 413 " in connection.recv(200)
    wait_for(lambda: len(list((home / "uploads").iterdir())) == before)


def test_an_upload_that_breaks_off_leaves_nothing(visitor: Visitor, home: Path) -> None:
    before = len(list((home / "uploads").iterdir()))
    with socket.create_connection(("127.0.0.1", visitor.port), timeout=30) as connection:
        host = f"127.0.0.1:{visitor.port}"
        lines = ["POST /photos?name=x.png HTTP/1.1", f"Host: {host}", f"Origin: http://{host}"]
        connection.sendall("\r\n".join([*lines, "Content-Length: 1000", "", "abc"]).encode())
        wait_for(lambda: len(list((home / "uploads").iterdir())) > before)
    wait_for(lambda: len(list((home / "uploads").iterdir())) == before)


def test_long_json_is_refused(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    status, _, content = visitor.ask("POST", f"/photos/{id}/color", b"[" * 2_000_001)
    assert status == 413
    assert b"more than 2 MB" in content
    assert visitor.ask("POST", f"/photos/{id}/color", b"[" * 100_000)[0] == 400
