"""A plan: every task is looked at without a key, so that people see what would be done before anybody types a PIN."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from esign.batch.tasks import Outlook, Seen, Task
from esign.errors import Error, InputError, KeyStoreError, PreflightError, TimestampError
from esign.issuance import Issuer
from esign.reasons import Reason
from esign.registry import Registry

__all__ = ["Entry", "Plan", "findings", "plan", "stops_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One task of a plan."""

    position: int
    """From 1, in the order in which they were given."""
    task: Task
    """The task."""
    seen: Seen
    """What a look at it found."""
    error: Error | None = None
    """Why it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do."""

    entries: tuple[Entry, ...]
    """Every task, in order."""

    def count(self, outlook: Outlook) -> int:
        """How many look so."""
        return sum(e.seen.outlook is outlook for e in self.entries)

    @property
    def refused(self) -> tuple[Entry, ...]:
        """What cannot be done."""
        return tuple(e for e in self.entries if e.seen.outlook is Outlook.REFUSED)

    @property
    def needs_key(self) -> bool:
        """Whether anything is left to sign."""
        return self.count(Outlook.TO_DO) > 0


def findings(error: Error) -> tuple[Reason, ...]:
    """Everything that an error has to say."""
    return (error.findings if isinstance(error, PreflightError) else ()) or (error.reason,)


def plan(
    tasks: Iterable[Task],
    *,
    issuer: Issuer,
    registry: Registry,
    on_look: Callable[[Entry], None] = lambda _entry: None,
) -> Plan:
    """Look at every task; `issuer` may be one without keys, and `on_look` hears of each."""
    entries: list[Entry] = []
    first: dict[str, int] = {}
    for position, task in enumerate(tasks, 1):
        entry = _looked_at(position, task, issuer=issuer, registry=registry)
        earlier = first.setdefault(entry.seen.content or f"#{position}", position)
        if earlier != position and entry.error is None and task.unique:
            repeated = InputError("batch-repeated", first=entries[earlier - 1].task.name)
            entry = replace(entry, seen=replace(entry.seen, outlook=Outlook.REFUSED), error=repeated)
        entries.append(entry)
        on_look(entry)
    return Plan(entries=tuple(entries))


def _looked_at(position: int, task: Task, *, issuer: Issuer, registry: Registry) -> Entry:
    try:
        return Entry(position=position, task=task, seen=task.look(issuer, registry))
    except Error as e:
        if stops_all(e):
            raise
        known = None
        with suppress(Error):
            known = task.known(registry)
        refused = Seen(outlook=Outlook.REFUSED, reasons=findings(e), intent=known)
        return Entry(position=position, task=task, seen=refused, error=e)


def stops_all(error: Error) -> bool:
    """The token, time-stamps, the register or the disk; what is wrong with one document says nothing of the next."""
    if isinstance(error, KeyStoreError | TimestampError):
        return error.code != "prepared-for-other-key"
    return error.code.startswith(("registry-", "disk-"))
