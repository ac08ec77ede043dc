"""Many results as fast as the token, or the page, allows: a line of groups that walk from station to station.

A group takes each step for all its members before the next (`esign.stations`), so one sync and one order to the token
stand for many. Several groups are on the line at a time: while one waits for the token, another is set, sealed,
stored or recorded. Everything is durable at the same points as in `Issuer.issue`, and a crash is repaired by the same
`Issuer.resume`.

>>> with Line(issuer, person_key=leader) as line:
...     for outcome in line.issue(requests):
...         outcome            # an `Issued`, or the `Error` that says why not; in the order of the requests

For the token never to wait, use a key that works while Python does: `esign_hsm.signer`.
"""

import contextvars
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Self

from esign.errors import Error
from esign.foresight import Foresight
from esign.issuance import Issued, Issuer
from esign.keys import SigningKey
from esign.request import Request
from esign.stations import Group, Known

__all__ = ["Line"]


class Line:
    """Issues the requests that it is given, in their order, with one issuer."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        person_key: SigningKey | None = None,
        group: int = 32,
        lanes: int = 4,
        setters: int = 2,
    ) -> None:
        """`group` results walk together, `lanes` groups at a time; `setters` pages are set at a time.

        `person_key` is the competent person's, where it is at hand. What another person signs is refused: `submit` it.
        """
        self._issuer = issuer
        self._person_key = person_key
        self._size = group
        self._lanes = lanes
        self._walkers = ThreadPoolExecutor(lanes, thread_name_prefix="esign-line")
        self._setters = ThreadPoolExecutor(setters, thread_name_prefix="esign-page")
        self._foresight = Foresight(issuer.equipment.registry, issuer.agency)
        self._known = Known()

    def issue(self, requests: Iterable[Request]) -> Iterator[Issued | Error]:
        """What became of each, as its group is through.

        Whoever stops listening stops the line: groups that are on it are finished, no other begins.
        """
        waiting = iter(requests)
        under_way: deque[Future[Group]] = deque()
        before = threading.Event()
        before.set()
        try:
            while True:
                while len(under_way) < self._lanes:
                    some = list(islice(waiting, self._size))
                    if not some:
                        break
                    after = threading.Event()
                    under_way.append(self._started(some, before, after))
                    before = after
                if not under_way:
                    return
                for member in under_way.popleft().result().members:
                    assert member.outcome is not None
                    yield member.outcome
        finally:
            for group in under_way:
                group.result()

    def _started(self, requests: list[Request], before: threading.Event, after: threading.Event) -> "Future[Group]":
        group = Group(
            requests,
            issuer=self._issuer,
            person_key=self._person_key,
            setters=self._setters,
            foresight=self._foresight,
            known=self._known,
        )

        def walk() -> Group:
            try:
                group.examine()
                before.wait()  # numbers are given in the order of the requests
                group.reserve()
            finally:
                after.set()
            group.finish()
            return group

        # Who acts is said in the context of the caller (`esign.registry.audit`).
        return self._walkers.submit(contextvars.copy_context().run, walk)

    def close(self) -> None:
        """Let the threads go."""
        self._walkers.shutdown()
        self._setters.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
