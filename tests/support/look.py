"""What a worker of the campaign does with each mutated file; tasks of workers live in modules, not in scripts."""

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from esign.examination import Examiner
from esign.pades.inspect import inspect_signatures
from esign.seal import SealKeys
from esign.trust import TrustStore

if sys.platform != "win32":
    import resource

__all__ = ["NOW", "Look"]

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
"""The time of validation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a worker does with each file; says the integrity, the codes, seconds and the peak of memory in KiB."""

    whole: bool = False
    """Whether pages are drawn and seals read, beside the signatures."""

    def __call__(self, pdf: bytes) -> tuple[str, list[str], float, int]:
        begun = time.process_time()
        trust = TrustStore()
        if self.whole:
            found = Examiner(trust=trust, seal_keys=SealKeys())(pdf, NOW)
        else:
            found = inspect_signatures(pdf, trust=trust, at=NOW)  # type: ignore[assignment]
        codes = [check.reason.code for check in found.checks if check.reason]
        spent = time.process_time() - begun
        return found.integrity.value, codes, spent, _peak()


def _peak() -> int:
    """The peak of this process's memory; 0 on Windows, which does not count it this way."""
    if sys.platform == "win32":
        return 0
    else:  # noqa: RET505  # mypy reads one branch of the two, by platform
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
