"""What signatures leave open for later: certification levels and locks on fields (ISO 32000-2 §12.8.2.2–12.8.2.4).

Each signature restricts what comes after it, and none can take back what an earlier one demands, so what a signature
permits is the least of what it and those before it permit.
"""

from dataclasses import dataclass
from typing import Self

from esign.pades.changes import Difference, Right
from esign.pades.form_tree import Form, read_form
from esign.pades.reading import Reader
from esign.pades.signed_fields import SignedField
from esign.report import ChangeKind
from esign.syntax import Dict

__all__ = ["FieldLock", "Permissions", "permissions_of", "reference_locks"]

_UNRESTRICTED = 4
"""No DocMDP: above the three levels of Table 257."""
_BY_DEFAULT = 2
_FORMS = frozenset({ChangeKind.FORM, ChangeKind.SIGNATURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLock:
    """The fields that must not change (Tables 235 and 258)."""

    action: str
    """`All`, `Include` or `Exclude`."""
    named: frozenset[str]
    """The fields that it includes or excludes; a name stands for all fields below it too."""
    there: frozenset[str]
    """All fields of the signed revision: those made later are not meant."""

    def locks(self, name: str) -> bool:
        """Whether the field `name` must not change."""
        is_named = any(name == given or name.startswith(f"{given}.") for given in self.named)
        if self.action == "Include":
            return is_named
        return name in self.there and not (self.action == "Exclude" and is_named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What may happen after a signature."""

    level: int = _UNRESTRICTED
    """P of Table 257; 4 where nothing is said."""
    locks: tuple[FieldLock, ...] = ()
    """All that hold."""

    def locked(self, name: str) -> bool:
        """Whether the field `name` must not change."""
        return any(lock.locks(name) for lock in self.locks)

    def permits(self, difference: Difference) -> bool:
        """Whether `difference` was left open."""
        if difference.kind in _FORMS and difference.field and self.locked(difference.field):
            return False
        if difference.right is Right.UNCOVER:
            return self.level == Right.ANNOTATE  # said by the certifier, and not merely not forbidden
        return difference.right <= self.level

    def with_(self, other: Self) -> "Permissions":
        """What both permit."""
        return Permissions(level=min(self.level, other.level), locks=(*self.locks, *other.locks))


def permissions_of(signed: SignedField, revision: int) -> Permissions:
    """What `signed`, which ends `revision`, itself says."""
    reader = signed.reader
    result = Permissions()
    if not signed.is_timestamp:
        for item in reader.items(signed.value, "Reference"):
            reference = reader.resolve(item)
            if isinstance(reference, Dict):
                result = result.with_(_of_reference(reader, reference, signed, revision))
    lock = reader.entry(signed.field.node, "Lock")
    if isinstance(lock, Dict):
        result = result.with_(_of_lock(reader, lock, signed, revision))
    return result


def reference_locks(signed: SignedField, revision: int) -> tuple[FieldLock, ...]:
    """The locks that the signature itself states (FieldMDP), and not only its field."""
    reader = signed.reader
    found = (reader.resolve(item) for item in reader.items(signed.value, "Reference"))
    parts = [_of_reference(reader, node, signed, revision) for node in found if isinstance(node, Dict)]
    return tuple(lock for part in parts for lock in part.locks)


def _of_reference(reader: Reader, reference: Dict, signed: SignedField, revision: int) -> Permissions:
    """A signature reference dictionary (Table 256)."""
    method, parameters = reader.name(reference, "TransformMethod"), reader.dictionary(reference, "TransformParams")
    if method == "DocMDP":
        return Permissions(level=_level(reader, parameters, default=_BY_DEFAULT))
    if method == "FieldMDP":
        return _of_lock(reader, parameters, signed, revision)
    return Permissions()


def _of_lock(reader: Reader, lock: Dict, signed: SignedField, revision: int) -> Permissions:
    """/Lock of the field, or the parameters of FieldMDP, which repeat it; /P is new in PDF 2.0."""
    level = _level(reader, lock, default=_UNRESTRICTED)
    action = reader.name(lock, "Action")
    if not action:
        return Permissions(level=level)
    named = frozenset(reader.text(name) for name in reader.items(lock, "Fields"))
    earlier = Reader(reader.file.at(revision))
    form: Form = read_form(earlier, earlier.root)
    # A lock that nobody understands locks everything.
    known = action if action in {"Include", "Exclude"} else "All"
    there = frozenset(form.by_name) - frozenset(signed.names)
    return Permissions(level=level, locks=(FieldLock(action=known, named=named, there=there),))


def _level(reader: Reader, node: Dict, *, default: int) -> int:
    """/P; what is none of the three permits nothing."""
    value = reader.entry(node, "P")
    if value is None:
        return default
    return value if type(value) is int and value in {1, 2, 3} else 1
