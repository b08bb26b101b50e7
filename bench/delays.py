"""A relay far away: every reply is late by a round trip. With PIPELINING a mail should take one of them."""

from bench import product
from bench.bench import Bench
from bench.command import run
from bench.figures import Figure
from bench.relays import late_sink

DELAYS = (0.02, 0.08)
SECONDS = 8
PART = 0.9


def measure(bench: Bench) -> list[Figure]:
    """Measure this section: some seconds of sending for each delay and number of connections."""
    return [_measured(bench, delay, connections) for delay in DELAYS for connections in bench.connections]


def _measured(bench: Bench, delay: float, connections: int) -> Figure:
    limit = connections / delay
    crowd = bench.crowd(int(limit * SECONDS))
    with late_sink(delay) as relay:
        product.send(bench.installation, relay, crowd, connections, slowest=limit / 10)
    taken = relay.taken
    assert taken is not None
    # Between the first mails and the last: getting to the relay, and the goodbye, are not sending.
    rate = (taken.mails - connections) / (taken.last_at - taken.first_at)
    name = f"{delay * 1000:.0f} ms delay, {connections} connections"
    bench.say(f"{name}: {rate:,.1f} mails/s, {limit / rate:.2f} round trips each")
    return Figure(name, rate, "mails/s", PART * limit)


if __name__ == "__main__":
    run({"delays": measure})
