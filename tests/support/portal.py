"""A portal that retries blindly: it asks until it is told that a result is issued, and notes what it was told."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.checker import Told

__all__ = ["Portal"]


@dataclass
class Portal:
    """`threads` clerks of a portal, who hand in results `1…n` at any of `urls()`, each until it is issued."""

    urls: Callable[[], Sequence[str]]
    agency: str
    headers: Mapping[str, str]
    asked: Callable[[int], dict[str, Any]]
    """What result `n` is asked for with."""
    threads: int = 4
    later: Callable[[int], bool] = lambda _number: False
    """Whether result `n` is asked for with `Prefer: respond-async`: a worker issues it, and the portal looks again."""
    prefix: str = "dossier"
    seed: int = 0
    told: list[Told] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    """How often each status came, with the problem's code."""
    seconds: list[float] = field(default_factory=list)
    """How long each 201 took, of the try that brought it."""
    unforeseen: list[str] = field(default_factory=list)
    """Answers that no fault excuses."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._no_more = threading.Event()
        self._running: list[threading.Thread] = []

    def hand_in(self, count: int, *, first: int = 1) -> None:
        """Begin to hand in `count` results, and return at once."""
        self._no_more.clear()
        numbers = iter(range(first, first + count))
        clerks = [threading.Thread(target=self._clerk, args=(numbers, n)) for n in range(self.threads)]
        self._running += clerks
        for clerk in clerks:
            clerk.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for all of them; whether they are done."""
        end = None if seconds is None else time.monotonic() + seconds
        for clerk in self._running:
            clerk.join(None if end is None else max(0.0, end - time.monotonic()))
        return not any(clerk.is_alive() for clerk in self._running)

    def give_out_no_more(self) -> None:
        """Finish what is in hand, and begin nothing more."""
        self._no_more.set()

    def stop(self) -> None:
        """Give up what is not issued yet."""
        self._stop.set()
        self.wait()

    @property
    def done(self) -> int:
        return len(self.told)

    def _clerk(self, numbers: Iterator[int], clerk: int) -> None:
        chance = random.Random(f"{self.seed}/{clerk}")
        with httpx.Client(timeout=60, headers=dict(self.headers)) as client:
            while not self._stop.is_set() and not self._no_more.is_set():
                with self._lock:
                    number = next(numbers, None)
                if number is None:
                    return
                while not self._stop.is_set() and not self._ask(client, number, chance):
                    time.sleep(0.05 + chance.random() / 5)

    def _ask(self, client: httpx.Client, number: int, chance: random.Random) -> bool:
        urls = self.urls()
        if not urls:
            return False
        key = f"{self.prefix}-{number}"
        begun = time.monotonic()
        url = f"{chance.choice(urls)}/v1/agencies/{self.agency}/results"
        later = {"Prefer": "respond-async"} if self.later(number) else {}
        try:
            answer = client.post(url, headers={"Idempotency-Key": key, **later}, json=self.asked(number))
            if answer.status_code == 202:
                self._note("202")
                answer = client.get(f"{url}/{answer.json()['id']}")
            said = answer.json()
        except (httpx.HTTPError, ValueError) as e:
            self._note(type(e).__name__)
            return False
        self._note(f"{answer.status_code} {said.get('code', '')}".strip())
        if answer.status_code == 200 and said["state"] != "issued":
            return False
        if answer.status_code in {200, 201}:
            with self._lock:
                self.told.append(Told(key=key, id=said["id"], number=said["number"], sha256=said["file"]["sha256"]))
                self.seconds.append(time.monotonic() - begun)
            return True
        if answer.status_code not in {409, 429, 503} or said.get("code") == "request-voided":
            with self._lock:
                self.unforeseen.append(f"{key}: {answer.status_code} {said.get('code')} {said.get('facts')}")
            return answer.status_code < 500  # asking again would bring the same
        return False

    def _note(self, what: str) -> None:
        with self._lock:
            self.statuses[what] += 1
