"""Load from a process of its own: keeps connections open, asks, and says how long each answer took.

Reads one line of JSON on standard input (`url`, `requests` as [path, headers, body], `connections`, `seconds`; `rate`
where questions come at fixed moments however slow the answers are, `once` where each is asked once), and prints one
line with what it measured.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Measured:
    """What was measured."""

    seconds: list[float] = field(default_factory=list)
    """From when a question was due until its whole answer was there; of those answered 2xx."""
    statuses: Counter[int] = field(default_factory=Counter)

    def told(self, took: float) -> dict[str, Any]:
        """As the caller reads it."""
        ordered = sorted(self.seconds) or [0.0]
        return {
            "rate": len(self.seconds) / took,
            "p50": ordered[len(ordered) // 2],
            "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
            "count": len(self.seconds),
            "statuses": dict(self.statuses),
        }


async def load(asked: dict[str, Any]) -> dict[str, Any]:
    """Ask for so many seconds."""
    place = urlsplit(asked["url"])
    rendered = [_rendered(place.netloc, *request) for request in asked["requests"]]
    measured = Measured()
    # A portal keeps its connections open: they are there before the first question is due.
    lines = [await asyncio.open_connection(place.hostname, place.port) for _ in range(asked["connections"])]
    begun = time.perf_counter()
    end = begun + asked["seconds"]
    due = _moments(begun, asked.get("rate"))
    questions = iter(rendered) if asked.get("once") else _round(rendered)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for question in questions:
                moment = next(due)
                if moment >= end:
                    return
                if moment > time.perf_counter():
                    await asyncio.sleep(moment - time.perf_counter())
                since = moment if asked.get("rate") else time.perf_counter()
                writer.write(question)
                status = await _answer(reader)
                measured.statuses[status] += 1
                if status < 300:
                    measured.seconds.append(time.perf_counter() - since)
        finally:
            writer.close()

    await asyncio.gather(*(connection(*line) for line in lines))
    return measured.told(time.perf_counter() - begun)


def _moments(begun: float, rate: float | None) -> Iterator[float]:
    """When each question is due; at once where no rate is given."""
    number = 0
    while True:
        yield begun + number / rate if rate else time.perf_counter()
        number += 1


def _round(questions: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from questions


def _rendered(host: str, path: str, headers: dict[str, str], body: str) -> bytes:
    data = body.encode()
    said = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(data)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + data


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
    await reader.readexactly(length)
    return int(head[9:12])


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(json.loads(sys.stdin.readline())))))
