"""Name constraints: for which names an authority may speak at all (RFC 5280 §4.2.1.10, §6.1.3 b–c)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from esign.cms import ber
from esign.trust.certificate import Certificate
from esign.trust.names import general_names, parse_name

__all__ = ["NAME_CONSTRAINTS", "NameConstraints"]

NAME_CONSTRAINTS, SUBJECT_ALTERNATIVE_NAME = "2.5.29.30", "2.5.29.17"
_EMAIL_ATTRIBUTE = "1.2.840.113549.1.9.1"
_EMAIL, _DNS, _DIRECTORY, _URI, _ADDRESS = 1, 2, 4, 6, 7
_KNOWN_KINDS = frozenset({_EMAIL, _DNS, _DIRECTORY, _URI, _ADDRESS})

GeneralName = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class NameConstraints:
    """The subtrees of one authority: every name of a listed kind lies in a permitted and in no excluded one."""

    permitted: tuple[GeneralName, ...]
    """Where not empty for a kind of name, nothing else of that kind is."""
    excluded: tuple[GeneralName, ...]
    """Never, whatever is permitted."""

    @classmethod
    def of(cls, certificate: Certificate) -> "NameConstraints | None":
        """Those that `certificate` imposes on everything below it.

        Raises:
            ber.Malformed: They cannot be read, or use `minimum` and `maximum`, which nobody may.
        """
        extension = certificate.extensions.get(NAME_CONSTRAINTS)
        if extension is None:
            return None
        parts = {part.tag: part for part in ber.read(extension.value).items(ber.SEQUENCE)}
        return cls(*(_subtrees(parts[tag]) if tag in parts else () for tag in (0xA0, 0xA1)))

    def admit(self, certificate: Certificate) -> bool:
        """Whether every name of `certificate` is allowed.

        Raises:
            ber.Malformed: Its alternative names cannot be read.
        """
        return all(self._admits(name) for name in _names(certificate))

    def _admits(self, name: GeneralName) -> bool:
        kind, _ = name
        permitted = [base for base in self.permitted if base[0] == kind]
        excluded = [base for base in self.excluded if base[0] == kind]
        if kind not in _KNOWN_KINDS and (permitted or excluded):
            return False  # §4.2.1.10: a constraint that cannot be processed refuses the certificate
        if any(_is_within(name, base) for base in excluded):
            return False
        return not permitted or any(_is_within(name, base) for base in permitted)


def _subtrees(element: ber.Element) -> tuple[GeneralName, ...]:
    found = []
    for subtree in element.children():
        base, *distance = subtree.items(ber.SEQUENCE, least=1)
        if distance:  # §4.2.1.10: minimum is always zero, which DER leaves out, and maximum absent
            raise ber.Malformed("a subtree with a distance")
        found.append((base.tag & 0x1F, base.value))
    return tuple(found)


def _names(certificate: Certificate) -> list[GeneralName]:
    names: list[GeneralName] = []
    if certificate.subject:
        names.append((_DIRECTORY, certificate.subject.der))
    extension = certificate.extensions.get(SUBJECT_ALTERNATIVE_NAME)
    if extension is not None:
        names += general_names(ber.read(extension.value).expect(ber.SEQUENCE))
    else:  # §4.2.1.10: old certificates carry the address in the subject
        pairs = (pair for rdn in certificate.subject.rdns for pair in rdn)
        names += [(_EMAIL, value) for kind, value in pairs if kind == _EMAIL_ATTRIBUTE]
    return names


def _is_within(name: GeneralName, base: GeneralName) -> bool:
    """Whether `name` lies in the subtree `base` of the same kind."""
    kind, root = base
    if kind == _DIRECTORY:
        return parse_name(name[1]).is_below(parse_name(root))
    if kind == _ADDRESS:
        return _is_address_within(name[1], root)
    text, subtree = _text(name), _text(base)
    if kind == _EMAIL:
        return _is_mailbox_within(text, subtree)
    if kind == _URI:
        return _is_host_within(_host(text), subtree, whole=False)
    return _is_host_within(text, subtree, whole=True)


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or ""
    except ValueError as e:
        raise ber.Malformed("a URI without a host") from e


def _text(name: GeneralName) -> str:
    try:
        return name[1].decode("ascii").casefold()
    except UnicodeDecodeError as e:
        raise ber.Malformed("a name that is not ASCII") from e


def _is_mailbox_within(mailbox: str, base: str) -> bool:
    """A mailbox, all of a host, or all below a domain that starts with a dot."""
    if "@" in base:
        return mailbox == base
    return _is_host_within(mailbox.rpartition("@")[2], base, whole=False)


def _is_host_within(host: str, base: str, *, whole: bool) -> bool:
    """`whole`: a constraint of a DNS name covers all names below it also without a leading dot."""
    if not base:
        return True
    if base.startswith("."):
        return host.endswith(base)
    return host == base or (whole and host.endswith("." + base))


def _is_address_within(address: bytes, base: bytes) -> bool:
    half = len(base) // 2
    if len(base) not in {8, 32} or len(address) != half:
        return False
    mask = int.from_bytes(base[half:])
    return int.from_bytes(address) & mask == int.from_bytes(base[:half]) & mask
