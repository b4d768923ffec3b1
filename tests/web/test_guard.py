"""Only this page, on this machine or with the password, gets an answer."""

from pathlib import Path

import pytest
from web_visitor import Visitor


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8300", "127.0.0.1.evil.example", "10.0.0.7", ""]
)
def test_another_name_for_this_machine_is_refused(visitor: Visitor, host: str) -> None:
    """DNS rebinding: a site that points its name at our address still sends its own name as Host."""
    assert visitor.ask("GET", "/", Host=host)[0] in {400, 421}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1:1"])
def test_another_site_changes_nothing(
    visitor: Visitor, photo: Path, home: Path, origin: str
) -> None:
    before = len(list((home / "uploads").iterdir()))
    status, _, _ = visitor.ask("POST", "/photos?name=x.png", photo.read_bytes(), Origin=origin)
    assert status == 403
    assert len(list((home / "uploads").iterdir())) == before


def test_another_site_reads_nothing(visitor: Visitor) -> None:
    assert visitor.ask("GET", "/queue", Sec_Fetch_Site="cross-site")[0] == 403
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert visitor.ask("GET", "/", **link)[0] == 200


def test_every_answer_forbids_other_sources(visitor: Visitor) -> None:
    for path in ("/", "/queue", "/nothing"):
        _, headers, _ = visitor.ask("GET", path)
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_other_machines_need_the_password(outside: Visitor) -> None:
    for path in ("/", "/photos.js", "/queue", "/?token=wrong", "/nothing"):
        status, _, content = outside.ask("GET", path)
        assert status == 401
        assert b'type="password"' in content
    assert outside.ask("POST", "/photos?name=x.png", b"x")[0] == 401
    status, headers, _ = outside.ask("GET", "/page.css")  # of the login page
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/css")


def test_the_password_opens_the_page(outside: Visitor) -> None:
    status, headers, _ = outside.ask("POST", "/login", b"password=open+sesame")
    assert status == 303
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "sesame" not in cookie
    assert outside.ask("GET", "/", Cookie=cookie.partition(";")[0])[0] == 200
    assert outside.ask("GET", "/", Cookie="colorizer=guess")[0] == 401
    assert outside.ask("POST", "/login", b"password=wrong")[0] == 401
    assert (
        outside.ask("POST", "/login", b"password=open+sesame", Origin="http://evil.example")[0]
        == 403
    )
