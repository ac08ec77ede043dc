"""Whatever is done to a chain of a thousand entries is found, and the first bad entry is named."""

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from esign.auditing import Anchoring, AnchorText, AuditReport, Walk, read_folder, trusted_by, verify_chain
from esign.cms.detached import sign_detached
from esign.errors import InputError
from esign.files import Folder
from esign.keys import Mechanism
from esign.registry import Anchor, Entry, Registry, acting
from esign.registry.chain import GENESIS_PREVIOUS, chain_hash
from esign.softkey import SoftwareKey
from esign.trust import TrustStore
from tests.support.pki import PKI, name, pem

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
COUNT = 1000
FIELDS = [f for f in Entry.__dataclass_fields__ if f != "hash"]
Rehash = Callable[[list[Entry], int], list[Entry]]
RSA = Mechanism.RSA_PKCS1_SHA256


def made(entry: Entry) -> Entry:
    """With the hash that its fields have."""
    return replace(entry, hash=chain_hash(**{f: getattr(entry, f) for f in FIELDS}))


def chain(count: int = COUNT) -> list[Entry]:
    entries: list[Entry] = []
    for n in range(count):
        entries.append(
            made(
                Entry(
                    sequence=n,
                    at=f"2026-11-21T02:00:00.{n:06}Z",
                    actor=f"key:portal-{n % 7}",
                    request=f"{n:016x}" if n else "",
                    act="intent.issued" if n else "audit.begun",
                    agency="H26.1.2" if n else "",
                    object=f"result-{n}" if n else "register",
                    digest=f"{n:064x}",
                    outcome="ok",
                    previous=entries[-1].hash if entries else GENESIS_PREVIOUS,
                    hash="",
                )
            )
        )
    return entries


def rehashed(entries: list[Entry], start: int) -> list[Entry]:
    """As somebody would write it anew who knows the format: everything from `start` on fits again."""
    new = entries[:start]
    for n, entry in enumerate(entries[start:], start):
        previous = new[-1].hash if new else GENESIS_PREVIOUS
        new.append(made(replace(entry, sequence=n, previous=previous)))
    return new


CHAIN = chain()
KEY_PKI = PKI.create()


def key_of(pki: PKI, common_name: str = "UBND PHƯỜNG MẪU") -> SoftwareKey:
    private = rsa.generate_private_key(65537, 2048)
    certificate = pki.issuing.certify(private.public_key(), name(common_name))
    return SoftwareKey.from_private_key(
        private, certificates=tuple(c.public_bytes(Encoding.DER) for c in (certificate, pki.issuing.certificate))
    )


@pytest.fixture(scope="module")
def key() -> SoftwareKey:
    return key_of(KEY_PKI)


@pytest.fixture(scope="module")
def trust() -> TrustStore:
    crls = KEY_PKI.crls(at=NOW - timedelta(hours=1))
    return TrustStore.from_pem(pem([KEY_PKI.root.certificate]), crls=crls)


def anchor(key: SoftwareKey, entry: Entry, **changes: object) -> Anchor:
    said = AnchorText(register="register", sequence=entry.sequence, hash=entry.hash, at=NOW)
    text = replace(said, **changes).text  # type: ignore[arg-type]  # fields of the text
    return Anchor(
        sequence=entry.sequence, at=NOW, content=text, signature=sign_detached(text.encode(), key, mechanism=RSA)
    )


@pytest.fixture(scope="module")
def kept(key: SoftwareKey) -> dict[str, Anchor]:
    """Anchors that lie elsewhere: in the middle, and at the end."""
    return {f"{n:012}": anchor(key, CHAIN[n]) for n in (499, COUNT - 1)}


def verify(entries: list[Entry], trust: TrustStore, **given: object) -> AuditReport:
    return verify_chain(iter(entries), judge=trusted_by(trust), **given)  # type: ignore[arg-type]  # as they are given


def codes(report: AuditReport) -> list[str]:
    return [b.reason.code for b in report.bad]


def other(value: object, draw: random.Random) -> object:
    """Another value of the same kind, like the first as far as can be."""
    if isinstance(value, int):
        return value + draw.choice([-1, 1, 1000])
    assert isinstance(value, str)
    if not value:
        return "x"
    at = draw.randrange(len(value))
    different = draw.choice([c for c in string.ascii_lowercase + string.digits if c != value[at]])
    return draw.choice([value[:at] + different + value[at + 1 :], value[:-1], value + "0", ""])


def test_the_chain_as_it_was_written(trust: TrustStore, kept: dict[str, Anchor]) -> None:
    report = verify(CHAIN, trust, stored=tuple(kept.values()), kept=kept)
    assert (report.bad, report.entries, report.anchors, report.anchored) == ((), COUNT, 2, COUNT - 1)
    assert (report.register, report.head) == ("register", CHAIN[-1].hash)


def test_every_field_of_every_entry() -> None:
    """11,000 edits, each of one field of one entry: all are found, at that entry."""
    draw = random.Random(7)
    found = 0
    walk = Walk()
    for n, entry in enumerate(CHAIN):
        for field in (*FIELDS, "hash"):
            changed: dict[str, Any] = {field: other(getattr(entry, field), draw)}
            edited = replace(entry, **changed)
            assert edited != entry
            broken = replace_walk(walk).step(edited)
            assert broken is not None, (n, field)
            assert broken.sequence == n
            found += 1
        assert walk.step(entry) is None
    assert found == COUNT * 11


def replace_walk(walk: Walk) -> Walk:
    return Walk(sequence=walk.sequence, hash=walk.hash)


def test_every_entry_edited_with_its_own_hash_renewed(trust: TrustStore) -> None:
    """The next entry names the old hash; only the last one needs an anchor to be found."""
    walk = Walk()
    for n, entry in enumerate(CHAIN):
        tried = replace_walk(walk)
        assert tried.step(made(replace(entry, actor="key:other"))) is None
        if n + 1 < COUNT:
            broken = tried.step(CHAIN[n + 1])
            assert broken is not None
            assert (broken.sequence, broken.reason.code) == (n + 1, "audit-unlinked")
        assert walk.step(entry) is None


def damaged() -> Iterator[tuple[str, list[Entry], int, str]]:
    for n in (0, 1, 42, 500, COUNT - 2):
        yield f"deleted {n}", CHAIN[:n] + CHAIN[n + 1 :], n, "audit-missing"
        yield f"inserted at {n}", [*CHAIN[:n], made(CHAIN[n]), *CHAIN[n:]], n + 1, "audit-unlinked"
        swapped = CHAIN.copy()
        swapped[n], swapped[n + 1] = swapped[n + 1], swapped[n]
        yield f"moved {n}", swapped, n, "audit-missing"
        copied = [*CHAIN[:n], replace(CHAIN[n + 1], sequence=n), *CHAIN[n + 1 :]]
        yield f"replaced {n}", copied, n, "audit-unlinked"


@pytest.mark.parametrize(("entries", "first", "code"), [pytest.param(*d, id=i) for i, *d in damaged()])
def test_deleted_inserted_moved(entries: list[Entry], first: int, code: str, trust: TrustStore) -> None:
    report = verify(entries, trust)
    assert (report.first_bad, codes(report)) == (first, [code])


@pytest.mark.parametrize("n", [0, 1, 499, 500, 700, COUNT - 1])
def test_written_anew_from_somewhere_on(n: int, trust: TrustStore, kept: dict[str, Anchor]) -> None:
    """All hashes fit: the anchors alone know better, and bound where it began."""
    edited = rehashed([*CHAIN[:n], replace(CHAIN[n], outcome="not-ok"), *CHAIN[n + 1 :]], n)
    assert verify(edited, trust).bad == ()
    report = verify(edited, trust, kept=kept)
    assert codes(report)[0] == "audit-rewritten"
    assert report.first_bad == (0 if n < 500 else 500)


@pytest.mark.parametrize("n", [1, 500, COUNT - 1])
def test_deleted_and_written_anew(n: int, trust: TrustStore, kept: dict[str, Anchor]) -> None:
    shorter = rehashed(CHAIN[:n] + CHAIN[n + 1 :], n)
    assert verify(shorter, trust).bad == ()
    assert codes(verify(shorter, trust, kept=kept))[0] in {"audit-rewritten", "audit-truncated"}


@pytest.mark.parametrize("left", [1, 499, 500, 998, 999])
def test_cut_off_or_rolled_back(left: int, trust: TrustStore, kept: dict[str, Anchor], key: SoftwareKey) -> None:
    """A copy of earlier is whole in itself, with the anchors that it had then."""
    then = [a for a in kept.values() if a.sequence < left]
    assert verify(CHAIN[:left], trust, stored=then).bad == ()
    report = verify(CHAIN[:left], trust, stored=then, kept=kept)
    assert codes(report)[0] == "audit-truncated"
    assert "audit-anchor-missing" in codes(report)
    assert report.first_bad == left


def test_rolled_back_and_gone_on(trust: TrustStore, kept: dict[str, Anchor]) -> None:
    """An old copy that new entries were appended to since."""
    edited = rehashed([*CHAIN[:600], *(replace(e, actor="key:later") for e in CHAIN[600:])], 600)
    assert codes(verify(edited, trust, kept=kept))[:1] == ["audit-rewritten"]


def test_nothing_is_left(trust: TrustStore, kept: dict[str, Anchor]) -> None:
    assert codes(verify([], trust)) == ["audit-empty"]
    assert "audit-truncated" in codes(verify([], trust, kept=kept))


def test_forged_anchors(trust: TrustStore, key: SoftwareKey, kept: dict[str, Anchor]) -> None:
    stranger = key_of(PKI.create())
    good = kept["000000000499"]
    edited = rehashed([*CHAIN[:9], replace(CHAIN[9], actor="key:evil"), *CHAIN[10:]], 9)
    forged = {
        "another signer": anchor(stranger, edited[499]),
        "another signature": replace(good, signature=anchor(key, CHAIN[10]).signature),
        "another text": replace(good, content=good.content.replace("entries 500", "entries 501")),
        "another place": replace(good, sequence=498),
        "a broken signature": replace(good, signature=good.signature[:-1]),
        "no signature": replace(good, signature=b""),
        "no text": replace(good, content=""),
    }
    for what, anchored in forged.items():
        report = verify(CHAIN, trust, stored=[good], kept={"000000000499": anchored})
        assert "audit-anchor-forged" in codes(report), what
    another = key_of(KEY_PKI, "Ai đó cùng nơi cấp")
    pins = frozenset({good_signer(key)})
    pinned = trusted_by(trust, pins=pins)
    of_another = anchor(another, CHAIN[499])
    assert codes(verify_chain(CHAIN, stored=[of_another], judge=trusted_by(trust))) == []
    assert codes(verify_chain(CHAIN, stored=[of_another], judge=pinned)) == ["audit-anchor-forged"]
    assert codes(verify_chain(CHAIN, stored=[good], judge=pinned)) == []


def good_signer(key: SoftwareKey) -> str:
    from hashlib import sha256

    return sha256(key.certificates[0]).hexdigest()


def test_anchors_of_another_register_prove_nothing(trust: TrustStore, key: SoftwareKey) -> None:
    foreign = anchor(key, CHAIN[499], register="another")
    assert codes(verify(CHAIN, trust, stored=[foreign])) == ["audit-rewritten"]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(InputError):
        AnchorText.read(text)


def test_an_anchor_has_one_spelling(key: SoftwareKey) -> None:
    text = anchor(key, CHAIN[5]).content
    assert AnchorText.read(text).text == text
    for changed in (text + "\n", text.replace("\n", "\r\n"), text.replace("entries 6", "entries 06"), text.upper()):
        with pytest.raises(InputError):
            AnchorText.read(changed)


def test_anchors_are_made_kept_and_exported(tmp_path: Path, key: SoftwareKey, trust: TrustStore) -> None:
    now = [NOW]
    folder = Folder(tmp_path / "elsewhere")
    with Registry.open(tmp_path / "register.sqlite", now=lambda: now[0]) as registry:
        anchoring = Anchoring(registry.audit, key=key, mechanism=RSA, folder=folder, now=lambda: now[0], entries=10)
        with acting("service"):
            first = anchoring.keep_up()
        assert first is not None
        assert anchoring.keep_up() is None
        assert anchoring.anchor() is None, "nothing is new"
        registry.audit.record("request.read")
        assert anchoring.keep_up() is None, "one entry is not enough"
        now[0] += timedelta(hours=1)
        assert anchoring.keep_up() is not None
        for _ in range(10):
            registry.audit.record("request.read")
        assert anchoring.keep_up() is not None
        folder.discard("000000000001.p7s")
        registry.audit.record("request.read")
        assert anchoring.anchor() is not None, "and what the folder had lost is there again"
        found = read_folder(folder)
        assert sorted(a.sequence for a in found.values()) == [a.sequence for a in registry.audit.anchors()]
        report = verify_chain(
            registry.audit.all(),
            stored=registry.audit.anchors(),
            kept=found,
            judge=trusted_by(trust),
            untold=registry.audit.unaudited(),
        )
        assert (report.bad, report.anchors) == ((), 4)
        entry = registry.audit.entries(after=first.sequence - 1, limit=1)[0]
        assert (entry.act, entry.actor) == ("audit.anchor", "service")
        assert entry.hash in first.content


def test_a_key_that_refuses_leaves_its_entry_and_no_anchor(tmp_path: Path) -> None:
    """What the key is to sign is recorded first, as everywhere; the next try makes the anchor."""
    bare = SoftwareKey.from_private_key(rsa.generate_private_key(65537, 2048))
    with Registry.open(tmp_path / "register.sqlite", now=lambda: NOW) as registry:
        anchoring = Anchoring(registry.audit, key=bare, mechanism=RSA, folder=None, now=lambda: NOW)
        with pytest.raises(Exception, match="certificate"):
            anchoring.keep_up()
        head = registry.audit.head()
        assert head is not None
        assert head.act == "audit.anchor"
        assert registry.audit.anchors() == ()
