"""`make bench`: every section in one run, one table."""

from bench import delays, growth, sending, web
from bench.command import run

if __name__ == "__main__":
    run({"sending": sending.measure, "delays": delays.measure, "growth": growth.measure, "web": web.measure})
