"""Whether two revisions say the same in some part: values with all that they refer to, whatever its object numbers.

A reference to a page, an annotation or a field means that thing, not all that can be reached from there; such objects
are `landmarks`, alike where they are the same thing.
"""

from collections.abc import Container, Mapping
from typing import TypeAlias

from esign.pades.reading import Reader
from esign.syntax import Dict, Name, Object, Ref, Stream, String

__all__ = ["Likeness", "reach"]

Landmarks: TypeAlias = Mapping[int, object]
_Pairs: TypeAlias = list[tuple[Object, Object]]


def reach(reader: Reader, *values: Object, landmarks: Container[int] = ()) -> frozenset[int]:
    """The numbers of all objects, present or not, that `values` lead to; not beyond `landmarks`."""
    found: set[int] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if type(value) is Ref:
            if value.num in found:
                continue
            found.add(value.num)
            if value.num in landmarks:
                continue
            value = reader.get(value)
        if isinstance(value, Stream):
            value = value.dictionary
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif type(value) is Ref:
            stack.append(value)
    return frozenset(found)


class Likeness:
    """Compares values of two revisions."""

    def __init__(self, before: Reader, after: Reader, old: Landmarks, new: Landmarks) -> None:
        self._before, self._after = before, after
        self._old, self._new = old, new

    def __call__(self, one: Object, other: Object) -> bool:
        """Whether `one` of the older revision says what `other` of the newer one says."""
        met: set[tuple[int, int]] = set()
        stack = [(one, other)]
        while stack:
            a, b = stack.pop()
            is_reference = type(a) is Ref or type(b) is Ref
            inside = self._follow(a, b, met) if is_reference else self._open(a, b)
            if inside is None:
                return False
            stack += inside
        return True

    def _open(self, a: Object, b: Object) -> _Pairs | None:
        """What remains to be compared inside two values; None where they differ."""
        if isinstance(a, Dict) and isinstance(b, Dict):
            keys = a.keys() | b.keys()
            return [(a.get(key), b.get(key)) for key in keys] if a.duplicates == b.duplicates else None
        if isinstance(a, list) and isinstance(b, list):
            return list(zip(a, b, strict=True)) if len(a) == len(b) else None
        if isinstance(a, Stream) and isinstance(b, Stream):
            pair = (_without_length(a.dictionary), _without_length(b.dictionary))
            return [pair] if self._same_data(a, b) else None
        return [] if _same_scalar(a, b) else None

    def _follow(self, a: Object, b: Object, met: set[tuple[int, int]]) -> _Pairs | None:
        """What remains to be compared behind two values, one of which is a reference; None where they differ."""
        if type(a) is Ref and type(b) is Ref:
            mark, other = self._old.get(a.num), self._new.get(b.num)
            if mark is not None or other is not None:
                return [] if mark == other else None
            pair = (a.num, b.num)
            if pair in met:
                return []
            met.add(pair)
        elif (type(a) is Ref and a.num in self._old) or (type(b) is Ref and b.num in self._new):
            return None
        return [(self._before.resolve(a), self._after.resolve(b))]

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
