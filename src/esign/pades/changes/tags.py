"""The logical structure of a tagged document (ISO 32000-2 §14.7): what is read aloud.

A new annotation or signature gets an element of its own, a removed one loses it, and the index of both is written anew.
What elements say (alternative and replacement texts, roles, order) stays.
"""

from collections.abc import Iterator
from typing import Final

from esign.pades.changes.difference import Difference, Right
from esign.pades.changes.snapshot import Snapshot
from esign.pades.changes.step import Step
from esign.reasons import Reason
from esign.report import ChangeKind
from esign.syntax import Dict, Object, Ref, same

__all__ = ["compare_tags"]

_INDEX: Final = frozenset({"ParentTree", "ParentTreeNextKey", "IDTree"})
_MOST: Final = 200_000


def compare_tags(step: Step) -> Iterator[Difference]:
    """/StructTreeRoot of both revisions."""
    one, other = step.before.root.get("StructTreeRoot"), step.after.root.get("StructTreeRoot")
    if same(one, other) and not _is_reached(step, one):
        return
    then, now = step.before.reader.resolve(one), step.after.reader.resolve(other)
    if then is None and now is None:
        return
    if then is None and isinstance(now, Dict):
        right = Right.ALWAYS if _Elements(step).are_new(now.get("K")) else Right.NEVER
        yield Difference(kind=ChangeKind.METADATA, reason=Reason("tags-added"), right=right)
    elif isinstance(then, Dict) and isinstance(now, Dict) and _Elements(step).say_the_same(then, now):
        yield Difference(kind=ChangeKind.METADATA, reason=Reason("tags-updated"), right=Right.ALWAYS)
    else:
        yield Difference(kind=ChangeKind.OTHER, reason=Reason("tags-changed"), right=Right.NEVER)


def _is_reached(step: Step, root: Object) -> bool:
    """Whether the update reached the tree; walking it is dear, and most updates touch nothing that could be in it."""
    before = step.before
    skeleton = before.tree.numbers | before.form.numbers
    others = {n for n in step.changed - skeleton if before.reader.view.location(n) is not None}
    return bool(others) and not others.isdisjoint(before.value_reach(root))


class _Elements:
    """Compares the elements of two trees."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._left = _MOST

    def say_the_same(self, then: Dict, now: Dict) -> bool:
        """Whether two trees differ in nothing but elements of annotations that came, went or changed."""
        if self._step.unlike(then, now, without=_INDEX | {"K"}):
            return False
        stack = [(then, now)]
        met: set[tuple[int, int]] = set()
        while stack:
            one, other = stack.pop()
            if (id(one), id(other)) in met:
                continue
            met.add((id(one), id(other)))
            self._left -= 1
            pairs = self._pairs(one, other)
            if pairs is None or self._left < 0:
                return False
            for a, b in pairs:
                if self._step.unlike(a, b, without={"K", "P"}):
                    return False
                stack.append((a, b))
        return True

    def _pairs(self, then: Dict, now: Dict) -> list[tuple[Dict, Dict]] | None:
        """The elements below that stand for each other; None where others came or went than may."""
        olds, news = _kids(self._step.before, then), _kids(self._step.after, now)
        pairs: list[tuple[Dict, Dict]] = []
        i = j = 0
        while i < len(olds) or j < len(news):
            if i < len(olds) and j < len(news) and self._correspond(olds[i], news[j]):
                one, other = self._step.before.reader.resolve(olds[i]), self._step.after.reader.resolve(news[j])
                if isinstance(one, Dict) and isinstance(other, Dict):
                    pairs.append((one, other))
                i, j = i + 1, j + 1
            elif i < len(olds) and self._are_about_annotations(self._step.before, olds[i]):
                i += 1
            elif j < len(news) and self._are_about_annotations(self._step.after, news[j]):
                j += 1
            else:
                return None
        return pairs

    def _correspond(self, old: Object, new: Object) -> bool:
        """Whether a kid is the same element, content or object as before (§14.7.5)."""
        if isinstance(old, Ref) or isinstance(new, Ref):
            return old == new
        if isinstance(old, Dict) and isinstance(new, Dict):
            return all(same(old.get(key), new.get(key)) for key in ("S", "Obj", "MCID"))
        return same(old, new)

    def are_new(self, kids: Object) -> bool:
        """Whether a tree holds nothing but elements of annotations that came or changed."""
        return self._are_about_annotations(self._step.after, Dict({"K": kids}))

    def _are_about_annotations(self, snapshot: Snapshot, kid: Object) -> bool:
        """Whether an element, with all below it, is about annotations that are not on both sides, or are others now."""
        stack = [kid]
        while stack:
            self._left -= 1
            node = snapshot.reader.resolve(stack.pop())
            if not isinstance(node, Dict) or self._left < 0 or "MCID" in node:
                return False
            target = node.get("Obj")
            if isinstance(target, Ref):
                then, now = self._step.before.landmarks.annotations, self._step.after.landmarks.annotations
                on_both = target.num in then and target.num in now
                if on_both and target.num not in self._step.changed:
                    return False
            else:
                stack += _kids(snapshot, node)
        return True


def _kids(snapshot: Snapshot, node: Dict) -> list[Object]:
    kids = snapshot.reader.entry(node, "K")
    if isinstance(kids, list):
        return kids
    return [] if kids is None else [node.get("K")]
