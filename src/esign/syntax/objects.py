"""The objects of a PDF as Python values (ISO 32000-2 §7.3).

    null, boolean, integer, real   None, bool, int, float
    name                           Name, a str: `Name("Type")`, without its slash, #xx decoded, one character a byte
    string                         String, a bytes; knows where it stands in the file
    array, dictionary              list; Dict, a dict whose keys are names without their slash
    stream                         Stream: its dictionary and where its data stand
    reference                      Ref
    anything else                  Keyword: a word that readers take for different things

Values are shared between revisions and must not be changed. `same` compares them as PDF does: Python holds `1`, `1.0`
and `True` for equal.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, Union

__all__ = ["Dict", "Keyword", "Name", "Object", "Ref", "Stream", "String", "same"]


class Ref(NamedTuple):
    """An indirect reference, `12 0 R` (§7.3.10)."""

    num: int
    gen: int = 0

    def __str__(self) -> str:
        return f"{self.num} {self.gen} R"


class Name(str):
    """A name (§7.3.5); bytes beyond ASCII are kept one to one, as Latin-1."""

    __slots__ = ()


class Keyword(bytes):
    """A word where an object is expected: `nul`, `1.2.3`, `<zz>`. It equals only its own spelling."""

    __slots__ = ()


class String(bytes):
    """A string (§7.3.4), unescaped, and decrypted where the file is encrypted."""

    span: tuple[int, int] | None = None
    """From its opening to behind its closing delimiter, in bytes of the file; None in an object stream."""


class Dict(dict[str, "Object"]):
    """A dictionary (§7.3.7). Of a key that stands twice the last value counts, as in qpdf."""

    duplicates: tuple[str, ...] = ()
    """Keys that stand more than once: readers differ on which value they take."""


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A stream (§7.3.8); `View.decoded` unpacks its data."""

    dictionary: Dict
    """What is said of the data."""
    start: int
    """Where its data begin in the file."""
    length: int
    """How long they are: /Length where it leads to `endstream`, else up to the next `endstream`."""
    ref: Ref
    """The object that it is."""
    length_wrong: bool = False
    """/Length is missing or does not lead to `endstream`: readers differ on where the data end."""


Object: TypeAlias = Union[  # noqa: UP007 - it refers to itself
    bool, int, float, Name, String, Keyword, Ref, list["Object"], Dict, Stream, None
]


def same(a: Object, b: Object) -> bool:
    """Whether two values are the same PDF object, references unresolved; streams are the same only as one value."""
    pairs = [(a, b)]
    while pairs:
        one, other = pairs.pop()
        if one is other:
            continue
        if type(one) is not type(other):
            return False
        if isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif isinstance(one, Dict) and isinstance(other, Dict):
            if one.keys() != other.keys() or one.duplicates != other.duplicates:
                return False
            pairs += ((value, other[key]) for key, value in one.items())
        elif one != other:
            return False
    return True
