"""Runs the page's server: prints its address, and deletes the uploads at the end."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import webbrowser
from contextlib import suppress
from pathlib import Path

from runtime.console import DONE
from runtime.progress import print_line
from web.options import Settings, WebOptions

log = logging.getLogger(__name__)

MISSING = "-web needs Starlette and uvicorn; install them with: pip install -r requirements-web.txt"
CONNECTIONS = 256  # simultaneous; more are rejected


def serve(options: WebOptions, settings: Settings) -> int:
    """Serve the page until Ctrl-C; return the exit code.

    Raises ValueError if a package is missing, OSError if the address is not available.
    """
    try:
        import uvicorn

        from web.app import application
        from web.kept import keeping
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"starlette", "uvicorn"}:
            raise
        raise ValueError(MISSING) from error
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to delete the uploads on SIGTERM
    password = password_for(options)
    with (
        listening(options) as listener,
        tempfile.TemporaryDirectory(prefix="colorizer-", ignore_cleanup_errors=True) as folder,
        keeping(options) as kept,
    ):
        app = application(Path(folder), options, settings, password=password, kept=kept)
        with suppress(KeyboardInterrupt):
            _announce(address(options, listener.getsockname()[1], password))
            if password and not options.web_password:
                log.info("password: %s", password)
            config = uvicorn.Config(
                app, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
                limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=2, ws="none", lifespan="on",
            )  # fmt: skip
            logging.getLogger("uvicorn.error").addFilter(_more_than_the_end)
            uvicorn.Server(config).run(sockets=[listener])
    return DONE


def _more_than_the_end(record: logging.LogRecord) -> bool:
    """Return whether a message of uvicorn's is about more than what the server's end cuts off, which it prints whole."""
    text = record.getMessage()
    cut_off = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not (cut_off or "CancelledError" in text or "graceful shutdown" in text)


def password_for(options: WebOptions) -> str:
    """Return the password required from visitors: none for this machine only, unless one is set."""
    if options.web_password or options.own_machine_only:
        return options.web_password or ""
    return secrets.token_urlsafe(12)


def listening(options: WebOptions) -> socket.socket:
    """Listen on the address. Raises OSError with advice."""
    family = socket.AF_INET6 if ":" in options.web_host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only on sockets whose protocol is named; else each answer waits for 40 ms.
    listener = socket.socket(family, proto=socket.IPPROTO_TCP)
    if sys.platform != "win32":  # on Windows, it would let another program take over the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.web_host, options.web_port))
        listener.listen(CONNECTIONS)  # before printing the address: a browser connects at once
    except OSError as error:
        listener.close()
        raise OSError(
            f"cannot listen on {options.web_host} port {options.web_port} ({error.strerror or error}): "
            "choose another port with -web_port"
        ) from error
    return listener


def address(options: WebOptions, port: int, password: str) -> str:
    """Return the page's address, with the password if it was generated for this run."""
    host = options.web_host
    if host in {"0.0.0.0", "::"}:
        host = socket.gethostname()
    host = f"[{host}]" if ":" in host else host
    token = f"?token={password}" if password and not options.web_password else ""
    return f"http://{host}:{port}/{token}"


def _announce(url: str) -> None:
    print_line(url, file=sys.stdout)
    sys.stdout.flush()
    log.info("press Ctrl-C to stop the server")
    if sys.stdout.isatty() and has_screen():  # a user is present
        webbrowser.open(url)


def has_screen() -> bool:
    """Return whether a browser would open a window; a text browser would take over the terminal."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
