"""A visitor without manners: asks over and over, takes every answer, and minds no failure."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

SECONDS = 20
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """Status (0: nobody answered), text and where it leads."""

    status: int
    text: str = ""
    location: str = ""


def ask(
    base: str, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Ask once; nothing is followed. Header values are sent as they are, in UTF-8."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=SECONDS)
    try:
        connection.putrequest(method, quote(path, safe="/?=&%:@;,+!$*'()~"), skip_host="Host" in (headers or {}))
        for name, value in {**(headers or {}), "Content-Length": str(len(body or b""))}.items():
            connection.putheader(name, value.encode())
        connection.endheaders(body or b"")
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        return Answer(response.status, text, response.getheader("Location") or "")
    except (OSError, http.client.HTTPException):
        return Answer(0)
    finally:
        connection.close()


def post(base: str, path: str, fields: Mapping[str, str]) -> Answer:
    """Send a form."""
    return ask(base, "POST", path, urlencode(fields).encode(), {"Content-Type": FORM})


def shout(base: str, octets: bytes) -> None:
    """Send octets that need be no request at all, and listen to the answer."""
    parts = urlsplit(base)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=0.5) as line:
            line.sendall(octets)
            line.shutdown(socket.SHUT_WR)
            while line.recv(65536):
                pass
    except OSError:
        return
