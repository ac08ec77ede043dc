"""One digest for many: the Merkle tree hash of RFC 6962 §2.1, and the proof that one entry is under it.

>>> entries = [bytes([n]) * 32 for n in range(5)]
>>> proof = path(entries, 3)
>>> root_over(entries[3], 3, 5, proof) == root(entries)
True

https://www.rfc-editor.org/rfc/rfc6962#section-2.1; the check of a proof is that of RFC 9162 §2.1.3.2.
"""

from collections.abc import Sequence
from hashlib import sha256

__all__ = ["path", "root", "root_over"]


def root(entries: Sequence[bytes]) -> bytes:
    """The tree hash; that of nothing is the digest of nothing."""
    level = [_leaf(entry) for entry in entries]
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else sha256().digest()


def path(entries: Sequence[bytes], position: int) -> tuple[bytes, ...]:
    """What stands beside the way from entry `position`, counted from 0, up to the root."""
    level, found = [_leaf(entry) for entry in entries], []
    while len(level) > 1:
        beside = position ^ 1
        if beside < len(level):
            found.append(level[beside])
        level, position = _above(level), position >> 1
    return tuple(found)


def root_over(entry: bytes, position: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that `path` leads to from `entry`, the one at `position` of `size`; None where it cannot be its path."""
    if not 0 <= position < size:
        return None
    found, last = _leaf(entry), size - 1
    for beside in path:
        if last == 0:
            return None
        if position & 1 or position == last:
            found = _node(beside, found)
            while not position & 1 and position:  # it was alone on these levels and rose unchanged
                position, last = position >> 1, last >> 1
        else:
            found = _node(found, beside)
        position, last = position >> 1, last >> 1
    return found if last == 0 else None


def _above(level: Sequence[bytes]) -> list[bytes]:
    """The next level; a node without a neighbour rises as it is."""
    paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*paired, level[-1]] if len(level) & 1 else paired


# The first byte keeps an entry from passing for two nodes (RFC 6962 §2.1).
def _leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
