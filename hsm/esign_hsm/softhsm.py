"""Makes a SoftHSM token in a folder of its own, for development and tests: its keys are files, not hardware.

SoftHSM reads SOFTHSM2_CONF once, at C_Initialize: call `use` before anything loads the module.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from esign.errors import ConfigurationError
from esign.reasons import Reason
from esign_hsm.modules import module_named
from esign_hsm.pin import Pin

__all__ = ["SoftToken", "find_module", "make_directory", "make_token", "use"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftToken:
    """A SoftHSM token."""

    label: str
    """Its label."""
    conf: Path
    """The softhsm2.conf that shows it."""
    module: Path
    """libsofthsm2."""
    pin: str = field(repr=False)
    """The user PIN; it is no secret, for the keys beside it are files."""


def find_module() -> Path:
    """The SoftHSM module of this machine.

    Raises:
        KeyStoreError: `module-not-installed`.
    """
    return module_named("softhsm2")


def make_directory(directory: Path) -> Path:
    """Prepare `directory` for SoftHSM tokens, mode 0700; gives its softhsm2.conf."""
    tokens = directory / "tokens"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    tokens.mkdir(mode=0o700, exist_ok=True)
    conf = directory / "softhsm2.conf"
    if not conf.exists():
        conf.write_text(
            f"directories.tokendir = {tokens.resolve()}\nobjectstore.backend = file\nlog.level = ERROR\n", "utf-8"
        )
    return conf


def use(conf: Path) -> None:
    """Let this process and those it starts see the tokens of `conf`; before the module is loaded."""
    os.environ["SOFTHSM2_CONF"] = str(conf.resolve())


def make_token(directory: Path, *, label: str, pin: str, so_pin: str) -> SoftToken:
    """Make a token in `directory`, which may hold several.

    It is made in a process of its own, so that a module which is loaded here is not disturbed.

    Raises:
        ConfigurationError: `softhsm-failed`.
    """
    module = find_module()
    conf = make_directory(directory)
    made = subprocess.run(
        [sys.executable, "-m", "esign_hsm.softhsm", str(directory.resolve()), label],
        # Not as arguments, which `ps` shows.
        input=f"{so_pin}\n{pin}\n",
        text=True,
        capture_output=True,
        check=False,
    )
    if made.returncode:
        raise ConfigurationError("softhsm-failed", detail=made.stderr.strip()[-200:])
    if sys.platform != "win32":
        # SoftHSM follows the umask; the keys are only as secret as these files.
        for path in directory.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
    return SoftToken(label=label, conf=conf, module=module, pin=pin)


@dataclass(frozen=True, slots=True)
class _Line:
    """A PinSource for what stood on stdin."""

    line: str = field(repr=False)
    """The PIN."""
    attended: bool = False
    """Nobody is there."""

    def read(self, token: str, *, warnings: Sequence[Reason] = ()) -> Pin:  # noqa: ARG002  # PinSource's signature
        """Give the line."""
        return Pin.from_line(bytearray(self.line.encode()), source="stdin")


def _main() -> None:
    """`python -m esign_hsm.softhsm <directory> <label>`, the SO PIN and the user PIN on stdin, a line each."""
    from esign_hsm import admin, guard  # noqa: PLC0415  # only this process needs them

    directory, label = Path(sys.argv[1]), sys.argv[2]
    so_pin, user_pin = (_Line(line) for line in sys.stdin.read().splitlines()[:2])
    use(directory / "softhsm2.conf")
    admin.init_token(
        find_module(), label=label, so_pin=so_pin, user_pin=user_pin, guard=guard.FilePinGuard(directory / "guard")
    )


if __name__ == "__main__":
    _main()
