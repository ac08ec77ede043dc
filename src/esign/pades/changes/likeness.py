"""Whether two revisions say the same in some part: values with all that they refer to, whatever its object numbers.

A reference to a page or to the catalog means that thing, not all that can be reached from there; so does one to an
annotation or a field, but only where the standard has such a reference (`POINTERS`). Else a hostile file would show as
a page's font what is an annotation too, and have it changed as one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from esign.pades.reading import Reader, Unreadable
from esign.syntax import Dict, Name, Object, Ref, Stream, String

__all__ = ["POINTERS", "Landmarks", "Likeness", "reach"]

POINTERS: Final = frozenset(
    {"Annots", "Parent", "Kids", "P", "Popup", "IRT", "Obj", "CO", "T", "Fields", "AN", "TA", "Annotation"}
)
"""Keys that may point to annotations and fields: of these themselves, of actions (§12.6.4), tags (§14.7.5.3), forms."""
_Pairs: TypeAlias = list[tuple[Object, Object, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """Objects that are compared as themselves, by their numbers."""

    places: Mapping[int, object] = field(default_factory=dict)
    """The catalog, and pages by their position."""
    annotations: Mapping[int, object] = field(default_factory=dict)
    """Annotations and fields."""

    def find(self, number: int, *, pointed: bool) -> object | None:
        """What an object stands for, where it is referred to; `pointed` if that is where an annotation may be."""
        return self.places.get(number) or (self.annotations.get(number) if pointed else None)


def reach(reader: Reader, values: Iterable[Object], landmarks: Landmarks) -> frozenset[int]:
    """The numbers of all objects, present or not, that `values` lead to; not beyond `landmarks`."""
    found: set[int] = set()
    stack = [(value, False) for value in values]
    while stack:
        value, pointed = stack.pop()
        if type(value) is Ref:
            if value.num in found:
                continue
            if landmarks.find(value.num, pointed=pointed) is not None:
                continue
            found.add(value.num)
            value = reader.get(value)
        if type(value) is Ref:
            stack.append((value, pointed))
        elif isinstance(value, list):
            stack += [(item, pointed) for item in value]
        elif isinstance(value, Unreadable):
            stack += [(item, False) for item in value.references]
        else:
            inside = value.dictionary if isinstance(value, Stream) else value
            if isinstance(inside, dict):
                stack += [(item, key in POINTERS) for key, item in inside.items()]
    return frozenset(found)


class Likeness:
    """Compares values of two revisions."""

    def __init__(self, before: Reader, after: Reader, old: Landmarks, new: Landmarks) -> None:
        self._before, self._after = before, after
        self._old, self._new = old, new

    def __call__(self, one: Object, other: Object, *, pointed: bool = False) -> bool:
        """Whether `one` of the older revision says what `other` of the newer one says."""
        met: set[tuple[int, int]] = set()
        stack = [(one, other, pointed)]
        while stack:
            a, b, pointed = stack.pop()
            is_reference = type(a) is Ref or type(b) is Ref
            inside = self._follow(a, b, met, pointed=pointed) if is_reference else self._open(a, b, pointed=pointed)
            if inside is None:
                return False
            stack += inside
        return True

    def _open(self, a: Object, b: Object, *, pointed: bool) -> _Pairs | None:
        """What remains to be compared inside two values; None where they differ."""
        if isinstance(a, Dict) and isinstance(b, Dict):
            keys = a.keys() | b.keys()
            pairs = [(a.get(key), b.get(key), key in POINTERS) for key in keys]
            return pairs if a.duplicates == b.duplicates else None
        if isinstance(a, list) and isinstance(b, list):
            return [(x, y, pointed) for x, y in zip(a, b, strict=True)] if len(a) == len(b) else None
        if isinstance(a, Stream) and isinstance(b, Stream):
            pair = (_without_length(a.dictionary), _without_length(b.dictionary), False)
            return [pair] if self._same_data(a, b) else None
        if isinstance(a, Unreadable) and a == b:
            return [(reference, reference, False) for reference in a.references]
        return [] if _same_scalar(a, b) else None

    def _follow(self, a: Object, b: Object, met: set[tuple[int, int]], *, pointed: bool) -> _Pairs | None:
        """What remains to be compared behind two values, one of which is a reference; None where they differ."""
        mark = self._old.find(a.num, pointed=pointed) if type(a) is Ref else None
        other = self._new.find(b.num, pointed=pointed) if type(b) is Ref else None
        if mark is not None or other is not None:
            return [] if mark == other else None
        if type(a) is Ref and type(b) is Ref:
            pair = (a.num, b.num)
            if pair in met:
                return []
            met.add(pair)
        return [(self._before.resolve(a), self._after.resolve(b), pointed)]

    def _same_data(self, a: Stream, b: Stream) -> bool:
        if (a.start, a.length) == (b.start, b.length):
            return True
        if a.length_wrong or b.length_wrong:
            return False  # where the data end is for each reader to decide
        one, other = self._before.raw(a), self._after.raw(b)
        if not self._before.file.encrypted:
            return one == other
        # Encrypted with their own initialisation vector, the same data differ.
        plain = self._before.decoded(a)
        return plain is not None and plain == self._after.decoded(b)


def _without_length(dictionary: Dict) -> Dict:
    return Dict({key: value for key, value in dictionary.items() if key != "Length"})


def _same_scalar(a: Object, b: Object) -> bool:
    numbers = type(a) in {int, float} and type(b) in {int, float}
    if numbers or (a is None and b is None):
        return a == b
    if isinstance(a, String) and isinstance(b, String):
        return bytes(a) == bytes(b)
    if isinstance(a, Name) and isinstance(b, Name):
        return str(a) == str(b)
    return type(a) is type(b) and not isinstance(a, dict | list | Stream) and a == b
