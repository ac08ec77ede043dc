"""Runs a script of commands as somebody at a terminal would, and compares what is seen with what is written down.

A script can be read aloud::

    # A comment.
    > esign result show 01/QĐ-UBND
    out: state: issued
    out: id: <ID>
    exit: 0

Lines that begin with `>` run the installed `esign`, those with `$` a helper of this file (`certify`, `cp`, …). Under a
command stand, in this order: `typed:` what a person types at each prompt; `out:` and `err:` lines that must be there in
this order, where `*` stands for anything and `<NAME>` keeps it for `{NAME}` further down; `no out:` and `no err:` lines
that must not be there; `exit:`, 0 where it is not written. `{office}` is the folder in which the script began.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.scripts import helpers

ESIGN = Path(sys.executable).with_name("esign")
LIMIT = 120.0


@dataclass
class Command:
    """One command and what is expected of it."""

    line: int
    words: list[str]
    helper: bool
    typed: list[str] = field(default_factory=list)
    expected: list[tuple[str, str]] = field(default_factory=list)
    exit: int = 0


def parse(text: str) -> list[Command]:
    """The commands of a script."""
    commands: list[Command] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        mark, _, rest = line.partition(" ")
        if mark in {">", "$"}:
            commands.append(Command(number, shlex.split(rest), helper=mark == "$"))
            continue
        kind, separator, value = line.partition(":")
        assert separator, f"line {number}: {line}"
        assert commands, f"line {number} stands before any command"
        value = value.removeprefix(" ")
        if kind == "exit":
            commands[-1].exit = int(value)
        elif kind == "typed":
            commands[-1].typed.append(value)
        else:
            assert kind in {"out", "err", "no out", "no err"}, f"line {number}: {kind}"
            commands[-1].expected.append((kind, value))
    return commands


class Player:
    """Plays one script in one folder."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = environ
        self.names = {"office": str(folder)}
        pin = folder / "softhsm/pin"
        if pin.exists():
            self.names["PIN"] = pin.read_text("utf-8").strip()

    def play(self, text: str) -> None:
        for command in parse(text):
            self._step(command)

    def _step(self, command: Command) -> None:
        words = [self._filled(w) for w in command.words]
        if command.helper:
            self.folder = helpers.run(words, self.folder, self.environ) or self.folder
            return
        assert words[0] == "esign"
        done = self._typing(words, command.typed) if command.typed else self._plain(words)
        seen = f"line {command.line}: {' '.join(words)}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
        assert done.returncode == command.exit, f"exit {done.returncode}, expected {command.exit}\n{seen}"
        assert "Traceback" not in done.stderr, seen
        rest = {"out": done.stdout.splitlines(), "err": done.stderr.splitlines()}
        for kind, pattern in command.expected:
            stream = kind.removeprefix("no ")
            if kind.startswith("no "):
                everything = (done.stdout if stream == "out" else done.stderr).splitlines()
                assert not any(self._match(pattern, line) for line in everything), f"{kind}: {pattern}\n{seen}"
                continue
            while rest[stream] and not self._match(pattern, rest[stream][0]):
                rest[stream].pop(0)
            assert rest[stream], f"{kind}: {pattern} is not there\n{seen}"
            rest[stream].pop(0)

    def _filled(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace("{" + name + "}", value)
        return text

    def _match(self, pattern: str, line: str) -> bool:
        spelled = re.escape(self._filled(pattern)).replace(r"\*", ".*?")
        spelled = re.sub(r"<([A-Z]+)>", r"(?P<\1>.*?)", spelled)
        found = re.fullmatch(spelled, line.replace("\t", " | "))
        if found:
            self.names |= found.groupdict()
        return bool(found)

    def _plain(self, words: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(ESIGN), *words[1:]],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=LIMIT,
            start_new_session=True,  # without a terminal of the tests' own, where a prompt would wait
        )

    def _typing(self, words: list[str], typed: list[str]) -> "subprocess.CompletedProcess[str]":
        """With a terminal of its own, at which somebody answers each prompt."""
        from tests.scripts.terminal import with_terminal

        answers = [self._filled(t) for t in typed]
        return with_terminal([str(ESIGN), *words[1:]], answers, cwd=self.folder, environ=self.environ)


def environment(state: Path) -> dict[str, str]:
    """What a new login has, in English; guards and locks of the tests' own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ESIGN_", "SOFTHSM2_", "LC_", "LANG"))}
    return {**kept, "LANG": "en_US.UTF-8", "ESIGN_STATE_DIR": str(state), "COLUMNS": "100", "NO_COLOR": "1"}


def copy(folder: Path, to: Path) -> Path:
    """Another office with the same token: softhsm2.conf names its folder."""
    shutil.copytree(folder, to)
    conf = to / "softhsm/softhsm2.conf"
    conf.write_text(conf.read_text("utf-8").replace(str(folder.resolve()), str(to.resolve())), "utf-8")
    return to
