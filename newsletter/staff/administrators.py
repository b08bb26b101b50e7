"""Who is told when an installation needs a person to look at it."""

from sqlalchemy import text

from newsletter.core.db import db

# Not through the models of accounts: they bring along Flask-Security, which is for pages, and would cost a worker 5 MB.
_ADDRESSES = text("""
    SELECT staff.email FROM staff
    JOIN staff_role ON staff_role.staff_id = staff.id JOIN role ON role.id = staff_role.role_id
    WHERE staff.active AND role.name = 'admin'
    ORDER BY staff.id
""")


def addresses() -> list[str]:
    """Return the addresses of all administrators whose accounts are open."""
    return list(db.session.execute(_ADDRESSES).scalars())
