"""What one task may use, and how a worker puts itself under these limits.

On POSIX the kernel ends a process that goes on: SIGPROF when its timer of processor time runs out (`setitimer`), with
RLIMIT_CPU behind it; an allocation beyond RLIMIT_AS fails. On Windows only the wall clock is watched, by the parent.
"""

import ctypes
import math
import mmap
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import resource

__all__ = ["Budget", "enforces_memory", "harden", "limit", "unlimit"]

_MINIMUM: Final = 64 << 20  # below that Python itself does not run
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one task may use."""

    cpu: float = 2.0
    """Seconds of processor time."""
    memory: int = 512 << 20
    """Bytes of memory, the worker's own included."""

    @property
    def wall(self) -> float:
        """Seconds after which a worker is ended that waits instead of computing; far off, for machines are busy."""
        return 30.0 + 10.0 * self.cpu


def enforces_memory() -> bool:
    """Whether the operating system holds the memory limit here; the time limit holds everywhere."""
    return sys.platform == "linux"


def harden() -> None:
    """Give up for good what no task needs: writing files, core dumps and, where the system lets go of it, network."""
    if sys.platform != "win32":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent, which then closes our input
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        # Fails where user namespaces are forbidden; a worker has no code that opens connections either way.
        ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def limit(budget: Budget) -> None:
    """Put this process under `budget`, from now on."""
    if sys.platform != "win32":
        used = resource.getrusage(resource.RUSAGE_SELF)
        backstop = math.ceil(used.ru_utime + used.ru_stime + budget.cpu) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (backstop, resource.RLIM_INFINITY))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, budget.cpu)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_address_space(budget.memory), resource.RLIM_INFINITY))


def unlimit() -> None:
    """Between two tasks a worker answers and waits; that costs no task anything."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _address_space(memory: int) -> int:
    """The size of the address space at which `memory` bytes would be in use.

    Libraries reserve addresses that they never touch; what is reserved and unused now is not counted.
    """
    pages = Path("/proc/self/statm").read_bytes().split()
    size, resident = (int(count) * mmap.PAGESIZE for count in pages[:2])
    return size + max(_MINIMUM, memory - resident)
