"""Logs: one JSON object per line on standard error. They state facts without people.

An exception's text can hold an address (smtplib's and psycopg's do), so only its class and the place in
our own code are written, never its text and never values of variables.
"""

import logging
import sys
import traceback
from types import TracebackType

import structlog

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _place(event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, tuple) and exc_info[0] is not None:
        frames = traceback.extract_tb(exc_info[2])
        event["exception"] = exc_info[0].__name__
        event["at"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-6:]]
    event.pop("exception_text", None)
    return event


def _first_line_of_rq(record: logging.LogRecord) -> bool:
    """Keep of an exception that RQ puts into its message only the class, and of a traceback there nothing."""
    if record.name.partition(".")[0] == "rq":
        if isinstance(record.args, tuple):
            record.args = tuple(
                type(each).__name__ if isinstance(each, BaseException) else each for each in record.args
            )
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
    return True


def without_people(
    _logger: structlog.typing.WrappedLogger, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace an exception by its class and place."""
    return _place(event)


def configure(level: str) -> None:
    """Send every logger's lines, ours and the libraries', through the one JSON formatter."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_people,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_first_line_of_rq)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The server's own handler would write tracebacks with the text of exceptions.
    server = logging.getLogger("_granian")
    server.handlers.clear()
    server.propagate = True
    # These write every request, address or argument at INFO.
    for name in ("rq.worker", "rq.scheduler", "alembic", "sqlalchemy", "flask-limiter", "werkzeug"):
        logging.getLogger(name).setLevel(logging.WARNING)
