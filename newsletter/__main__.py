"""`newsletter` and `python -m newsletter`: the command line, also where the package is not installed."""

import logging
import sys

from newsletter.app import create_app
from newsletter.cli import Newsletter

log = logging.getLogger(__name__)


def main() -> None:
    """Run the command line."""
    try:
        Newsletter(create_app).main(prog_name="newsletter")
    except Exception:
        # A traceback would show values, and a value can be an address.
        log.exception("an unexpected error")
        sys.exit(1)


if __name__ == "__main__":
    main()
