"""Random changes to signed files: what accidents do, and what forgers try. The same seed makes the same change."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from esign.pades.inspect import inspect_signatures
from esign.syntax import Dict, File, Object, Ref, Stream, String, View, read
from esign.trust import TrustStore
from tests.support.look import NOW
from tests.support.raw_pdf import RawPDF, stream

__all__ = ["KINDS", "Base", "State", "mutated", "reachable"]

_OBJECT = re.compile(rb"(?<=[\r\n])\d+ 0 obj\b.*?endobj", re.DOTALL)
_TABLE = re.compile(rb"xref\s.*?startxref\s+\d+", re.DOTALL)
_TOKEN = re.compile(rb"/[A-Za-z]+|\b\d+\b")
_WHITE = b"\x00\t\n\x0c\r "


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state that the document was in: a prefix of the file, signed but for the container of its last signature."""

    end: int
    gap: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Base:
    """An intact file of which every byte is signed, and its earlier states."""

    name: str
    pdf: bytes
    states: tuple[State, ...]
    file: File

    @classmethod
    def of(cls, name: str, pdf: bytes) -> "Base | None":
        """None where the end of `pdf` is not signed: an update could be changed and still be permitted."""
        found = inspect_signatures(pdf, trust=TrustStore(), at=NOW)
        signed = max((s.signed_bytes for s in found.signatures), default=0)
        if pdf[signed:].strip(_WHITE):
            return None
        file = read(pdf)
        gaps = sorted(_gaps(file))
        states = [
            State(end=revision.end, gap=max(gap for gap in gaps if gap[1] <= revision.end))
            for revision in file.revisions
            if any(gap[1] <= revision.end for gap in gaps)
        ]
        return cls(name=name, pdf=pdf, states=tuple(states), file=file) if states else None

    def is_a_state(self, pdf: bytes) -> bool:
        """Whether `pdf` says what this file says, or said earlier: every signed byte as it was, and nothing added."""
        return any(
            pdf[:start] == self.pdf[:start]
            and pdf[end : state.end] == self.pdf[end : state.end]
            and not pdf[state.end :].strip(_WHITE)
            for state in self.states
            for start, end in [state.gap]
        )


def _gaps(file: File) -> list[tuple[int, int]]:
    """Where the containers of signatures stand."""
    spans = []
    for num in file.latest.numbers:
        value = file.latest.get(Ref(num))
        if isinstance(value, Dict) and "ByteRange" in value:
            contents = value.get("Contents")
            if isinstance(contents, String) and contents.span:
                spans.append(contents.span)
    return spans


def mutated(bases: Sequence[Base], seed: str) -> tuple[str, Base, bytes]:
    """The kind of change that `seed` stands for, the file that was changed, and what became of it."""
    chance = random.Random(seed)
    base = chance.choice(bases)
    kind = chance.choice(list(KINDS))
    return kind, base, KINDS[kind](base, bases, chance)


def _bits(base: Base, _bases: Sequence[Base], chance: random.Random) -> bytes:
    data = bytearray(base.pdf)
    for _ in range(chance.choice([1, 1, 1, 2, 8])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _ranges(base: Base, _bases: Sequence[Base], chance: random.Random) -> bytes:
    data = bytearray(base.pdf)
    for _ in range(chance.choice([1, 1, 2])):
        start = chance.randrange(len(data))
        length = min(int(chance.expovariate(1 / 60)) + 1, len(data) - start)
        part = bytes(data[start : start + length])
        new = chance.choice([b"", part * 2, part[::-1], b" " * length, bytes(length), chance.randbytes(length), b"%\n"])
        data[start : start + length] = new
    return bytes(data)


def _objects(base: Base, _bases: Sequence[Base], chance: random.Random) -> bytes:
    """Two objects change places, or names; the table is left as it is, or not."""
    found = list(_OBJECT.finditer(base.pdf))
    one, other = sorted(chance.sample(found, 2), key=lambda m: m.start())
    first, second = one[0], other[0]
    if chance.random() < 0.5:
        bodies = [m.partition(b"obj") for m in (first, second)]
        first, second = bodies[1][0] + b"obj" + bodies[0][2], bodies[0][0] + b"obj" + bodies[1][2]
    between = base.pdf[one.end() : other.start()]
    return base.pdf[: one.start()] + second + between + first + base.pdf[other.end() :]


def _cut(base: Base, _bases: Sequence[Base], chance: random.Random) -> bytes:
    ends = [r.end for r in base.file.revisions] + [r.end_of_line for r in base.file.revisions]
    end = chance.choice([*ends, chance.randrange(len(base.pdf))])
    return base.pdf[: max(0, end + chance.choice([0, 0, -1, 1, -7]))]


def _spliced(base: Base, bases: Sequence[Base], chance: random.Random) -> bytes:
    """Revisions of two files, or of one in another order, one behind the other."""
    other = chance.choice([base, chance.choice(bases)])
    mine, theirs = chance.choice(base.file.revisions), chance.choice(other.file.revisions)
    head = base.pdf[: mine.end_of_line]
    tail = other.pdf[theirs.start : theirs.end_of_line]
    return head + tail + chance.choice([b"", base.pdf[mine.end_of_line :]])


def _inserted(base: Base, _bases: Sequence[Base], chance: random.Random) -> bytes:
    """A proper update that changes something to be seen: a page, its content, a font, a picture, a widget."""
    file = base.file
    index = chance.randrange(len(file.revisions))
    view, revision = file.at(index), file.revisions[index]
    num = chance.choice([num for num in reachable(view) if _is_visible(view.get(Ref(num)))])
    value = view.get(Ref(num))
    shown = b"0 0 0 rg %d 0 500 500 re f" % chance.randrange(500)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d 300]/Contents[]>>" % chance.randrange(10, 600)
    new = {num: stream(shown) if isinstance(value, Stream) else page}
    root = view.trailer["Root"]
    assert isinstance(root, Ref)
    pdf = RawPDF(base.pdf[: revision.end] + b"\n")
    pdf.startxref, pdf.size = revision.startxref, max(file.latest.numbers, default=0) + 10
    pdf.update(new, trailer=b"/Root %d 0 R" % root.num, kind=chance.choice(["table", "stream"]))
    if chance.random() < 0.3:
        return bytes(pdf) + base.pdf[revision.end_of_line :]
    return bytes(pdf)


def reachable(view: View) -> list[int]:
    """The objects that the catalog leads to, but for /DSS: evidence, and what nothing leads to, nobody sees."""
    seen: set[int] = set()
    pending: list[Object] = [view.trailer["Root"]]
    while pending:
        value = pending.pop()
        if isinstance(value, Ref) and value.num not in seen:
            seen.add(value.num)
            value = view.get(value)
        if isinstance(value, Stream):
            value = value.dictionary
        if isinstance(value, (Dict, list)):
            pending += [v for key, v in value.items() if key != "DSS"] if isinstance(value, Dict) else value
    return sorted(seen)


def _is_visible(value: object) -> bool:
    if isinstance(value, Stream):
        return value.dictionary.get("Type", "XObject") == "XObject" and "Length1" not in value.dictionary
    return isinstance(value, Dict) and value.get("Type") in {"Page", "Pages"} and "Parent" in value


def _table(base: Base, _bases: Sequence[Base], chance: random.Random) -> bytes:
    """Offsets, generations, kinds and pointers."""
    tables = list(_TABLE.finditer(base.pdf))
    if not tables:
        return _tokens(base, _bases, chance)
    table = chance.choice(tables)
    data = bytearray(base.pdf)
    places = [i for i in range(table.start(), table.end()) if data[i : i + 1].isdigit()]
    for place in chance.sample(places, min(len(places), chance.choice([1, 1, 2, 5]))):
        data[place] = ord(str(chance.randrange(10)))
    rows = list(re.finditer(rb"\d{10} \d{5} [nf]", bytes(data)))
    if rows and chance.random() < 0.3:
        one, other = chance.choice(rows), chance.choice(rows)
        data[one.start() : one.end()], data[other.start() : other.end()] = other[0], one[0]
    return bytes(data)


def _container(base: Base, bases: Sequence[Base], chance: random.Random) -> bytes:
    """What stands in /Contents, or is said of it."""
    start, end = chance.choice([state.gap for state in base.states])
    inner = base.pdf[start + 1 : end - 1]
    at = chance.randrange(len(inner))
    other = chance.choice(bases)
    theirs = chance.choice([state.gap for state in other.states])
    new = chance.choice(
        [
            inner[:at] + b"0123456789abcdef"[(place := chance.randrange(16)) : place + 1] + inner[at + 1 :],
            inner[:at] + b" " + inner[at + 1 :],
            inner[:at] + inner[at + 2 :] + b"00",
            inner.swapcase(),
            b"0" * len(inner),
            inner[:-2],
            inner + b"00",
            other.pdf[theirs[0] + 1 : theirs[1] - 1],
            other.pdf[theirs[0] + 1 : theirs[1] - 1][: len(inner)].ljust(len(inner), b"0"),
            b"> /Evil <" + inner[9:],
            inner[: at - at % 2] + b">/Contents<" + inner[at - at % 2 :],
        ]
    )
    return base.pdf[: start + 1] + new + base.pdf[end - 1 :]


def _tokens(base: Base, _bases: Sequence[Base], chance: random.Random) -> bytes:
    """Names and numbers of dictionaries, of a signature's most of all."""
    data = base.pdf
    place = chance.choice([*(state.gap[0] for state in base.states), chance.randrange(len(data))])
    around = range(max(0, place - 400), min(len(data), place + 400))
    found = [m for m in _TOKEN.finditer(data, around.start, around.stop) if m.end() - m.start() < 40]
    if not found:
        return _bits(base, _bases, chance)
    token = chance.choice(found)
    if token[0].startswith(b"/"):
        new = chance.choice([b"/Evil", token[0] + b"x", token[0] + b" null" + token[0], b"/Type", b"/Contents", b""])
    else:
        number = int(token[0])
        new = b"%d" % chance.choice([0, -1, number + 1, max(0, number - 1), number * 2, 10**10])
    if chance.random() < 0.5:
        new = new[: len(token[0])].ljust(len(token[0]))
    return data[: token.start()] + new + data[token.end() :]


def _appended(base: Base, bases: Sequence[Base], chance: random.Random) -> bytes:
    """Bytes behind the end."""
    other = chance.choice(bases).pdf
    at = chance.randrange(len(other))
    junk = [b"5 0 obj\n(x)\nendobj\n", chance.randbytes(40), other[at : at + 400], b"trailer<</Root 3 0 R>>", other]
    return base.pdf + chance.choice(junk) + chance.choice([b"", b"\n%%EOF\n"])


KINDS: dict[str, Callable[[Base, Sequence[Base], random.Random], bytes]] = {
    "bits": _bits,
    "ranges": _ranges,
    "objects": _objects,
    "cut": _cut,
    "spliced": _spliced,
    "inserted": _inserted,
    "table": _table,
    "container": _container,
    "tokens": _tokens,
    "appended": _appended,
}
