"""Somebody at a terminal: runs a command at a pseudo-terminal and types answers."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

_LIMIT = 120.0


def with_terminal(
    command: list[str],
    typed: list[str],
    *,
    cwd: Path,
    environ: dict[str, str],
    on_line: Callable[[str, "subprocess.Popen[bytes]"], None] = lambda _line, _process: None,
) -> "subprocess.CompletedProcess[str]":
    """Run `command` at a pseudo-terminal, which shows its stderr; each item of `typed` answers one question.

    stdout is a pipe, as in `esign … > list`; `on_line` hears of each of its lines.
    """
    master, slave = _pseudo_terminal()

    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environ,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        preexec_fn=_own_terminal,  # noqa: PLW1509  # the typist's thread starts later
    )
    os.close(slave)
    shown = bytearray()
    typist = threading.Thread(target=_type, args=(master, list(typed), shown), daemon=True)
    typist.start()
    overdue = threading.Timer(_LIMIT, process.kill)
    overdue.start()
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.decode())
        on_line(lines[-1], process)
    process.stdout.close()
    process.wait()
    overdue.cancel()
    typist.join(5)
    os.close(master)
    shown_text = shown.decode().replace("\r\n", "\n")
    return subprocess.CompletedProcess(command, process.returncode, "".join(lines), shown_text)


def _pseudo_terminal() -> tuple[int, int]:
    if sys.platform == "win32":
        raise NotImplementedError
    else:  # noqa: RET506  # mypy reads one branch of the two, by platform
        import pty

        return pty.openpty()


def _own_terminal() -> None:
    """In the child: what was opened as its stdin becomes the terminal of a session of its own."""
    if sys.platform != "win32":
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _type(terminal: int, answers: list[str], shown: bytearray) -> None:
    """Look at the terminal until it is closed, and answer what is asked there."""
    answered = 0
    while True:
        try:
            piece = os.read(terminal, 1024)
        except OSError:  # EIO: nobody has it open any more
            return
        shown += piece
        question = bytes(shown[answered:])
        if answers and (question.endswith((b": ", b"] "))):
            answered = len(shown)
            os.write(terminal, answers.pop(0).encode() + b"\n")
