"""How a person is asked for a PIN, and may type it again; what comes from a file is never tried twice."""

import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from esign.errors import PINError
from esign.keys import KeyRef
from esign.reasons import Reason
from esign_cli.config import Config
from esign_cli.config.keys import PinKind, PinSection
from esign_cli.keys import pin_from
from esign_cli.output import Output
from esign_cli.sanitise import printable
from esign_cli.session import Session
from esign_hsm.pin import PinPrompt, PinSource, protect_process

if TYPE_CHECKING:
    from esign_cli.wiring import Workplace

__all__ = ["at_work", "chosen_pin", "key_ref", "prompt", "typing_again"]

_TRIES = 3
T = TypeVar("T")


def at_work(session: Session, *, pin_file: Path | None = None, pin_fd: int | None = None) -> "Workplace":
    """The working folder, with the PIN's source that the command line or the configuration names."""
    from esign_cli.wiring import Workplace

    protect_process()
    config = session.config()
    pin = chosen_pin(session.output, config, pin_file=pin_file, pin_fd=pin_fd)
    return Workplace(config, now=session.now, pin=pin)


def chosen_pin(output: Output, config: Config | None, *, pin_file: Path | None, pin_fd: int | None) -> PinSource:
    """`--pin-file`, else `--pin-fd`, else what the configuration says, else a person."""
    section = config.key.pin if config else PinSection()
    if pin_file is not None:
        section = PinSection(kind=PinKind.FILE, file=pin_file)
    elif pin_fd is not None:
        section = PinSection(kind=PinKind.FD, fd=pin_fd)
    return pin_from(section, ask=prompt(output))


def key_ref(config: Config, key: str | None) -> KeyRef:
    """The key that was typed: a URI as it is, a label in the configured token; or the configured key."""
    if key is None:
        return config.key.uri
    if key.startswith("pkcs11:"):
        return KeyRef.parse(key)
    return KeyRef(token=config.key.uri.token, serial=config.key.uri.serial, object=key)


def prompt(output: Output, *, question: str = "pin-prompt", confirm: bool = False) -> PinPrompt:
    """Ask on the terminal, in the language of `output`; `confirm` asks twice, for a PIN that is being set."""

    def ask(token: str, warnings: Sequence[Reason]) -> str:
        for warning in warnings:
            output.warn(warning)
        # getpass would echo what is typed where there is no terminal.
        if not _has_terminal():
            raise EOFError
        said = printable(output.say(question, token=token))
        typed = getpass.getpass(f"{said}: ")
        if confirm and getpass.getpass(f"{printable(output.say('pin-again', token=token))}: ") != typed:
            raise PINError("pin-not-repeated")
        return typed

    return PinPrompt(ask=ask)


def _has_terminal() -> bool:
    """Whether somebody can type without being echoed: Windows reads the console, others /dev/tty."""
    if sys.stdin.isatty():
        return True
    try:
        with Path("/dev/tty").open("rb"):
            return True
    except OSError:
        return False


def typing_again(output: Output, pin: PinSource, action: Callable[[], T]) -> T:
    """Run `action`, which asks for the PIN; a person whose PIN was refused may deliberately type it again."""
    for left in reversed(range(_TRIES)):
        try:
            return action()
        except PINError as e:
            if not pin.attended or not left or e.code != "pin-refused" or not isinstance(pin, PinPrompt):
                raise
            output.error(e)
    raise AssertionError  # the last turn returns or raises
