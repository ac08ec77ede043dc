"""A store is brought up to date: what changed, what grows old, and nothing else; readers never see a mixture."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from esign.codes import DocumentNumber, ResultId
from esign.errors import Error, PINError, PublishingError, SealError
from esign.publishing import FolderStore, Published, Publisher
from esign.publishing.publisher import ShardState
from esign.seal import State, StatusFiles, judge, read_parts, verify
from esign.seal.shard import Entry, Shard
from esign.seal.status_details import Corrected, Detail, OtherResult, Replaced
from esign.seal.status_manifest import read_manifest
from esign.seal.token import make
from esign.seal.trust_list import Host, StatusKey
from tests.support.site import HOST, KID, NOW, STATUS_KID, Site, claims, key, make_site, point

OTHER = OtherResult(DocumentNumber.parse("17/QĐ-UBND"), ResultId(b"other-one!"))
DAY = timedelta(days=1)
LISTED = Host(
    name=HOST,
    template=f"https://{HOST}/s/{{n}}.cwt",
    status_keys=(
        StatusKey(kid=STATUS_KID, public_key=point("status"), not_before=NOW - 400 * DAY, not_after=NOW + 400 * DAY),
    ),
)


class Register:
    """A source whose documents a test changes."""

    def __init__(self, *shards: int, allow_list: tuple[int, ...] = ()) -> None:
        self.counters = dict.fromkeys(shards, 0)
        self.allow_list = allow_list
        self.said: dict[int, dict[int, tuple[Entry, Detail | None]]] = {n: {} for n in shards}
        self.asked: list[int] = []

    def change(self, shard: int, index: int, entry: Entry, detail: Detail | None = None) -> None:
        self.said[shard][index] = (entry, detail)
        self.counters[shard] += 1

    def shards(self) -> list[ShardState]:
        return [
            ShardState(number=n, counter=c, allow_list=n in self.allow_list) for n, c in sorted(self.counters.items())
        ]

    def entries(self, shard: int) -> Mapping[int, tuple[Entry, Detail | None]]:
        self.asked.append(shard)
        return self.said[shard]


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


class Memory:
    """A store that remembers the order of writing and can be made to fail."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.order: list[str] = []
        self.age: dict[str, timedelta] = {}
        self.full_after: int | None = None

    def get(self, name: str) -> bytes | None:
        return self.files.get(name)

    def put(self, name: str, data: bytes) -> None:
        if self.full_after is not None and len(self.order) >= self.full_after:
            raise PublishingError("store-failed", file=name, problem="full")
        self.files[name] = data
        self.order.append(name)

    def discard(self, name: str) -> None:
        self.files.pop(name, None)

    def ages(self, folder: str) -> dict[str, timedelta]:
        return {n: self.age.get(n, timedelta(0)) for n in self.files if n.startswith(folder)}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> Memory:
    return Memory()


def publisher(source: Register, store: object, clock: Clock, *, host: Host = LISTED, name: str = "status") -> Publisher:
    return Publisher(source=source, store=store, host=host, kid=STATUS_KID, key=key(name), now=clock)  # type: ignore[arg-type]


def shard(store: Memory, number: int) -> Shard:
    return Shard.read(store.files[f"s/{number}.cwt"])


def test_only_what_changed_is_written(store: Memory, clock: Clock) -> None:
    register = Register(0, 1, 2)
    publish = publisher(register, store, clock).publish
    assert publish().changed == (0, 1, 2)
    store.order.clear()
    register.asked.clear()
    clock.at += timedelta(seconds=5)
    assert publish() == Published(shards=3, next_due=NOW + DAY / 2)
    assert (store.order, register.asked) == ([], [])
    register.change(1, 5, Entry.WITHDRAWN)
    assert publish().changed == (1,)
    assert store.order == ["s/1.cwt", "s/manifest.cwt"]
    assert register.asked == [1]
    assert shard(store, 1)[5] is Entry.WITHDRAWN
    assert shard(store, 1).content.counter == 1
    assert shard(store, 1).issued_at == clock.at


def test_all_are_signed_anew_before_they_end_without_asking_the_register(store: Memory, clock: Clock) -> None:
    register = Register(0, 1)
    register.change(1, 5, Entry.DETAIL, Replaced(OTHER))
    publish = publisher(register, store, clock).publish
    publish()
    before, details = shard(store, 1), {n for n in store.files if "-" in n}
    register.asked.clear()
    clock.at += DAY / 2 - timedelta(seconds=1)
    assert publish().renewed == ()
    clock.at += timedelta(seconds=1)
    assert publish().renewed == (0, 1)
    assert register.asked == []
    after = shard(store, 1)
    assert after.content == before.content
    assert after.issued_at == clock.at
    assert {n for n in store.files if "-" in n} == details
    assert before.expires > clock.at  # readers never had one that was over


def test_details_come_before_shards_and_the_manifest_last(store: Memory, clock: Clock) -> None:
    register = Register(0)
    register.change(0, 7, Entry.DETAIL, Corrected((OTHER,)))
    publisher(register, store, clock).publish()
    detail, first, last = store.order
    assert detail.startswith("s/0-")
    assert (first, last) == ("s/0.cwt", "s/manifest.cwt")
    _, manifest = read_manifest(store.files[last])
    assert manifest.shards[0].size == len(store.files[first])


@pytest.mark.parametrize("writes", range(8))
def test_a_crash_anywhere_leaves_whole_answers_and_is_gone_on_with(store: Memory, clock: Clock, writes: int) -> None:
    site = make_site()
    trust = read_parts(site.trust_files, roots=[site.root], at=NOW)
    register = Register(0, 9)
    register.change(9, 4, Entry.DETAIL, Corrected((OTHER,)))
    publisher(register, store, clock).publish()
    register.change(9, 4, Entry.DETAIL, Replaced(OTHER))
    register.change(0, 1, Entry.WITHDRAWN)
    seal = make(claims(NOW, shard=9, index=4), KID, key("seal"))

    def state() -> State:
        files = StatusFiles(lambda uri: store.files.get(uri.split("/", 3)[3]), trust)
        return judge(verify(seal, keys=trust, at=clock.at, status=files), trust).state

    store.full_after = len(store.order) + writes
    if writes < 4:
        with pytest.raises(PublishingError):
            publisher(register, store, clock).publish()
    else:
        publisher(register, store, clock).publish()
    assert state() in {State.CORRECTED, State.REPLACED}
    store.full_after = None
    publisher(register, store, clock).publish()
    assert state() is State.REPLACED
    assert shard(store, 0)[1] is Entry.WITHDRAWN


def test_an_older_register_is_refused_and_nothing_is_written(store: Memory, clock: Clock) -> None:
    register = Register(0, 1)
    register.change(0, 5, Entry.WITHDRAWN)
    publisher(register, store, clock).publish()
    store.order.clear()
    restored = Register(0, 1)
    restored.change(1, 5, Entry.WITHDRAWN)
    with pytest.raises(PublishingError) as e:
        publisher(restored, store, clock).publish()
    assert e.value.code == "status-register-older"
    with pytest.raises(PublishingError):
        publisher(Register(0), store, clock).publish()  # a shard is gone altogether
    assert store.order == []
    restored.change(0, 5, Entry.WITHDRAWN)  # the lost decision is entered again
    assert publisher(restored, store, clock).publish().changed == (1,)


def test_a_clock_that_went_back_is_noticed(store: Memory, clock: Clock) -> None:
    publish = publisher(Register(0), store, clock).publish
    publish()
    clock.at -= timedelta(hours=1)
    with pytest.raises(PublishingError) as e:
        publish()
    assert e.value.code == "status-clock-back"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (LISTED, "stranger"),
        (Host(name=HOST, template=LISTED.template, status_keys=()), "status"),
        (
            Host(
                name=HOST,
                template=LISTED.template,
                status_keys=(
                    StatusKey(
                        kid=STATUS_KID, public_key=point("status"), not_before=NOW - 9 * DAY, not_after=NOW - 8 * DAY
                    ),
                ),
            ),
            "status",
        ),
    ],
)
def test_a_key_that_nobody_would_believe_signs_nothing(store: Memory, clock: Clock, host: Host, name: str) -> None:
    with pytest.raises(PublishingError) as e:
        publisher(Register(0), store, clock, host=host, name=name).publish()
    assert e.value.code == "status-key-not-listed"
    assert store.order == []


def test_a_manifest_that_somebody_changed_is_refused(store: Memory, clock: Clock) -> None:
    publish = publisher(Register(0), store, clock).publish
    publish()
    good = store.files["s/manifest.cwt"]
    store.files["s/manifest.cwt"] = good[:-1] + bytes([good[-1] ^ 1])
    with pytest.raises(SealError) as e:
        publish()
    assert e.value.code == "seal-signature-invalid"


@pytest.mark.parametrize("lost", ["s/1.cwt", "detail"])
def test_what_the_store_has_lost_is_made_again(store: Memory, clock: Clock, lost: str) -> None:
    register = Register(0, 1)
    register.change(1, 5, Entry.DETAIL, Replaced(OTHER))
    publish = publisher(register, store, clock).publish
    publish()
    detail = next(n for n in store.files if "-" in n)
    store.discard(detail if lost == "detail" else lost)
    clock.at += DAY
    assert publish().renewed == (0, 1)
    assert shard(store, 1)[5] is Entry.DETAIL
    digest = shard(store, 1).content.details
    assert digest is not None
    assert f"s/1-{digest.hex()}.cwt" in store.files


def test_old_detail_files_go_when_no_cache_can_name_them(store: Memory, clock: Clock) -> None:
    register = Register(0, 10)
    publish = publisher(register, store, clock).publish
    for number in (0, 10):
        register.change(number, 5, Entry.DETAIL, Corrected((OTHER,)))
    publish()
    (old,) = (n for n in store.files if n.startswith("s/0-"))
    (neighbour,) = (n for n in store.files if n.startswith("s/10-"))
    register.change(0, 6, Entry.DETAIL, Replaced(OTHER))
    clock.at += DAY
    publish()
    assert old in store.files
    store.age = dict.fromkeys(store.files, timedelta(days=3))
    register.change(0, 7, Entry.DETAIL, Replaced(OTHER))
    publish()
    assert old not in store.files
    assert neighbour in store.files
    assert sum(n.startswith("s/0-") for n in store.files) == 1


def test_an_allow_list_begins_with_nothing_issued(store: Memory, clock: Clock) -> None:
    register = Register(0, allow_list=(0,))
    register.change(0, 5, Entry.VALID)
    publisher(register, store, clock).publish()
    found = shard(store, 0)
    assert (found[5], found[6]) == (Entry.VALID, Entry.DETAIL)
    assert found.content.allow_list
    assert found.content.details is None


def test_a_folder_is_served_as_it_is(tmp_path: Path, clock: Clock) -> None:
    register = Register(9)
    register.change(9, 4, Entry.DETAIL, Replaced(OTHER))
    publisher(register, FolderStore(tmp_path), clock).publish()
    names = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert [n for n in names if "-" not in n] == ["s/9.cwt", "s/manifest.cwt"]
    assert all((tmp_path / n).stat().st_mode & 0o777 == 0o644 for n in names)
    assert all(p.stat().st_mode & 0o005 == 0o005 for p in tmp_path.rglob("*") if p.is_dir())
    again = publisher(register, FolderStore(tmp_path), clock).publish()
    assert (again.changed, again.written) == ((), 0)


def test_watching_goes_on_after_failures_and_stops_at_a_refused_pin(store: Memory, clock: Clock) -> None:
    register, stop = Register(0), threading.Event()
    seen: list[str] = []
    store.full_after = 0

    def on_error(error: Error) -> None:
        seen.append(error.code)
        store.full_after = None

    def on_pass(published: Published) -> None:
        seen.append(f"{published.changed}")
        stop.set()

    publisher(register, store, clock).watch(every=timedelta(0), stop=stop, on_pass=on_pass, on_error=on_error)
    assert seen == ["store-failed", "(0,)"]

    class Locked(Register):
        def shards(self) -> list[ShardState]:
            raise PINError("pin-refused", token="x")

    with pytest.raises(PINError):
        publisher(Locked(0), store, clock).watch(every=timedelta(0), stop=threading.Event())


def test_a_site_reads_what_is_published(store: Memory, clock: Clock) -> None:
    """The sample's trust list names the publisher's key, so seals get their states from what it wrote."""
    site: Site = make_site()
    trust = read_parts(site.trust_files, roots=[site.root], at=site.at)
    register = Register(0, 9, 10, allow_list=(10,))
    register.change(9, 1, Entry.WITHDRAWN)
    register.change(9, 2, Entry.SUSPENDED)
    register.change(9, 3, Entry.DETAIL, Corrected((OTHER,)))
    register.change(9, 4, Entry.DETAIL, Replaced(OTHER))
    register.change(9, 5, Entry.DETAIL)
    register.change(10, 1, Entry.VALID)
    publisher(register, store, clock).publish()
    files = StatusFiles(lambda uri: store.files.get(uri.split("/", 3)[3]), trust)
    for sample in site.samples:
        verdict = judge(verify(sample.url, keys=trust, at=site.at, status=files), trust)
        assert verdict.state.value == sample.state, sample.name


def test_times_are_whole_seconds(store: Memory, clock: Clock) -> None:
    clock.at = datetime(2026, 11, 22, 3, 0, 0, 999_999, tzinfo=UTC)
    publisher(Register(0), store, clock).publish()
    _, manifest = read_manifest(store.files["s/manifest.cwt"])
    assert manifest.shards[0].issued_at == shard(store, 0).issued_at == clock.at.replace(microsecond=0)
