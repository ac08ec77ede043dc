"""Campaigns against the keys: threads, processes that start at once, wrong PINs, a token that comes and goes.

`python -m tests.support.torture_keys [--seconds 60]` runs them at full size, prints the figures reached, and exits
with 1 when one fails; the test suite runs the same functions at a smaller size.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from esign.errors import Error
from esign.keys import KeyRef, Mechanism, SigningKey
from esign_hsm import FilePin, KeyKind, TokenKeyStore, generate_key, softhsm
from tests.support import shim as shims
from tests.support.postgres import postgres_server
from tests.support.softhsm import pin_file_in

ROOT = Path(__file__).parents[2]
LABEL = "con-dau"


@dataclass(frozen=True)
class Figures:
    """What a campaign reached."""

    name: str
    reached: str
    failures: tuple[str, ...]

    def __str__(self) -> str:
        verdict = f"FAILED: {self.failures[0]}" if self.failures else "ok"
        return f"{self.name}: {self.reached}, {len(self.failures)} failures: {verdict}"


def check(key: SigningKey, data: bytes, signature: bytes) -> None:
    """Verify a P-256 signature without esign_hsm's own check."""
    public_key = load_der_public_key(key.public_key)
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    public_key.verify(signature, data, ec.ECDSA(hashes.SHA256()))


def sign_in_threads(key: SigningKey, *, threads: int, seconds: float, least: int = 0) -> Figures:
    """`threads` threads sign with a P-256 key for `seconds`, and until there are `least` signatures."""
    failures: list[str] = []
    counts = [0] * threads
    end = time.monotonic() + seconds

    def run(number: int) -> None:
        while not counts[number] or time.monotonic() < end or sum(counts) < least:
            data = b"%d/%d" % (number, counts[number])
            try:
                check(key, data, key.sign(data, mechanism=Mechanism.ECDSA_P256_SHA256))
            except Exception as e:
                failures.append(repr(e))
            counts[number] += 1

    started = [threading.Thread(target=run, args=(n,)) for n in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return Figures(f"{threads} threads sign", f"{sum(counts)} signatures in {seconds:g} s", tuple(failures))


def start_at_once(ref: KeyRef, *, processes: int) -> Figures:
    """`processes` processes start together; each opens the key, signs once and ends."""
    begun = time.monotonic()
    results = _workers("sign", ref, processes)
    failures = tuple(r for r in results if r != "signed")
    return Figures(f"{processes} processes start at once", f"{time.monotonic() - begun:.1f} s in all", failures)


def wrong_pins(ref: KeyRef, shim: shims.Shim, *, workers: int) -> Figures:
    """`workers` processes have the same wrong PIN (`ref`'s pin-source): one C_Login is sent, whoever comes first."""
    shim.forget()
    results = _workers("sign", ref, workers)
    sent = shim.calls()["C_Login"]
    failures = [] if sent == 1 else [f"{sent} C_Login"]
    if (results.count("pin-refused"), results.count("pin-blocked")) != (1, workers - 1):
        failures += [f"unexpected outcomes {sorted(set(results))}"]
    return Figures(f"{workers} workers with a wrong PIN", f"{sent} C_Login", tuple(failures))


def wrong_pins_on_hosts(ref: KeyRef, shim: shims.Shim, place: str, *, folder: Path, workers: int) -> Figures:
    """The same on two hosts, which share nothing but the token and the register at `place`."""
    shim.forget()
    with ThreadPoolExecutor(2) as pool:
        hosts = [
            pool.submit(_workers, "sign", ref, workers, place=place, ESIGN_STATE_DIR=str(folder / name))
            for name in ("one", "two")
        ]
        results = [result for host in hosts for result in host.result()]
    sent = shim.calls()["C_Login"]
    failures = [] if sent == 1 else [f"{sent} C_Login"]
    if (results.count("pin-refused"), results.count("pin-blocked")) != (1, 2 * workers - 1):
        failures += [f"unexpected outcomes {sorted(set(results))}"]
    return Figures(f"{workers} workers on each of two hosts with a wrong PIN", f"{sent} C_Login", tuple(failures))


def pull_and_plug(key: SigningKey, shim: shims.Shim, *, rounds: int, threads: int = 4) -> Figures:
    """The token is pulled and put back while threads sign; what they do meanwhile fails, nothing has to restart."""
    failures: list[str] = []
    counts = [0] * threads
    stop = threading.Event()
    out = threading.Event()

    def run(number: int) -> None:
        while not stop.is_set():
            data = b"%d/%d" % (number, counts[number])
            was_out = out.is_set()
            try:
                check(key, data, key.sign(data, mechanism=Mechanism.ECDSA_P256_SHA256))
                counts[number] += 1
            except Error as e:
                if e.code not in ("token-gone", "token-unavailable") or not (was_out or out.is_set()):
                    failures.append(repr(e))
                time.sleep(0.01)
            except Exception as e:
                failures.append(repr(e))

    started = [threading.Thread(target=run, args=(n,)) for n in range(threads)]
    for thread in started:
        thread.start()
    longest = 0.0
    for _ in range(rounds):
        time.sleep(0.1)
        out.set()
        shim.pull()
        time.sleep(0.1)
        shim.plug()
        back = time.monotonic()
        before = list(counts)
        while any(now == then for now, then in zip(counts, before, strict=True)):
            time.sleep(0.002)
            if time.monotonic() - back > 60:
                failures.append("a thread did not sign again within 60 s")
                break
        longest = max(longest, time.monotonic() - back)
        out.clear()
    stop.set()
    for thread in started:
        thread.join()
    reached = f"{sum(counts)} signatures, longest way back {longest:.2f} s"
    return Figures(f"{rounds} times pulled and put back", reached, tuple(failures))


def _workers(job: str, ref: KeyRef, count: int, *, place: str = "", **environ: str) -> list[str]:
    """Start `count` processes at once, and give the last line of each; their guard is in the register at `place`."""
    command = [sys.executable, "-m", "tests.support.torture_keys", "--job", job, "--guard", place, str(ref)]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | environ
        )
        for _ in range(count)
    ]
    lines = []
    for process in running:
        out, _ = process.communicate(timeout=500)
        lines.append(out.strip().splitlines()[-1] if out.strip() else f"exit {process.returncode}")
    return lines


def _job(uri: str, place: str) -> None:
    """What a worker does: open the key, sign once; prints `signed` or the code of what went wrong."""
    try:
        guard = None
        if place:
            from esign.registry.pin_guard import shared_guard

            guard = shared_guard(place)
        with TokenKeyStore(guard=guard) as store:
            key = store.key(KeyRef.parse(uri))
            check(key, b"data", key.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256))
        print("signed")
    except Error as e:
        print(e.code)


@contextlib.contextmanager
def _workbench() -> Iterator[tuple[Path, KeyRef]]:
    """A SoftHSM folder with a token and a P-256 key, for a run without pytest."""
    with tempfile.TemporaryDirectory(prefix="esign-torture-") as name, pytest.MonkeyPatch.context() as patch:
        directory = Path(name)
        patch.setenv("ESIGN_STATE_DIR", str(directory / "state"))
        token = softhsm.make_token(directory, label="torture", pin="123456", so_pin="87654321")
        patch.setenv("SOFTHSM2_CONF", str(token.conf))
        pin_file = pin_file_in(directory, "right", token.pin)
        ref = KeyRef(token="torture", object=LABEL, pin_source=str(pin_file), module_path=str(token.module))
        with TokenKeyStore(module=token.module, pin=FilePin(pin_file)) as store:
            generate_key(store, kind=KeyKind.P256, label=LABEL)
        yield directory, ref


def campaigns(*, seconds: float = 60, processes: int = 60, workers: int = 100, rounds: int = 20) -> Iterator[Figures]:
    """All campaigns, one after the other."""
    with _workbench() as (directory, ref), pytest.MonkeyPatch.context() as patch:
        with TokenKeyStore() as store:
            yield sign_in_threads(store.key(ref), threads=8, seconds=seconds)
        yield start_at_once(ref, processes=processes)
        shim = shims.Shim(directory / "shim", shims.build(directory))
        for variable, value in shim.environment.items():
            patch.setenv(variable, value)
        through_shim = KeyRef(module_path=str(shim.module)).filled(ref)
        with TokenKeyStore() as store:
            yield pull_and_plug(store.key(through_shim), shim, rounds=rounds)
        wrong = pin_file_in(directory, "wrong", "654321")
        mistyped = KeyRef(pin_source=str(wrong)).filled(through_shim)
        yield wrong_pins(mistyped, shim, workers=workers)
        with postgres_server() as server:
            place = server.url(server.register())
            yield wrong_pins_on_hosts(mistyped, shim, place, folder=directory, workers=max(workers // 5, 1))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.torture_keys", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=60)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--job", choices=["sign"], help=argparse.SUPPRESS)
    parser.add_argument("--guard", default="", help=argparse.SUPPRESS)
    parser.add_argument("uri", nargs="?", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.job:
        _job(given.uri, given.guard)
        return 0
    failed = False
    for figures in campaigns(
        seconds=given.seconds, processes=given.processes, workers=given.workers, rounds=given.rounds
    ):
        print(figures, flush=True)
        failed |= bool(figures.failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
