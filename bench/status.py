"""What publishing the status of 100 million documents costs: bytes, seconds and memory, measured (`make bench`).

763 shards of 131,072 documents, 0.5 % withdrawn, half of those with details (replaced by another result). The key is
in software; `--softhsm` signs in a SoftHSM token instead. Files go to a folder, flushed to the disk as in operation.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from esign.codes import DocumentNumber, ResultId  # noqa: E402
from esign.keys import SigningKey  # noqa: E402
from esign.publishing import FolderStore, Publisher  # noqa: E402
from esign.publishing.publisher import ShardState  # noqa: E402
from esign.seal.shard import SHARD_SIZE, Entry  # noqa: E402
from esign.seal.signed_file import point_of  # noqa: E402
from esign.seal.status_details import Detail, OtherResult, Replaced  # noqa: E402
from esign.seal.trust_list import Host, StatusKey  # noqa: E402
from tests.support.site import STATUS_KID, key  # noqa: E402

START = datetime(2026, 11, 22, tzinfo=UTC)
DOCUMENTS = 100_000_000
WITHDRAWN = 0.005
MB = 1_000_000


class Country:
    """The documents of a country; each shard's are drawn again when they are asked for, from its number."""

    def __init__(self, shards: int, *, withdrawn: float = WITHDRAWN) -> None:
        self._counters = [1] * shards
        self._withdrawn = withdrawn
        self._added: dict[int, int] = {}

    def withdraw(self, shard: int, index: int) -> None:
        """One more, which counts the shard up."""
        self._counters[shard] += 1
        self._added[shard] = index

    def shards(self) -> Sequence[ShardState]:
        """All of them."""
        return [ShardState(number=n, counter=c, allow_list=False) for n, c in enumerate(self._counters)]

    def entries(self, shard: int) -> Mapping[int, tuple[Entry, Detail | None]]:
        """The documents of a shard that were withdrawn, half of them replaced by another one."""
        dice = random.Random(shard)  # noqa: S311  # a simulation
        said: dict[int, tuple[Entry, Detail | None]] = {}
        for n, index in enumerate(dice.sample(range(SHARD_SIZE), round(SHARD_SIZE * self._withdrawn))):
            said[index] = (Entry.WITHDRAWN, None)
            if n % 2:
                number = DocumentNumber(dice.randint(1, 9999), None, "QĐ-UBND")
                said[index] = (Entry.DETAIL, Replaced(OtherResult(number, ResultId(dice.randbytes(10)))))
        if shard in self._added:
            said[self._added[shard]] = (Entry.WITHDRAWN, None)
        return said


class Clock:
    """Goes on by itself, from where it is set."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Now."""
        return START + self.ahead + timedelta(seconds=time.monotonic() - self._since)


def measure(
    folder: Path,
    signer: SigningKey,
    *,
    shards: int,
    withdrawn: float = WITHDRAWN,
    stopwatch: Callable[[], float] = time.perf_counter,
) -> dict[str, float | int]:
    """Publish everything, sign all of it anew, then republish one change; seconds are those of `stopwatch`."""
    host = Host(
        name="q.gov.vn",
        template="https://q.gov.vn/s/{n}.cwt",
        status_keys=(
            StatusKey(
                kid=STATUS_KID,
                public_key=point_of(signer.public_key),
                not_before=START - timedelta(days=1),
                not_after=START + timedelta(days=9),
            ),
        ),
    )
    country, clock = Country(shards, withdrawn=withdrawn), Clock()
    publisher = Publisher(source=country, store=FolderStore(folder), host=host, kid=STATUS_KID, key=signer, now=clock)
    before = peak()
    first, first_s = timed(publisher, stopwatch)
    lists = [p for p in (folder / "s").iterdir() if "-" not in p.name and p.name != "manifest.cwt"]
    details = [p for p in (folder / "s").iterdir() if "-" in p.name]
    clock.ahead = timedelta(hours=12)
    renewed, renewed_s = timed(publisher, stopwatch)
    assert (len(first), len(renewed)) == (shards, shards)
    changes = []
    for n in range(5):
        country.withdraw(n * shards // 5, 77)
        changed, seconds = timed(publisher, stopwatch)
        assert len(changed) == 1
        changes.append(seconds)
    _, idle_s = timed(publisher, stopwatch)
    return {
        "shards": shards,
        "withdrawn": withdrawn,
        "list_bytes": sum(p.stat().st_size for p in lists),
        "detail_bytes": sum(p.stat().st_size for p in details),
        "manifest_bytes": (folder / "s/manifest.cwt").stat().st_size,
        "first_pass_s": first_s,
        "renewing_pass_s": renewed_s,
        "one_change_s": max(changes),
        "nothing_to_do_s": idle_s,
        "memory_grown_mib": (peak() - before) / 1024,
    }


def timed(publisher: Publisher, stopwatch: Callable[[], float]) -> tuple[tuple[int, ...], float]:
    """The shards that a pass signed, and its seconds."""
    started = stopwatch()
    done = publisher.publish()
    return (*done.changed, *done.renewed), stopwatch() - started


def peak() -> int:
    """The most memory that this process ever had, in KiB; 0 where the system does not say."""
    most = 0
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  # not everywhere

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--withdrawn", type=float, default=WITHDRAWN, help="the share of them")
    parser.add_argument("--folder", type=Path, help="where to publish; a temporary folder otherwise")
    parser.add_argument("--softhsm", action="store_true", help="sign in a SoftHSM token")
    arguments = parser.parse_args()
    shards = -(-arguments.documents // SHARD_SIZE)
    with tempfile.TemporaryDirectory() as place:
        folder = arguments.folder or Path(place) / "site"
        signer = token_key(Path(place)) if arguments.softhsm else key("status")
        figures = measure(folder, signer, shards=shards, withdrawn=arguments.withdrawn)
        if arguments.folder:
            shutil.rmtree(folder / "s")
    print(f"{arguments.documents:,} documents, {arguments.withdrawn:.1%} withdrawn, half of those with details\n")
    for name, value in figures.items():
        shown = f"{value / MB:10.3f} MB" if name.endswith("_bytes") else f"{value:10.3f}"
        print(f"{name:20} {shown}")
    target = ROOT / "build" / "bench-status.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"at": datetime.now(UTC).isoformat(), **figures}, indent=1))


def token_key(folder: Path) -> SigningKey:
    """A P-256 key in a SoftHSM token of its own."""
    import os  # noqa: PLC0415  # only where a token is asked for

    from esign.keys import KeyRef  # noqa: PLC0415
    from esign_hsm import FilePin, KeyKind, TokenKeyStore, generate_key, softhsm  # noqa: PLC0415

    os.environ["ESIGN_STATE_DIR"] = str(folder / "state")
    token = softhsm.make_token(folder / "token", label="bench", pin="123456", so_pin="87654321")
    softhsm.use(token.conf)
    pin_file = folder / "pin"
    pin_file.touch(0o600)
    pin_file.write_text("123456\n", "utf-8")
    store = TokenKeyStore(module=token.module, pin=FilePin(pin_file), defaults=KeyRef(token="bench"))  # noqa: S106
    return store.key(generate_key(store, kind=KeyKind.P256, label="status"))


if __name__ == "__main__":
    main()
