"""Certification path building (RFC 4158): from a certificate up to an anchor, best candidates first, bounded.

A hostile document may bring thousands of certificates that issued one another. So signatures are verified while
building, a key stands in a path only once, and the work is counted.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from esign.cms import ber
from esign.trust.certificate import Certificate, parse_certificate
from esign.trust.names import Name
from esign.trust.path import Path
from esign.trust.signatures import is_signed_by

__all__ = ["Pool", "build_paths"]

_MOST_CERTIFICATES = 400
_LONGEST_PATH = 10
_MOST_PATHS = 8
_MOST_SIGNATURES = 100


class Pool:
    """The certificates at hand by their subjects, and which of them are anchors."""

    def __init__(self, *, anchors: Iterable[bytes], others: Iterable[bytes]) -> None:
        self.anchors = frozenset(anchors)
        self._by_subject: dict[Name, list[Certificate]] = {}
        for number, der in enumerate(dict.fromkeys((*self.anchors, *others))):
            if number >= _MOST_CERTIFICATES + len(self.anchors):
                break
            try:
                certificate = parse_certificate(der)
            except ber.Malformed:
                continue  # nothing can be built on it
            self._by_subject.setdefault(certificate.subject, []).append(certificate)

    def named(self, subject: Name) -> list[Certificate]:
        """Those with that subject."""
        return self._by_subject.get(subject, [])

    def is_anchor(self, certificate: Certificate) -> bool:
        """Whether the operator trusts it."""
        return certificate.der in self.anchors

    def issuers(self, certificate: Certificate, at: datetime) -> list[Certificate]:
        """Who may have issued it, the likeliest first: anchors, the named key, valid at the time, newest."""
        wanted = certificate.issuer_key_identifier

        def rank(issuer: Certificate) -> tuple[bool, bool, bool, float]:
            fits = wanted is None or issuer.key_identifier is None or issuer.key_identifier == wanted
            return (not self.is_anchor(issuer), not fits, not issuer.is_valid_at(at), -issuer.not_before.timestamp())

        return sorted(self.named(certificate.issuer), key=rank) if certificate.issuer else []


def build_paths(target: Certificate, pool: Pool, at: datetime) -> Iterator[Path]:
    """The paths from `target` to an anchor, few and the likeliest first; signatures are verified, nothing else."""
    budget = [_MOST_SIGNATURES]
    for number, path in enumerate(_extend((target,), pool, at, budget), 1):
        yield path
        if number == _MOST_PATHS:
            return


def _extend(path: Path, pool: Pool, at: datetime, budget: list[int]) -> Iterator[Path]:
    last = path[-1]
    if pool.is_anchor(last):
        yield path
        return  # whom the operator trusts needs nobody above
    if len(path) >= _LONGEST_PATH:
        return
    seen = {(c.subject, c.public_key) for c in path}
    for issuer in pool.issuers(last, at):
        if (issuer.subject, issuer.public_key) in seen:
            continue
        if not budget[0]:
            return
        budget[0] -= 1
        if is_signed_by(issuer.public_key, signed=last.signed, algorithm=last.algorithm, signature=last.signature):
            yield from _extend((*path, issuer), pool, at, budget)
