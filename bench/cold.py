"""One file signed, from the start of Python to its exit, beside Python alone and the token alone (`make bench`).

An office of `esign init --demo` signs files visibly, each another one, with SoftHSM. Commands take turns, so that a
machine that changes its speed changes it for all; each is a process of its own, with compiled bytecode, as installed
packages have it. Seconds are by the clock and of the processors; instructions in user mode, where `perf` counts them,
say the same on a busy machine.

The token's own time is what it takes to be opened, logged in to and signed with, in a process that does nothing else.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.measuring import Ratio, keep  # noqa: E402

from tests.unit.pdf.tools import page  # noqa: E402

GOAL = 0.5
"""Seconds by the clock that signing may take beyond the token's own."""
# What the installed script says; `python -m` would look for the module with modules of its own.
_ESIGN = (sys.executable, "-c", "from esign_cli.main import main; main()")
_PYTHON = (sys.executable, "-c", "pass")
_SIGN, _VERIFY = (*_ESIGN, "sign", "letter.pdf"), (*_ESIGN, "verify", "signed.pdf")
OTHERS: Mapping[str, tuple[Sequence[str], Mapping[str, str]]] = {
    "esign --help": ((*_ESIGN, "--help"), {}),
    "esign --version": ((*_ESIGN, "--version"), {}),
    "the Tab key": (
        _ESIGN,
        {"_ESIGN_COMPLETE": "complete_bash", "COMP_WORDS": "esign si", "COMP_CWORD": "1"},
    ),
}
_BARE = """
import sys, time, pkcs11
started = time.perf_counter()
library = pkcs11.lib(sys.argv[1])
token = library.get_token(token_label=sys.argv[2])
with token.open(user_pin=open(sys.argv[3]).read().strip()) as session:
    key = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, label="con-dau")
    key.sign(b"data", mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS)
print(time.perf_counter() - started)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one process took."""

    clock: float
    """Seconds until it had ended."""
    processor: float
    """Seconds of the processors, those of its own children among them."""


class Folder:
    """An office, and the files that it is still to sign."""

    def __init__(self, place: Path) -> None:
        self.path = place / "office"
        self._made = 0
        self._environ = {name: value for name, value in os.environ.items() if name != "ESIGN_CONFIG"}
        subprocess.run([*_ESIGN, "init", "office", "--demo"], cwd=place, check=True, capture_output=True)
        self.renew()
        self.run(_SIGN)  # and all that follows, so that every file was read once
        shutil.copy(self.path / "out" / "letter.signed.pdf", self.path / "signed.pdf")
        self.run(_VERIFY)
        for command, environ in OTHERS.values():
            self.run(command, environ)

    def renew(self) -> None:
        """A file that was not signed yet, in the place of the last one."""
        self._made += 1
        (self.path / "letter.pdf").write_bytes(page(b"%% %d" % self._made))
        shutil.rmtree(self.path / "out", ignore_errors=True)

    def run(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> Spent:
        """What `command` takes."""
        started = time.perf_counter()
        surroundings = self._environ | dict(environ or {})
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=self.path, env=surroundings, stdin=quiet, stdout=quiet, stderr=quiet)
        processor = _ended(process)
        clock = time.perf_counter() - started
        if process.returncode:
            message = f"{process.returncode}: {' '.join(command)}"
            raise RuntimeError(message)
        return Spent(clock=clock, processor=processor)

    def token(self) -> float:
        """Seconds by the clock that the token takes for one signature."""
        softhsm = self.path / "softhsm"
        environ = self._environ | {"SOFTHSM2_CONF": str(softhsm / "softhsm2.conf")}
        command = [sys.executable, "-c", _BARE, _module(self.path), "van-thu", str(softhsm / "pin")]
        done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
        return float(done.stdout)

    def instructions(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> int | None:
        """How many of them `command` needs in user mode; None where they cannot be counted."""
        told = self.path / "counted"
        counting = ("perf", "stat", "-x,", "-e", "instructions:u", "-o", str(told))
        try:
            self.run((*counting, *command), environ)
            count = next(line for line in told.read_text("utf-8").splitlines() if "instructions" in line)
            return int(count.split(",")[0])
        except (OSError, RuntimeError, StopIteration, ValueError):
            return None


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    # The verifier's own process believes no variable of its surroundings: bytecode lies where an installation has it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compiled = [sys.executable, "-m", "compileall", "-q", "src", "cli", "hsm"]
    subprocess.run(compiled, cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as place:
        keep("one file, cold", measure(Folder(Path(place)), rounds=rounds))


def measure(office: Folder, *, rounds: int) -> dict[str, object]:
    """Seconds and instructions of each command, and what signing takes beyond the token."""
    signed: list[Spent] = []
    alone: list[Spent] = []
    verified: list[Spent] = []
    token: list[float] = []
    for _ in range(rounds):
        office.renew()
        signed.append(office.run(_SIGN))
        alone.append(office.run(_PYTHON))
        token.append(office.token())
        verified.append(office.run(_VERIFY))
    beyond = median(spent.clock for spent in signed) - median(token)
    reached = Ratio.of(GOAL / (spent.clock - own) for spent, own in zip(signed, token, strict=True))
    seconds: dict[str, object] = {"the token": {"clock": median(token)}}
    for what, spent in (("esign sign", signed), ("esign verify", verified), ("Python alone", alone)):
        clock, processor = median(s.clock for s in spent), median(s.processor for s in spent)
        seconds[what] = {"clock": clock, "processor": processor}
        print(f"{what}: {clock:.3f} s by the clock, {processor:.3f} s of the processors")
    print(f"the token: {median(token):.3f} s by the clock")
    print(f"esign sign beyond the token: {beyond:.3f} s; {GOAL} s is {reached.percent()} of it")
    counted = _instructions(office)
    for what, count in counted.items():
        print(f"{what}: {count / 1e9:.2f} thousand million instructions")
    return {
        "seconds": {**seconds, "esign sign beyond the token": {"clock": beyond}},
        "share of what may be": {"esign sign": reached},
        "instructions": counted,
    }


def _instructions(office: Folder) -> dict[str, int]:
    office.renew()
    counted = {
        "esign sign": office.instructions(_SIGN),
        "esign verify": office.instructions(_VERIFY),
        **{what: office.instructions(command, environ) for what, (command, environ) in OTHERS.items()},
        "Python alone": office.instructions(_PYTHON),
    }
    return {what: count for what, count in counted.items() if count is not None}


def _ended(process: subprocess.Popen[bytes]) -> float:
    """Seconds of the processors that `process` took, once it has ended; 0 on Windows, which does not count them so."""
    processor = 0.0
    if sys.platform != "win32":
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        processor = used.ru_utime + used.ru_stime
    process.wait()
    return processor


def _module(office: Path) -> str:
    """The PKCS#11 library that the office's configuration names."""
    lines = (office / "esign.toml").read_text("utf-8").splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("module = "))


if __name__ == "__main__":
    main()
