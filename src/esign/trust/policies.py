"""Certificate policies along a path, as a graph with one node for each policy and level (RFC 5280 §6.1, RFC 9618 §5).

The tree of RFC 5280 grows exponentially with mappings that a hostile authority writes; the graph does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from esign.cms import ber
from esign.trust.certificate import Certificate

__all__ = ["ANY_POLICY", "CERTIFICATE_POLICIES", "PolicyProcessor"]

ANY_POLICY = "2.5.29.32.0"
CERTIFICATE_POLICIES, POLICY_MAPPINGS = "2.5.29.32", "2.5.29.33"
POLICY_CONSTRAINTS, INHIBIT_ANY_POLICY = "2.5.29.36", "2.5.29.54"


@dataclass(slots=True)
class _Node:
    """A policy at one level."""

    expected: set[str]
    parents: set[str] = field(default_factory=set)


_Level = dict[str, _Node]


class PolicyProcessor:
    """Walks down a path of `length` certificates below the anchor, one `process` for each.

    `initial` are the policies that the verifier accepts, `explicit` whether one of them must hold.
    """

    def __init__(self, *, length: int, initial: frozenset[str], explicit: bool) -> None:
        self._initial = initial
        self._levels: list[_Level] | None = [{ANY_POLICY: _Node({ANY_POLICY})}]
        self._explicit = 0 if explicit else length + 1
        self._mapping = self._any = length + 1

    def process(self, certificate: Certificate, *, final: bool) -> bool:
        """Take in one certificate; whether the path may go on (§6.1.3 d–f, §6.1.4 a–j, §6.1.5 a–b).

        Raises:
            ber.Malformed: Its policy extensions cannot be read.
        """
        self._add_level(certificate, final=final)
        if not self._explicit and self._levels is None:
            return False
        if final:
            self._explicit = max(self._explicit - 1, 0)
            if _constraints(certificate).get(0x80) == 0:
                self._explicit = 0
            return bool(self._explicit) or bool(self._acceptable())
        mappings = _mappings(certificate)
        if ANY_POLICY in mappings or any(ANY_POLICY in targets for targets in mappings.values()):
            return False
        self._map(mappings)
        self._count_down(certificate)
        return True

    def _add_level(self, certificate: Certificate, *, final: bool) -> None:
        policies = _policies(certificate)
        if self._levels is None or policies is None:
            self._levels = None
            return
        above, level = self._levels[-1], _Level()
        for policy in policies - {ANY_POLICY}:
            parents = {p for p, node in above.items() if policy in node.expected}
            parents = parents or ({ANY_POLICY} & above.keys())
            if parents:
                level[policy] = _Node({policy}, parents)
        if ANY_POLICY in policies and (self._any or (not final and certificate.is_self_issued)):
            for parent, node in above.items():
                for policy in node.expected - (policies - {ANY_POLICY}):
                    level.setdefault(policy, _Node({policy})).parents.add(parent)
        self._levels = [*self._levels, level] if level else None

    def _map(self, mappings: dict[str, set[str]]) -> None:
        """§6.1.4 b."""
        if self._levels is None:
            return
        level = self._levels[-1]
        for policy, targets in mappings.items():
            if not self._mapping:
                level.pop(policy, None)
            elif policy in level:
                level[policy].expected = set(targets)
            elif ANY_POLICY in level:
                level[policy] = _Node(set(targets), set(level[ANY_POLICY].parents))
        if not level:
            self._levels = None

    def _count_down(self, certificate: Certificate) -> None:
        """§6.1.4 h–j."""
        if not certificate.is_self_issued:
            self._explicit = max(self._explicit - 1, 0)
            self._mapping = max(self._mapping - 1, 0)
            self._any = max(self._any - 1, 0)
        constraints = _constraints(certificate)
        self._explicit = min(self._explicit, constraints.get(0x80, self._explicit))
        self._mapping = min(self._mapping, constraints.get(0x81, self._mapping))
        extension = certificate.extensions.get(INHIBIT_ANY_POLICY)
        if extension is not None:
            self._any = min(self._any, ber.read(extension.value).integer())

    def _acceptable(self) -> set[str]:
        """The policies that authorities assert all the way and the verifier accepts (RFC 9618 §5.5)."""
        if self._levels is None:
            return set()
        asserted = set(self._asserted(self._levels))
        if ANY_POLICY in self._initial or not asserted:
            return asserted
        return set(self._initial) if ANY_POLICY in asserted else asserted & self._initial

    @staticmethod
    def _asserted(levels: list[_Level]) -> Iterator[str]:
        """The highest policy of each chain that reaches the last level; anyPolicy where a chain is that alone."""
        reached = set(levels[-1])
        if ANY_POLICY in reached:
            yield ANY_POLICY
        for level in reversed(levels[1:]):
            parents = set()
            for policy in reached & level.keys():
                parents |= level[policy].parents
                if policy != ANY_POLICY and ANY_POLICY in level[policy].parents:
                    yield policy
            reached = parents


def _policies(certificate: Certificate) -> set[str] | None:
    extension = certificate.extensions.get(CERTIFICATE_POLICIES)
    if extension is None:
        return None
    return {info.items(ber.SEQUENCE, least=1)[0].oid() for info in ber.read(extension.value).items(ber.SEQUENCE)}


def _mappings(certificate: Certificate) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    extension = certificate.extensions.get(POLICY_MAPPINGS)
    if extension is not None:
        for pair in ber.read(extension.value).items(ber.SEQUENCE):
            issuer, subject, *_ = (policy.oid() for policy in pair.items(ber.SEQUENCE, least=2))
            found.setdefault(issuer, set()).add(subject)
    return found


def _constraints(certificate: Certificate) -> dict[int, int]:
    """The fields requireExplicitPolicy [0] and inhibitPolicyMapping [1], by their tags."""
    extension = certificate.extensions.get(POLICY_CONSTRAINTS)
    if extension is None:
        return {}
    return {part.tag: int.from_bytes(part.value) for part in ber.read(extension.value).items(ber.SEQUENCE)}
