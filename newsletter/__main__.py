"""`python -m newsletter` is the command line, also where the package is not installed."""

from newsletter.cli import main

main()
