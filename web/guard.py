"""Checks whether a request is allowed, before the application receives it.

Another site's page in the same browser can also reach 127.0.0.1. So Host must be a name of this machine (otherwise a
site could point its own name at it: DNS rebinding), and requests that change anything must come from our own page.
"""

import asyncio
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.options import LOOPBACK, WebOptions

COOKIE = "colorizer"
LONGEST_FORM = 4096  # bytes
GUESS_S = 1.0  # delay after a wrong password
READING = ("GET", "HEAD")
STYLE = "/page.css"  # also used by the login page
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it, browsers send "Origin: null" with the login form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Wraps the application, and answers rejected requests itself.

    login : the login page
    """

    def __init__(self, app: ASGIApp, options: WebOptions, *, password: str, login: str) -> None:
        self._app = app
        self._names = {*LOOPBACK, options.web_host.lower()}
        if not options.own_machine_only:
            name = socket.gethostname().lower()
            self._names |= {name, f"{name}.local"}
        self._any_address = not options.own_machine_only
        self._password, self._login = password, login
        self._ticket = secrets.token_urlsafe(32)  # cookie of visitors who have entered the password
        self._guessing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a rejected request; pass any other to the application."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope) or await self._asked(scope, receive)
            await (refusal or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the rejection of a request for another host or from another site, or None."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return PlainTextResponse("unknown host: open the printed address\n", 421)
        if headers.get("sec-fetch-site") not in (None, "same-origin", "none"):
            if scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate":
                return None  # a link to this page
            return PlainTextResponse("request from another site: open this page directly\n", 403)
        if scope["method"] in READING:
            return None
        if headers.get("origin") not in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
            return PlainTextResponse("request from another site: open this page directly\n", 403)
        return None

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        name = name.strip("[]").lower()
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._any_address  # a site cannot fake an IP address

    async def _asked(self, scope: Scope, receive: Receive) -> Response | None:
        """Return the login page or the redirection after it; None if no login is needed."""
        if not self._password or scope["path"] == STYLE or self._is_known(scope):
            return None
        if scope["path"] == "/login" and scope["method"] == "POST":
            given = parse_qs(await _form(receive)).get("password", [""])[0]
        else:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not given:
            return HTMLResponse(self._login, 401)
        async with self._guessing:
            if not hmac.compare_digest(given.encode(), self._password.encode()):
                await asyncio.sleep(GUESS_S)
                return HTMLResponse(self._login, 401)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, self._ticket, httponly=True, samesite="strict")
        return response

    def _is_known(self, scope: Scope) -> bool:
        try:
            cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
        except CookieError:
            return False
        return COOKIE in cookies and hmac.compare_digest(
            cookies[COOKIE].value.encode(), self._ticket.encode()
        )


async def _form(receive: Receive) -> str:
    """Read a short form; "" for a longer one."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > LONGEST_FORM:
            return ""
    return body.decode("latin-1")


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sent
