"""The mail catcher of `make run`: takes every mail by SMTP, delivers none, and shows them on a web page.

    python -m newsletter.demo.inbox DIRECTORY SMTP_FD HTTP_FD IMAGES_FROM

The two numbers are inherited sockets, bound already, so that nobody can take the port in between. Mails are
shown as strangers' work: their HTML in a sandboxed frame, without scripts, with images from IMAGES_FROM (the
origin of our own pages, which serve the pixel) and nowhere else.
"""

import asyncio
import re
import signal
import socket
import sys
import threading
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from werkzeug.serving import WSGIRequestHandler, make_server

from newsletter.demo.mailbox import Mailbox

URL = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
HEAD = re.compile(r"^(\s*<!doctype[^>]*>)?(\s*<html[^>]*>)?(\s*<head[^>]*>)?", re.IGNORECASE)
BASE = '<base target="_blank">'
VIEWS = ("html", "text", "source")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
FRAME_CSP = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src {images} data:; frame-ancestors 'self'"
)
bp = Blueprint("inbox", __name__)


def create_app(mailbox: Mailbox, images_from: str) -> Flask:
    """Return the web page over `mailbox`."""
    app = Flask("newsletter.demo", root_path=str(Path(__file__).parent))
    app.config.update(MAILBOX=mailbox, IMAGES_FROM=images_from)
    app.jinja_env.filters["links"] = links
    app.register_blueprint(bp)
    app.after_request(_headers)
    return app


def _headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _mailbox() -> Mailbox:
    mailbox: Mailbox = current_app.config["MAILBOX"]
    return mailbox


def links(text: str) -> Markup:
    """Return `text` escaped, with its URLs as links that open beside the inbox.

    >>> str(links("See https://example.org/a."))
    'See <a href="https://example.org/a" target="_blank" rel="noopener noreferrer">https://example.org/a</a>.'
    """
    parts: list[Markup] = []
    end = 0
    anchor = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>')
    for found in URL.finditer(text):
        parts += [escape(text[end : found.start()]), anchor.format(found.group())]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the mails, newest first."""
    return render_template("list.html", mails=_mailbox().newest())


@bp.get("/mails")
def mails() -> ResponseReturnValue:
    """Return the list alone, for the page that looks again every few seconds."""
    response = current_app.make_response(render_template("mails.html", mails=_mailbox().newest()))
    response.add_etag()
    return response.make_conditional(request)


@bp.get("/mail/<int:number>")
def mail(number: int) -> ResponseReturnValue:
    """Show one mail as HTML, as text or as it came."""
    found = _mailbox().get(number)
    if found is None:
        return render_template("gone.html"), 404
    view = request.args.get("view")
    if view not in VIEWS:
        view = "html" if found.html else "text"
    return render_template("mail.html", mail=found, view=view)


@bp.get("/mail/<int:number>/html")
def html(number: int) -> ResponseReturnValue:
    """Return the HTML part for the sandboxed frame; its links open in a new tab."""
    found = _mailbox().get(number)
    if found is None or not found.html:
        return "", 404
    response = Response(HEAD.sub(rf"\g<0>{BASE}", found.html, count=1), mimetype="text/html")
    response.headers["Content-Security-Policy"] = FRAME_CSP.format(images=current_app.config["IMAGES_FROM"])
    return response


class Catcher:
    """aiosmtpd's handler: keep the mail, say it was taken."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Store one mail."""
        content = envelope.original_content
        if not isinstance(content, bytes):
            return "554 5.6.0 empty"
        self.mailbox.put(content, envelope.mail_from or "", list(envelope.rcpt_tos))
        return "250 2.0.0 kept"


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write no access log."""


def serve_smtp(mailbox: Mailbox, bound: socket.socket) -> None:
    """Take mail until the process ends."""
    loop = asyncio.new_event_loop()

    def protocol() -> SMTP:
        return SMTP(Catcher(mailbox), hostname="inbox.example", ident="keeps every mail", loop=loop)

    loop.run_until_complete(loop.create_server(protocol, sock=bound))
    loop.run_forever()


def _listening(descriptor: int) -> socket.socket:
    bound = socket.socket(fileno=descriptor)
    # So that what is left of its connections does not keep the next start from this port.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.listen()
    return bound


def main(words: list[str]) -> None:
    """Run both servers until SIGTERM."""
    directory, smtp_fd, http_fd, images_from = words
    mailbox = Mailbox(Path(directory))
    smtp, http = _listening(int(smtp_fd)), _listening(int(http_fd))
    threading.Thread(target=serve_smtp, args=(mailbox, smtp), daemon=True).start()
    host, port = http.getsockname()
    app = create_app(mailbox, images_from)
    server = make_server(host, port, app, threaded=True, request_handler=_QuietHandler, fd=http.fileno())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
