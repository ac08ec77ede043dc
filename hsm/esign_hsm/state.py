"""Where a host keeps what all users of its tokens must share: the lock and the PIN guard."""

import hashlib
import os
import sys
from pathlib import Path

from filelock import FileLock
from platformdirs import user_state_path

from esign.errors import ConfigurationError
from esign.reasons import system_problem

__all__ = ["lock", "state_dir"]

_SYSTEM = Path("/var/lib/esign")
# The directory decides who may enter; inside, the users of one token share its files.
_FILE_MODE = 0o660


def state_dir() -> Path:
    """The state directory: `ESIGN_STATE_DIR`, else /var/lib/esign where it is writable, else the user's own.

    All users of one token on one host must share it: two directories mean two PIN guards, and a wrong PIN
    would be sent twice.
    """
    configured = os.environ.get("ESIGN_STATE_DIR")
    if configured:
        path = Path(configured)
    elif sys.platform != "win32" and os.access(_SYSTEM, os.W_OK | os.X_OK):
        path = _SYSTEM
    else:
        path = user_state_path("esign", appauthor=False)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigurationError("state-dir-unusable", path=path, detail=system_problem(e)) from e
    return path


def lock(path: Path, *, timeout: float = -1) -> FileLock:
    """A lock that holds between processes; it is never replaced by a weaker one where locks are missing."""
    return FileLock(path, timeout=timeout, mode=_FILE_MODE, poll_interval=0.01, fallback_to_soft=False)


def hashed(name: str) -> str:
    """A file name for `name`, which may hold anything."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
