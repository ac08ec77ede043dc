"""Campaigns against a register on a server: answers that are lost, hosts that race, a server that is restarted.

`python -m tests.support.torture_server [--results 1000]` prints the figures reached, and exits with 1 when one fails.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from esign.errors import RegistryError
from esign.registry import IntentState, Registry
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.proxy import Proxy
from tests.support.torture_keys import Figures
from tests.unit.registry.making import START, WARD, Clock, new_intent, prepare, registration

_STEPS = 5


def lost_answers(server: PostgresServer, *, results: int) -> Figures:
    """Every step of every result has its COMMIT's answer cut off; the caller asks again."""
    name, failures = server.register(), []
    with Proxy(server.port) as proxy:

        def losing(work: Callable[[], object]) -> None:
            proxy.lose_answers_to(b"COMMIT\0")
            try:
                work()
            except RegistryError as e:
                if e.code != "registry-unreachable":
                    failures.append(e.code)
            else:
                failures.append("nothing was lost")

        with Registry.open(server.url(name, port=proxy.port), now=Clock()) as registry:
            for _ in range(results):
                new, facts = new_intent(), registration()
                losing(partial(registry.reserve, new))
                intent = registry.reserve(new)
                losing(partial(prepare, registry, intent))
                losing(partial(registry.signed, intent.id, sha256=facts.sha256))
                losing(partial(registry.issued, intent.id, facts))
                losing(partial(registry.delivered, intent.id, at=START, where="/out"))
    with Registry.open(server.url(name), now=Clock()) as registry:
        book = registry.book(WARD, year=2026, symbol="QĐ-UBND")
        if [e.number.number for e in book.entries] != list(range(1, results + 1)):
            failures.append("numbers are missing, or there twice")
        if any(e.state is not IntentState.ISSUED for e in book.entries):
            failures.append("something was not issued")
    return Figures("answers to COMMIT cut off", f"{results * _STEPS} lost, {results} results", tuple(failures))


def reserve(place: str, worker: int, count: int) -> int:
    """In a process of its own."""
    with Registry.open(place, now=Clock()) as registry:
        return len({registry.reserve(new_intent(f"{worker}-{n}")).id for n in range(count)})


def hosts_that_race(server: PostgresServer, *, processes: int, each: int) -> Figures:
    """Processes share a book that none of them made."""
    place, failures = server.url(server.database()), []
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        made = sum(pool.starmap(reserve, [(place, worker, each) for worker in range(processes)], chunksize=1))
    with Registry.open(place, now=Clock()) as registry:
        registry.check()
        entries = registry.listing(limit=10**9).entries
        numbers = sorted(i.number.number for i in entries if i.number)
        if numbers != list(range(1, made + 1)):
            failures.append("numbers are missing, or there twice")
        if len({i.status_number for i in entries}) != made:
            failures.append("a place in the lists was given twice")
    return Figures(f"{processes} processes reserve in one book", f"{made} numbers", tuple(failures))


def restarts(server: PostgresServer, *, rounds: int) -> Figures:
    """The server is stopped as in a crash and started again; how long until the next result is recorded."""
    took = []
    with Registry.open(server.url(server.register()), now=Clock()) as registry:
        for _ in range(rounds):
            registry.reserve(new_intent())
            server.stop()
            server.start()
            back = time.monotonic()
            registry.reserve(new_intent())
            took.append(time.monotonic() - back)
    failures = ("it took more than 5 s",) if max(took) > 5 else ()
    return Figures(f"{rounds} restarts of the server", f"at most {max(took):.3f} s until it goes on", failures)


def campaigns(*, results: int = 1000, processes: int = 8, each: int = 1000, rounds: int = 20) -> Iterator[Figures]:
    """All campaigns, one after the other."""
    with postgres_server() as server:
        yield lost_answers(server, results=results)
        yield hosts_that_race(server, processes=processes, each=each)
        yield restarts(server, rounds=rounds)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.torture_server", description=__doc__)
    parser.add_argument("--results", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--each", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=20)
    given = vars(parser.parse_args(arguments))
    failed = False
    for figures in campaigns(**given):
        print(figures, flush=True)
        failed |= bool(figures.failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
