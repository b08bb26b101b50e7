"""Many rows in one statement: every column travels as one array. An INSERT with a thousand times its columns as
parameters costs several times as much, most of it in taking the statement apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, bindparam, func, select
from sqlalchemy.dialects.postgresql import Insert, insert

from newsletter.core.db import Base


def insert_columns(model: type[Base], columns: Mapping[str, Sequence[Any]]) -> Insert:
    """Return the INSERT of rows given column by column, all of the same length."""
    table = model.__table__
    arrays = [bindparam(None, list(values), type_=ARRAY(table.c[name].type)) for name, values in columns.items()]
    rows = func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
    return insert(model).from_select(list(columns), select(*rows.c))
