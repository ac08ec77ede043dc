"""Hostile callers of a real `esign serve`, all at once while a portal works: slow, endless, oversized, sly.

`python -m tests.support.torture_hostile [--seconds 20] [--paths 2000] [--seed N]`

Figures: how much slower ordinary callers are meanwhile, by how much the process grows, how many webhooks inside are
accepted, how many files appear or are read outside of their folders, and how many texts of callers are in the log.
"""

import argparse
import contextlib
import http.client
import json
import random
import re
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx

from tests.support.deployment import AGENCY, Deployment, Server
from tests.support.torture_keys import Figures
from tests.support.torture_service import asked_for

__all__ = ["attack", "forge_lines", "reach_inside", "traverse"]

_FORBIDDEN = Path(__file__).parents[1] / "vectors/net/forbidden-urls.txt"
_GROWTH = 64 << 20
_SLOWER = 4.0
"""The promise is 2; a machine that does other things, too, is given more."""
_PIECES = (
    "..",
    "%2e%2e",
    "..%2f",
    "%00",
    "/etc/passwd",
    "\\",
    "C:",
    "CON",
    "~",
    ".",
    "//",
    "esign.toml",
    "softhsm",
    "pin",
)
_CANARY = "CHIM-HOANG-YEN"
_HOSTILE = (
    "{c}\r\nforged: line",
    '{c}\n{{"event": "request", "status": 200}}',
    "{c}\x1b[2J\x1b]0;owned\x07",
    "{c}\u2028\u2029\u0085",
    "{c}\u202e\u2066fdp.exe",
    "{c}\x00\x08\x7f",
    "{c}' OR 1=1 --",
    "{c}%0d%0aSet-Cookie: a=b",
)


def attack(deployment: Deployment, server: Server, *, seconds: float, lines: int = 200) -> Figures:
    """F24: heads and bodies that come byte by byte, bodies without an end or too large, thousands of connections."""
    stop = threading.Event()
    refused: Counter[str] = Counter()
    place = urlsplit(server.url)
    path = f"/v1/agencies/{AGENCY}/results"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"
    known = head + f"Authorization: Bearer {deployment.key}\r\n"

    def slow_head(line: socket.socket) -> None:
        _drip(line, head.encode(), stop)

    def slow_body(line: socket.socket) -> None:
        line.sendall(f"{known}Content-Length: 100000\r\n\r\n".encode())
        _drip(line, b"x" * 100_000, stop)

    def endless(line: socket.socket) -> None:
        line.sendall(f"{known}Transfer-Encoding: chunked\r\n\r\n".encode())
        while not stop.is_set():
            line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    def too_large(line: socket.socket) -> None:
        line.sendall(f"{known}Content-Length: 10000000000\r\n\r\n".encode())
        line.sendall(b"x" * 100_000)

    def parts(line: socket.socket) -> None:
        body = b"".join(b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n' % n for n in range(5000))
        asked = known.replace("application/json", "multipart/form-data; boundary=b")
        line.sendall(f"{asked}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def attacker(do: Callable[[socket.socket], None]) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection((place.hostname, place.port), 5) as line:
                with contextlib.suppress(OSError):
                    do(line)
                line.settimeout(1)
                answer = line.recv(65536)
                refused[answer[9:12].decode("latin-1")] += 1
            stop.wait(0.05)

    _ordinary(deployment, server, 2)  # what is made once is made
    baseline = _ordinary(deployment, server, seconds / 2)
    before = _memory(server)
    kinds = [slow_head] * lines + [slow_body] * 8 + [endless, too_large, parts]
    running = [threading.Thread(target=attacker, args=(kind,)) for kind in kinds]
    for thread in running:
        thread.start()
    under_attack = _ordinary(deployment, server, seconds)
    grown = _memory(server) - before
    stop.set()
    for thread in running:
        thread.join()
    failures = [] if grown < _GROWTH else [f"it grew by {grown >> 20} MiB"]
    failures += [] if under_attack else ["nobody else was served"]
    slower = _p99(under_attack) / _p99(baseline)
    if slower > _SLOWER:
        failures.append(f"ordinary callers waited {slower:.1f} times as long")
    answers = ", ".join(f"{n}× {status or 'closed'}" for status, n in sorted(refused.items()))
    reached = (
        f"{len(kinds)} attackers, {answers}; p99 of ordinary results {_p99(baseline):.2f} s before and "
        f"{_p99(under_attack):.2f} s meanwhile ({slower:.1f} times); memory {grown / (1 << 20):+.1f} MiB"
    )
    return Figures("F24: uploads that are slow, endless, too large", reached, tuple(failures))


def reach_inside(deployment: Deployment, server: Server) -> Figures:
    """F28: webhooks whose address leads inside, however it is spelled."""
    spelled = [u for u in _FORBIDDEN.read_text("utf-8").splitlines() if u and not u.startswith("#")]
    spelled += [u.replace("http://", "https://", 1) for u in spelled]
    accepted = []
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for number, url in enumerate(spelled):
            answer = client.post(
                f"/v1/agencies/{AGENCY}/webhooks",
                headers=deployment.headers(f"inside-{number}"),
                json={"url": url, "events": ["result.issued"]},
            )
            if answer.status_code != 422:
                accepted.append(f"{url}: {answer.status_code}")
    return Figures(
        "F28: webhooks that lead inside", f"{len(spelled)} spellings, {len(accepted)} accepted", tuple(accepted)
    )


def traverse(deployment: Deployment, server: Server, *, paths: int, seed: int) -> Figures:
    """F29: names and paths that lead out of their folders: nothing is read there, and nothing is written."""
    chance = random.Random(seed)
    secret = (deployment.folder / "softhsm/pin").read_text("ascii").strip()
    before = _listing(deployment.folder)
    failures: list[str] = []
    statuses: Counter[int] = Counter()
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    for number in range(paths):
        evil = "/".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 6)))
        spelled = chance.choice([evil, quote(evil, safe=""), quote(quote(evil, safe=""), safe="")])
        spelled = re.sub(r"[^\x21-\x7e]|[ #?]", "", spelled)
        target = chance.choice(
            (f"/v1/agencies/{AGENCY}/results/{spelled}/document", f"/s/{spelled}", f"/t/{spelled}", f"/{spelled}")
        )
        connection.request("GET", target, headers=deployment.headers(f"path-{number}"))
        answer = connection.getresponse()
        body = answer.read()
        statuses[answer.status] += 1
        if answer.status >= 500 or secret.encode() in body or b"root:" in body or b"[agency]" in body:
            failures.append(f"{target}: {answer.status}")
    connection.close()
    after = _listing(deployment.folder)
    failures += [f"{name} appeared" for name in sorted(after - before)]
    answers = ", ".join(f"{n}× {status}" for status, n in sorted(statuses.items()))
    return Figures(f"F29: paths that lead out (seed {seed})", f"{paths} paths, {answers}", tuple(failures))


def forge_lines(deployment: Deployment, server: Server) -> Figures:
    """F30: text that begins lines, moves the cursor, or turns the direction, in every field that takes text."""
    canaries = 0
    fields = ("title", "subject", "holder", "procedure", "dossier", "number", "symbol", "template")
    with httpx.Client(base_url=server.url, timeout=60, headers={"User-Agent": _CANARY}) as client:
        for number, pattern in enumerate(_HOSTILE):
            for field in fields:
                canaries += 1
                client.post(
                    f"/v1/agencies/{AGENCY}/results",
                    headers=deployment.headers(f"line-{number}-{field}"),
                    json={**asked_for(number), field: pattern.format(c=f"{_CANARY}-{canaries}")},
                )
            text = quote(pattern.format(c=_CANARY), safe="")
            for path in (f"/{text}", f"/v1/agencies/{text}/results", f"/v1/agencies/{AGENCY}/results/{text}?q={text}"):
                canaries += 1
                client.get(path, headers=deployment.headers())
    said = server.log.read_text("utf-8", errors="replace")
    failures = [f"in the log: {line[:200]}" for line in said.splitlines() if _CANARY in line or "forged" in line]
    failures += [f"not JSON: {line[:200]}" for line in said.split("\n")[1:] if line and not _is_json(line)]
    failures += ["a PIN is in the log"] if (deployment.folder / "softhsm/pin").read_text().strip() in said else []
    failures += ["a key of access is in the log"] if deployment.key in said else []
    return Figures(
        "F30: lines that forge the log", f"{canaries} texts, {len(said.splitlines())} lines", tuple(failures)
    )


def _drip(line: socket.socket, data: bytes, stop: threading.Event) -> None:
    for position in range(len(data)):
        if stop.wait(0.5):
            return
        line.sendall(data[position : position + 1])


def _ordinary(deployment: Deployment, server: Server, seconds: float) -> list[float]:
    """How long results take that two ordinary callers ask for."""
    took: list[float] = []
    end = time.monotonic() + seconds

    def ask(caller: int) -> None:
        with httpx.Client(timeout=60) as client:
            number = 0
            while time.monotonic() < end:
                number += 1
                begun = time.monotonic()
                answer = client.post(
                    f"{server.url}/v1/agencies/{AGENCY}/results",
                    headers=deployment.headers(f"ordinary-{caller}-{begun}-{number}"),
                    json=asked_for(number),
                )
                if answer.status_code == 201:
                    took.append(time.monotonic() - begun)

    callers = [threading.Thread(target=ask, args=(n,)) for n in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return took


def _p99(took: list[float]) -> float:
    return sorted(took)[len(took) * 99 // 100] if took else float("inf")


def _memory(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def _listing(folder: Path) -> set[str]:
    inside = ("spool", "archive", "out")
    return {
        str(p)
        for p in folder.parent.rglob("*")
        if not any(part in inside for part in p.relative_to(folder.parent).parts)
    }


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def main() -> None:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--paths", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20261122)
    given = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="esign-broken-") as place:
        deployment = Deployment.make(Path(place) / "deployment", body_seconds=5, upload_mebibytes=1)
        with deployment.running():
            server = deployment.serve()
            for figures in (
                attack(deployment, server, seconds=given.seconds),
                reach_inside(deployment, server),
                traverse(deployment, server, paths=given.paths, seed=given.seed),
                forge_lines(deployment, server),
            ):
                print(figures, *figures.failures[:5], sep="\n", flush=True)
                failed |= bool(figures.failures)
    sys.exit(failed)


if __name__ == "__main__":
    main()
