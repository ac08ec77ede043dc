"""Many results as fast as the token, or the page, allows: a line of groups that walk from station to station.

A group takes each step for all its members before the next (`esign.stations`), so one sync and one order to the token
stand for many. Several groups are on the line at a time: while one waits for the token, another is set, sealed,
stored or recorded. Everything is durable at the same points as in `Issuer.issue`, and a crash is repaired by the same
`Issuer.resume`.

>>> with Line(issuer, person_key=leader) as line:
...     for outcome in line.issue(requests):
...         outcome            # an `Issued`, or the `Error` that says why not; in the order of the requests

Where many ask by themselves, each joins with one request; those that come while others walk are the next group:

>>> line.join(request).result()

For the token never to wait, use a key that works while Python does: `esign_hsm.signer`.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Self

from esign.codes import ResultId
from esign.errors import Error, SigningError
from esign.foresight import Foresight
from esign.handling import Handling
from esign.issuance import Issuer
from esign.issued import Issued
from esign.keys import SigningKey
from esign.known import Known
from esign.member import Member
from esign.registry import Intent
from esign.request import Filled, Given, Request
from esign.stations import Group

__all__ = ["Line"]

_logger = logging.getLogger(__name__)
_FIRST = 4
"""Results of the first group; each one after it is twice as large, up to the size that was asked for."""
_LARGEST = 1 << 20
"""Bytes of a given page that joins others."""


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """What the group behind waits for: numbers are guessed, and given, in the order of the requests."""

    guessed: threading.Event = field(default_factory=threading.Event)
    """The group knows which numbers it will probably get."""
    numbered: threading.Event = field(default_factory=threading.Event)
    """It has its numbers, or will never have any."""

    def pass_on(self) -> None:
        """Nobody has to wait any more."""
        self.guessed.set()
        self.numbered.set()


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """One request on the line, and where somebody waits for what becomes of it."""

    member: Member
    future: "Future[Issued]" = field(default_factory=Future)

    def tell(self, outcome: Issued | BaseException) -> None:
        """Say it, once."""
        if isinstance(outcome, Issued):
            self.future.set_result(outcome)
        else:
            self.future.set_exception(outcome)

    def outcome(self) -> Issued | Error:
        """Wait for it; what nobody foresaw is this one's failure alone."""
        try:
            return self.future.result()
        except Error as e:
            return e
        except Exception as e:
            _logger.exception("a request failed")
            return SigningError("work-unexpected", problem=type(e).__name__)


class Line:
    """Issues what it is given with one issuer; safe to use from several threads."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        person_key: SigningKey | None = None,
        group: int = 32,
        lanes: int = 4,
        setters: int = 2,
        alone: int = 1,
    ) -> None:
        """`group` results walk together, `lanes` groups at a time; `setters` pages are set at a time.

        What cannot walk in a group goes by itself, `alone` at a time.
        `person_key` is the competent person's, where it is at hand. What another person signs is refused: `submit` it.
        """
        self.issuer = issuer
        """Whose results they are."""
        self._person_key = person_key
        self._size = group
        self._lanes = lanes
        self._walkers = ThreadPoolExecutor(lanes, thread_name_prefix="esign-line")
        self._setters = ThreadPoolExecutor(setters, thread_name_prefix="esign-page")
        self._alone = ThreadPoolExecutor(alone, thread_name_prefix="esign-alone")
        self._foresight = Foresight(issuer.equipment.registry, issuer.agency)
        self._known = Known()
        self._handling = Handling(issuer, person_key=person_key, known=self._known)
        self._lock = threading.Lock()
        self._waiting: deque[_Place] = deque()
        self._taken = 0
        """Lanes on which groups of those walk who joined."""
        self._turn = _Turn()
        """Of the group that was begun last."""
        self._turn.pass_on()

    def issue(self, requests: Iterable[Request]) -> Iterator[Issued | Error]:
        """What became of each, in their order, as its group is through.

        Whoever stops listening stops the line: groups that are on it are finished, no other begins. The first groups
        are small, so that the token soon has something to do.
        """
        waiting, size = iter(requests), min(_FIRST, self._size)
        under_way: deque[list[_Place]] = deque()
        try:
            while True:
                while len(under_way) < self._lanes:
                    places = [_Place(Member(request=request)) for request in islice(waiting, size)]
                    if not places:
                        break
                    size = min(2 * size, self._size)
                    with self._lock:
                        self._begin(places)
                    under_way.append(places)
                if not under_way:
                    return
                yield from (place.outcome() for place in under_way[0])
                under_way.popleft()
        finally:
            wait(place.future for places in under_way for place in places)

    def join(self, request: Request) -> "Future[Issued]":
        """Issue one request beside those that others join with; where it is waited for, its `Error` is raised.

        It begins at once where nobody else does. Else it walks with those that come until the group before has its
        numbers and a lane is free: while pages are set for one group, what is set for the one before is sealed and
        signed. Nobody waits for another one's failure: that one leaves the group. What takes long to examine goes by
        itself.
        """
        place = _Place(Member(request=request))
        if _is_light(request):
            with self._lock:
                self._waiting.append(place)
                self._begin_waiting()
        elif place.future.set_running_or_notify_cancel():
            self._alone.submit(self._walk_alone, self._group([place]), place)
        return place.future

    def takes(self, request: Request) -> bool:
        """Whether it walks with others; what does not is issued by itself, and slowly."""
        return _is_light(request) and self._handling.fits(request)

    def forget_waiting(self) -> None:
        """Who joined and has not begun is forgotten; nothing of them was recorded."""
        with self._lock:
            while self._waiting:
                self._waiting.popleft().future.cancel()

    def go_on(self, ids: Sequence[ResultId]) -> Iterator[Error | None]:
        """Take unfinished intents as far as they go without people; what stopped each, in their order.

        What was accepted and not begun walks together, what was begun goes by itself (`Issuer.go_on`).
        """
        places: dict[ResultId, _Place] = {}
        with _falling_apart():
            places |= {intent.id: _Place(member) for intent, member in self._accepted(ids)}
        if places:
            self._take_up(list(places.values()))
        for each in ids:
            if each in places:
                outcome = places[each].outcome()
                yield outcome if isinstance(outcome, Error) else None
            else:
                yield self._gone_on(each)

    def _accepted(self, ids: Sequence[ResultId]) -> Iterator[tuple[Intent, Member]]:
        tools = self.issuer.equipment
        for intent in tools.registry.accepted(ids):
            try:
                yield intent, Member(request=tools.bench.request(intent), recorded=intent)
            except Error:
                continue  # the ordinary way says why, and gives it up

    def _gone_on(self, id: ResultId) -> Error | None:  # noqa: A002
        try:
            self.issuer.go_on(id)
        except Error as e:
            return e
        except Exception as e:
            _logger.exception("going on failed")
            return SigningError("work-unexpected", problem=type(e).__name__)
        return None

    def _begin_waiting(self) -> None:
        """Let those walk who wait, if it is their turn; called with the lock."""
        forming = not self._turn.numbered.is_set() and len(self._waiting) < self._size
        if forming or self._taken >= self._lanes:
            return
        places: list[_Place] = []
        while self._waiting and len(places) < self._size:
            place = self._waiting.popleft()
            if place.future.set_running_or_notify_cancel():  # unless whoever waited has gone
                places.append(place)
        if places:
            self._taken += 1
            self._begin(places, through=self._lane_is_free)

    def _lane_is_free(self) -> None:
        with self._lock:
            self._taken -= 1
            self._begin_waiting()

    def _numbers_are_given(self, turn: _Turn) -> None:
        with self._lock:
            turn.pass_on()
            self._begin_waiting()

    def _begin(self, places: Sequence[_Place], *, through: Callable[[], None] = lambda: None) -> None:
        """Let a group walk; called with the lock: groups begin in the order in which they wait for their numbers."""
        before, turn = self._turn, _Turn()
        self._turn = turn
        group = self._group(places)

        def walk() -> None:
            staying = places
            with _falling_apart():
                try:
                    before.guessed.wait()
                    group.foresee()
                    turn.guessed.set()
                    group.examine()
                    staying = self._without_leavers(group, staying)
                    before.numbered.wait()
                    group.reserve()
                finally:
                    group.give_up_guesses()
                    self._numbers_are_given(turn)
                staying = self._without_leavers(group, staying)
                group.finish()
            through()
            self._let_go(group, staying)

        self._walkers.submit(walk)

    def _take_up(self, places: Sequence[_Place]) -> None:
        """Let a group walk whose members have their numbers already."""
        group = self._group(places)

        def walk() -> None:
            with _falling_apart():
                group.take_up()
                group.finish()
            self._let_go(group, places)

        self._walkers.submit(walk)

    def _let_go(self, group: Group, places: Sequence[_Place]) -> None:
        """The group is through, or came to nothing."""
        for place in places:
            place.member.alone = place.member.outcome is None
        self._without_leavers(group, places)

    def _group(self, places: Sequence[_Place]) -> Group:
        return Group(
            [place.member for place in places],
            issuer=self.issuer,
            person_key=self._person_key,
            setters=self._setters,
            foresight=self._foresight,
            known=self._known,
        )

    def _without_leavers(self, group: Group, places: Sequence[_Place]) -> list[_Place]:
        """Those who stay; whoever has an outcome is told, and who left the group goes on alone."""
        staying = []
        for place in places:
            if place.member.outcome is not None:
                place.tell(place.member.outcome)
            elif place.member.alone:
                self._alone.submit(self._walk_alone, group, place)
            else:
                staying.append(place)
        return staying

    def _walk_alone(self, group: Group, place: _Place) -> None:
        try:
            place.tell(group.ordinarily(place.member))
        except BaseException as e:  # noqa: BLE001 - it belongs to whoever waits
            place.tell(e)

    def close(self, *, wait: bool = True) -> None:
        """Finish what is on the line, and `wait` for that; what waits for the line is forgotten."""
        self.forget_waiting()
        for threads in (self._walkers, self._alone, self._setters):
            threads.shutdown(wait=wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(wait=not isinstance(error, KeyboardInterrupt))


@contextmanager
def _falling_apart() -> Iterator[None]:
    """Whatever fails inside, each member finds its own answer, and nobody waits for ever."""
    try:
        yield
    except Error:  # of the register or the disk
        pass
    except BaseException:
        _logger.exception("a group failed; its members go on by themselves")


def _is_light(request: Request) -> bool:
    """Whether it is examined as fast as most, so that nobody is held up who walks with it."""
    content = request.content
    return isinstance(content, Filled) or (isinstance(content, Given) and len(content.pdf) <= _LARGEST)
