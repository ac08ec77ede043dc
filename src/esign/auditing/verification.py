"""Verifying an audit chain: which entry is the first that is not as it was written.

    edited      an entry's hash is not that of what it says
    missing     a number is left out: deleted
    unlinked    an entry does not name the hash before it: inserted, moved, or written anew
    rewritten   every hash fits, and an anchor signed another one: all from somewhere on was made anew
    truncated   an anchor was signed for an entry that is not there: cut off, or an old copy was restored
    untold      a result or a key of access that no entry tells of

Reading ends at the first break of the chain: what stands behind it proves nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from esign.auditing.anchor_text import AnchorText
from esign.auditing.anchors import SignerJudge, is_signed
from esign.errors import InputError
from esign.reasons import Reason
from esign.registry import Anchor, Entry
from esign.registry.chain import GENESIS_PREVIOUS, chain_hash

__all__ = ["AuditReport", "BadEntry", "Walk", "verify_chain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """Something that is not as it was written."""

    sequence: int | None
    """The entry; None for what concerns no single one."""
    reason: Reason
    """What is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What verifying a chain found; it has no truth value: look at `bad`."""

    register: str
    """The register's identity, as its first entry says."""
    entries: int
    """How many were read and fit."""
    head: str
    """The hash of the last of them."""
    anchors: int
    """How many anchors confirmed them."""
    anchored: int | None
    """The newest entry that a good anchor covers; behind it the database alone stands for itself."""
    bad: tuple[BadEntry, ...]
    """Everything that is wrong, the first entry first."""

    @property
    def first_bad(self) -> int | None:
        """The first entry that is not as it was written."""
        return next((b.sequence for b in self.bad if b.sequence is not None), None)


@dataclass(slots=True)
class Walk:
    """A walk along the chain; copy it to try several ways on from the same place."""

    sequence: int = -1
    """The entry before."""
    hash: str = GENESIS_PREVIOUS
    """Its hash."""

    def step(self, entry: Entry) -> BadEntry | None:
        """Go on to `entry`, or say why it cannot follow."""
        wanted = self.sequence + 1
        if entry.sequence > wanted:
            return BadEntry(sequence=wanted, reason=Reason("audit-missing", {"sequence": wanted}))
        if entry.sequence < wanted or entry.previous != self.hash:
            return BadEntry(sequence=wanted, reason=Reason("audit-unlinked", {"sequence": wanted}))
        if entry.hash != hash_of(entry):
            return BadEntry(sequence=wanted, reason=Reason("audit-edited", {"sequence": wanted}))
        self.sequence, self.hash = entry.sequence, entry.hash
        return None


def hash_of(entry: Entry) -> str:
    """What the hash of `entry` must be."""
    return chain_hash(
        sequence=entry.sequence,
        at=entry.at,
        actor=entry.actor,
        request=entry.request,
        act=entry.act,
        agency=entry.agency,
        object=entry.object,
        digest=entry.digest,
        outcome=entry.outcome,
        previous=entry.previous,
    )


def verify_chain(
    entries: Iterable[Entry],
    *,
    stored: Sequence[Anchor] = (),
    kept: Mapping[str, Anchor] | None = None,
    judge: SignerJudge,
    untold: Iterable[str] = (),
) -> AuditReport:
    """Walk along the whole chain and hold it against its anchors.

    `stored` are the anchors of the database itself, `kept` those of a folder elsewhere, by their names; a signature
    counts if `judge` knows its owner. `untold` are objects that the register has and no entry tells of.
    """
    marks = _Marks(stored, kept or {}, judge)
    walk, register, good, confirmed = Walk(), "", 0, 0
    anchored: int | None = None
    bad: list[BadEntry] = []
    for entry in entries:
        broken = walk.step(entry)
        if broken is not None:
            bad.append(broken)
            break
        if entry.sequence == 0:
            register = entry.object
        for said in marks.at(entry.sequence):
            if (said.hash, said.register) != (entry.hash, register):
                first = 0 if anchored is None else anchored + 1
                facts = {"first": first, "sequence": entry.sequence}
                broken = BadEntry(sequence=first, reason=Reason("audit-rewritten", facts))
            else:
                anchored, confirmed = entry.sequence, confirmed + 1
        if broken is not None:
            bad.append(broken)
            break
        good += 1
    else:
        bad += marks.beyond(walk.sequence)
        if walk.sequence < 0:
            bad.append(BadEntry(sequence=0, reason=Reason("audit-empty")))
    bad += marks.bad
    bad += (BadEntry(sequence=None, reason=Reason("audit-untold", {"id": each})) for each in untold)
    return AuditReport(
        register=register, entries=good, head=walk.hash, anchors=confirmed, anchored=anchored, bad=tuple(bad)
    )


class _Marks:
    """What anchors say, those that are signed; and what is wrong with the others."""

    def __init__(self, stored: Sequence[Anchor], kept: Mapping[str, Anchor], judge: SignerJudge) -> None:
        self.bad: list[BadEntry] = []
        self._said: dict[int, list[AnchorText]] = {}
        seen: set[tuple[int, str, bytes]] = set()
        for name, anchor in (*((f"{a.sequence:012}", a) for a in stored), *kept.items()):
            same = (anchor.sequence, anchor.content, anchor.signature)
            if same in seen:
                continue
            seen.add(same)
            if is_signed(anchor, judge):
                said = AnchorText.read(anchor.content)
                self._said.setdefault(said.sequence, []).append(said)
            else:
                self._note("audit-anchor-forged", name)
        here = {a.sequence for a in stored}
        for name, anchor in kept.items():
            if _sequence(anchor) not in here:
                self._note("audit-anchor-missing", name)

    def at(self, sequence: int) -> Sequence[AnchorText]:
        """What was signed for this entry."""
        return self._said.get(sequence, ())

    def beyond(self, last: int) -> Iterator[BadEntry]:
        """What was signed for entries that are not there."""
        later = [sequence for sequence in self._said if sequence > last]
        if later:
            facts = {"last": last, "sequence": max(later)}
            yield BadEntry(sequence=last + 1, reason=Reason("audit-truncated", facts))

    def _note(self, code: str, name: str) -> None:
        self.bad.append(BadEntry(sequence=None, reason=Reason(code, {"name": name})))


def _sequence(anchor: Anchor) -> int | None:
    try:
        return AnchorText.read(anchor.content).sequence
    except InputError:
        return None
