"""Connections of the database's pool are looked at before they are used again.

A server that has gone says so: what it sent last, or the end of the stream, lies in the socket. Looking there costs
microseconds, where a ping costs a round trip for each request. Only a network that has forgotten a connection says
nothing, and it forgets those that were silent for long: these are pinged, as are those that have something to say.
"""

import select
from time import monotonic
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from newsletter.core.db import db

SILENT_SECONDS = 10.0
_SINCE = "newsletter-idle-since"

Connection = psycopg.Connection[Any]


def init_app(app: Flask) -> None:
    """Watch the pools of the app's databases."""
    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "checkin", _put_back)
            event.listen(engine, "checkout", _look)


def _put_back(_connection: Connection | None, entry: ConnectionPoolEntry) -> None:
    entry.info[_SINCE] = monotonic()


def _look(connection: Connection, entry: ConnectionPoolEntry, _user: PoolProxiedConnection) -> None:
    since = entry.info.get(_SINCE)
    if since is None:
        return  # it was opened just now
    if monotonic() - since > SILENT_SECONDS or _has_something_to_say(connection):
        _ping(connection)


def _has_something_to_say(connection: Connection) -> bool:
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _ping(connection: Connection) -> None:
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error as error:
        raise InvalidatePoolError from error  # the others are no better, and are opened anew, too
