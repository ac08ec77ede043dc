"""What pages show: their number and order, contents, resources and geometry (ISO 32000-2 §7.7.3).

No signature leaves any of it open: even a certification with P = 3 permits notes beside the page's own contents, and an
approval signature is for the page as it was seen (§12.8.2.2).
"""

from collections.abc import Iterator
from itertools import zip_longest

from esign.pades.changes.difference import Difference, Right
from esign.pades.changes.step import Step
from esign.pades.page_tree import Page
from esign.reasons import Reason
from esign.report import ChangeKind
from esign.syntax import Dict, Stream, same

__all__ = ["compare_pages"]

_ELSEWHERE = frozenset({"Annots", "Parent", "StructParents", "Tabs"})
"""What annotations and tags change, and where the page hangs in the tree."""
_GEOMETRY = frozenset({"MediaBox", "CropBox", "BleedBox", "TrimBox", "ArtBox", "Rotate", "UserUnit"})
_UNSEEN = frozenset({"LastModified", "Metadata", "PieceInfo", "Thumb", "ID", "SeparationInfo"})
"""What software notes for itself (Table 31)."""


def compare_pages(step: Step) -> Iterator[Difference]:
    """Every page that is another one."""
    before, after = step.before.tree, step.after.tree
    if step.changed and not (before.sound and after.sound):
        yield _never(ChangeKind.STRUCTURE, Reason("pages-unsound"))
    if len(after.pages) != len(before.pages):
        yield _counted(step)
        return
    if not _counts_kept(step):
        yield _never(ChangeKind.STRUCTURE, Reason("pages-unsound"))
    for page, now in zip(before.pages, after.pages, strict=True):
        if not _untouched(step, page, now):
            yield from _compare(step, page, now)


def _counts_kept(step: Step) -> bool:
    """Whether the nodes that stayed still count as many pages, and call themselves so: some readers believe them."""
    before, after = step.before.tree.nodes, step.after.tree.nodes
    return all(
        same(before[n].get(key), after[n].get(key))
        for n in step.changed & before.keys() & after.keys()
        for key in ("Type", "Count")
    )


def _counted(step: Step) -> Difference:
    """Pages more or fewer, from the first place where they are others."""
    before, after = step.before.tree.pages, step.after.tree.pages
    pairs = zip_longest((p.ref for p in before), (p.ref for p in after))
    page = next((i for i, (one, other) in enumerate(pairs, 1) if one != other), 1)
    if len(after) > len(before):
        return _never(ChangeKind.PAGE, Reason("pages-added", {"count": len(after) - len(before), "page": page}), page)
    return _never(ChangeKind.PAGE, Reason("pages-removed", {"count": len(before) - len(after), "page": page}), page)


def _untouched(step: Step, page: Page, now: Page) -> bool:
    if page.node is not now.node or not step.before.page_reach(page).isdisjoint(step.changed):
        return False
    above = ((page.inherited, now.inherited), (page.claimed, now.claimed))
    return all(
        (one is other or same(one, other)) and step.before.value_reach(one).isdisjoint(step.changed)
        for one, other in above
    )


def _compare(step: Step, page: Page, now: Page) -> Iterator[Difference]:
    number = page.index + 1
    told: set[str] = set()
    # Some readers go down the tree to a page, and some up from it.
    for above, above_now in ((page.inherited, now.inherited), (page.claimed, now.claimed)):
        one, other = Dict({**above, **page.node}), Dict({**above_now, **now.node})
        for key in step.unlike(one, other, without=_ELSEWHERE | told):
            if key == "Contents" and _same_contents(step, one, other):
                continue
            told.add(key)
            if key in _UNSEEN:
                reason = Reason("page-data-changed", {"page": number, "key": key})
                yield Difference(kind=ChangeKind.METADATA, reason=reason, right=Right.ALWAYS, page=number)
            else:
                kind, reason = _named(step, key, one, other, number)
                yield _never(kind, reason, number)


def _named(step: Step, key: str, one: Dict, other: Dict, page: int) -> tuple[ChangeKind, Reason]:
    if key == "Contents":
        return ChangeKind.PAGE, Reason("page-contents-changed", {"page": page})
    if key == "Resources":
        then, now = step.before.reader.dictionary(one, key), step.after.reader.dictionary(other, key)
        if step.unlike(then, now) == ["Font"]:
            return ChangeKind.FONT, Reason("page-fonts-changed", {"page": page})
        return ChangeKind.PAGE, Reason("page-resources-changed", {"page": page})
    if key in _GEOMETRY:
        return ChangeKind.PAGE, Reason("page-geometry-changed", {"page": page, "key": key})
    if key == "AA":
        return ChangeKind.ACTION, Reason("page-action-changed", {"page": page})
    return ChangeKind.PAGE, Reason("page-entry-changed", {"page": page, "key": key})


def _same_contents(step: Step, one: Dict, other: Dict) -> bool:
    """Whether a lone stream became an array of it, or the other way round (Table 31)."""
    lone = step.before.reader.entry(one, "Contents"), step.after.reader.entry(other, "Contents")
    if isinstance(lone[0], Stream) == isinstance(lone[1], Stream):
        return False
    lists = [
        [given] if isinstance(value, Stream) else value
        for given, value in ((one.get("Contents"), lone[0]), (other.get("Contents"), lone[1]))
    ]
    return step.alike(lists[0], lists[1])


def _never(kind: ChangeKind, reason: Reason, page: int | None = None) -> Difference:
    return Difference(kind=kind, reason=reason, right=Right.NEVER, page=page)
