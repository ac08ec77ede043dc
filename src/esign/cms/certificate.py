"""As much of a certificate as a CMS container speaks of: its names, its number, its key (RFC 5280 §4.1).

Certificates that strict parsers refuse occur on real cards; whether one is any good is for `esign.trust` to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from esign.cms.ber import SEQUENCE, SET, Malformed, read

__all__ = ["EmbeddedCertificate"]

_KEY_IDENTIFIER, _COMMON_NAME = "2.5.29.14", "2.5.4.3"
_STRINGS = {0x0C: "utf-8", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedCertificate:
    """A certificate of a container, looked at just closely enough to find the signer's."""

    der: bytes = field(repr=False)
    """The whole of it."""
    issuer: bytes = field(repr=False)
    """Its issuer's name, encoded."""
    subject: bytes = field(repr=False)
    """Its subject, encoded."""
    serial: int
    """Its serial number, as it stands: some are negative or padded."""
    public_key: bytes = field(repr=False)
    """SubjectPublicKeyInfo, encoded."""
    key_identifier: bytes | None = field(repr=False)
    """subjectKeyIdentifier (§4.2.1.2)."""

    @property
    def common_name(self) -> str:
        """The subject's common name as it is spelled; several side by side, empty where there is none."""
        try:
            return ", ".join(_common_names(self.subject))
        except (Malformed, UnicodeDecodeError):
            return ""

    @classmethod
    def read(cls, der: bytes) -> "EmbeddedCertificate":
        """Read `der`.

        Raises:
            Malformed: It is no certificate.
        """
        return _read(der)


def _common_names(name: bytes) -> Iterator[str]:
    for rdn in read(name).children():
        for pair in rdn.items(SET):
            kind, value, *_ = pair.items(SEQUENCE, least=2)
            if kind.oid() == _COMMON_NAME:
                yield value.value.decode(_STRINGS.get(value.tag, "latin-1"))


@lru_cache(maxsize=512)
def _read(der: bytes) -> EmbeddedCertificate:
    parts = read(der).items(SEQUENCE, least=3)[0].items(SEQUENCE, least=6)
    if parts[0].tag == 0xA0:  # version; left out by v1
        parts.pop(0)
    if len(parts) < 6:
        raise Malformed("a certificate without key")
    serial, _, issuer, _, subject, key, *rest = parts
    identifier = None
    for extensions in (e for e in rest if e.tag == 0xA3):
        for extension in extensions.children()[0].children() if extensions.children() else ():
            kind, *_, value = extension.items(SEQUENCE, least=2)
            if kind.oid() == _KEY_IDENTIFIER:
                identifier = read(value.octets()).octets()
    return EmbeddedCertificate(
        der=der,
        issuer=issuer.expect(SEQUENCE).encoded,
        subject=subject.expect(SEQUENCE).encoded,
        # As some cards pad it, or write a negative one: it is compared, never counted with.
        serial=int.from_bytes(serial.expect(0x02).value, signed=True),
        public_key=key.expect(SEQUENCE).encoded,
        key_identifier=identifier,
    )
