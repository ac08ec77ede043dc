"""Catches a restored register up with what was signed and published after its backup.

    files      what the archive has and the register does not know is registered; what was unfinished is finished
    standing   what the status lists told the world is recorded again: nothing is un-withdrawn by a restore
    places     the shards that were open get no more documents; numbers that may be on lost paper are left out
    chain      an entry says up to where the audit chain went before

Every step may be repeated: a crash anywhere is repaired by running it again. Services are stopped meanwhile.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from esign.archive import archived, sha256
from esign.codes import ResultId
from esign.document import Standing, StandingChange
from esign.errors import Error, NotRegistered, RegistryError
from esign.files import Files
from esign.profile import VIETNAM
from esign.reasons import Reason
from esign.recovery.issued_file import IssuedFile, Reader
from esign.recovery.published import PublishedStatus
from esign.recovery.witnesses import Witness
from esign.registry import Intent, IntentState, Registry, acting
from esign.spool import Spool

__all__ = ["Recovering", "Step"]

_BY = "esign registry recover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was done, or that somebody has to look at."""

    reason: Reason
    """What."""
    done: bool = True
    """Whether it is in the register now; else it needs a person."""


class Recovering:
    """One recovery of one register."""

    def __init__(
        self,
        registry: Registry,
        *,
        archive: Files,
        spool: Files,
        reader: Reader,
        now: Callable[[], datetime],
        published: Mapping[int, PublishedStatus] | None = None,
        witness: Witness | None = None,
        skip: int = 0,
    ) -> None:
        """`published` is what readers have of the status lists, by shard; `witness` the newest anchor outside.

        `skip` numbers of each current book are left out: where signed files were lost, they may be on paper.
        """
        self._registry = registry
        self._archive = archive
        self._spool = Spool(spool)
        self._reader = reader
        self._now = now
        self._published = published or {}
        self._witness = witness
        self._skip = skip

    def run(self) -> Iterator[Step]:
        """Do all of it."""
        with acting("recovery"):
            yield from self._files()
            yield from self._standings()
            counters = {number: shard.counter for number, shard in self._published.items()}
            self._registry.recovery.begin_new_shards(counters)
            if self._skip:
                self._registry.recovery.skip_numbers(self._skip, year=self._now().astimezone(VIETNAM).year)
            seen = self._witness
            self._registry.recovery.close(anchor=seen.name if seen else "", digest=seen.hash if seen else "")
        yield Step(reason=Reason("recovery-done"))

    # --- files -----------------------------------------------------------------------------------------------------

    def _files(self) -> Iterator[Step]:
        """The oldest first: what is attached to a result, or copies it, has its number and came after it."""
        unknown: list[tuple[datetime, Intent | None, IssuedFile]] = []
        for result_id, versions in self._archived():
            intent = self._known(result_id)
            if intent is not None and self._agrees(intent, versions):
                continue
            try:
                file = self._reader.read(result_id, versions)
            except Error as e:
                yield Step(reason=e.reason, done=False)
                continue
            unknown.append((file.found.registration.signing_time, intent, file))
        for _, intent, file in sorted(unknown, key=lambda each: each[0]):
            yield from self._register(intent, file)

    def _archived(self) -> Iterator[tuple[ResultId, list[bytes]]]:
        """Each result with what the archive has of it: a later version begins with the earlier ones."""
        for result_id, names in groupby(archived(self._archive), key=itemgetter(1)):
            if result_id is not None:
                yield result_id, [self._archive.get(name) or b"" for name, _ in names]

    def _known(self, result_id: ResultId) -> Intent | None:
        try:
            return self._registry.get(result_id)
        except NotRegistered:
            return None

    def _agrees(self, intent: Intent, versions: list[bytes]) -> bool:
        """Whether there is nothing to do: it is registered as it is, or `esign resume` will finish it by itself."""
        if intent.state is IntentState.ISSUED:
            newest = intent.versions[-1]
            longest = max(versions, key=len)
            return newest.size == len(longest) and newest.sha256 == sha256(longest)
        needed = ("pdf", "json", "record")
        return all(self._spool.get(f"{intent.id}.{kind}") is not None for kind in needed)

    def _register(self, intent: Intent | None, file: IssuedFile) -> Iterator[Step]:
        found, facts = file.found, {"id": str(file.found.id), "number": str(file.found.number or "—")}
        try:
            if intent is None:
                self._registry.recovery.register(found)
                yield Step(reason=Reason("recovery-registered", facts))
            elif intent.state is IntentState.VOID:
                yield Step(reason=Reason("recovery-void", facts), done=False)
                return
            elif intent.state is not IntentState.ISSUED:
                self._registry.recovery.finish(found.id, found)
                yield Step(reason=Reason("recovery-finished", facts))
            if file.later is not None and self._newer(found.id, file.later.size):
                self._registry.upgraded(found.id, file.later)
                yield Step(reason=Reason("recovery-version", facts))
        except Error as e:
            yield Step(reason=Reason("recovery-failed", {**facts, "problem": e.reason}), done=False)

    def _newer(self, result_id: ResultId, size: int) -> bool:
        return size > max(version.size for version in self._registry.get(result_id).versions)

    # --- standing --------------------------------------------------------------------------------------------------

    def _standings(self) -> Iterator[Step]:
        for number, shard in sorted(self._published.items()):
            now_is = {status.index: status for status in self._registry.statuses(number)}
            for status_number, wanted in shard.changes:
                intent = self._registry.recovery.by_status_number(status_number)
                if intent is None:
                    yield Step(reason=Reason("recovery-place-unknown", {"place": status_number}), done=False)
                elif intent.state is IntentState.ISSUED and intent.main is None:
                    yield from self._stand(intent, wanted, shard.issued_at)
            for index, status in now_is.items():
                if index not in shard.indexes and status.standing is Standing.SUSPENDED:
                    intent = self._registry.recovery.by_status_number(shard.first + index)
                    if intent is not None and intent.main is None:
                        yield from self._stand(intent, ((Standing.IN_FORCE, None),), shard.issued_at)

    def _stand(
        self, intent: Intent, wanted: tuple[tuple[Standing, ResultId | None], ...], at: datetime
    ) -> Iterator[Step]:
        """Record the published standing, unless the register knows it; when it was decided, it does not know."""
        facts = {"id": str(intent.id), "number": str(intent.number or "—")}
        for standing, other in wanted:
            current = self._registry.standing(intent.id, at=self._now())
            known = current.standing is standing and other in {None, current.replaced_by, *current.corrections}
            if known or other in current.corrections:
                continue
            earliest = max([e.change.at for e in self._registry.history(intent.id)] + [intent.issued_at or at])
            change = StandingChange(
                standing=standing, at=min(max(at, earliest), self._now()), by=_BY, why=shard_says(at), other=other
            )
            try:
                self._registry.change(intent.id, change)
            except RegistryError as e:
                yield Step(reason=Reason("recovery-failed", {**facts, "problem": e.reason}), done=False)
                return
            yield Step(
                reason=Reason("recovery-standing", {**facts, "standing": Reason(f"standing-is-{standing.value}")})
            )


def shard_says(at: datetime) -> str:
    """Why, in the history that people read."""
    return f"status list of {at.isoformat(timespec='seconds')}"
