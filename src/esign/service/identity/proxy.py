"""Client certificates that a proxy in front has asked for and checked (mTLS), handed on in a header.

Only a configured peer is believed: the proxy's address, or the unix socket that it alone can open. From anybody else
the header is nothing. The certificate itself is pinned by its SHA-256; names in it open nothing.

    Client-Cert: :MIIB…:      RFC 9440: DER in base64 between colons
    X-SSL-Client-Cert: -----BEGIN%20CERTIFICATE-----…     PEM, escaped as in a URL (nginx `$ssl_client_escaped_cert`)
"""

import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import unquote

from starlette.requests import HTTPConnection

from esign.codes import AgencyCode
from esign.errors import ServiceError
from esign.registry.persons import named, person_code
from esign.service.access import Principal, Role

__all__ = ["ClientCertificates", "Pin"]

_MOST_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A certificate that opens something."""

    name: str
    """Whose it is: the audit says `mtls:<name>`."""
    sha256: str
    """Of the certificate in DER, hex."""
    roles: Mapping[AgencyCode, frozenset[Role]]
    """What it opens."""
    person: str = ""
    """Who has it, as their other credentials say it; empty for a program's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificates:
    """Finds whose a client certificate is."""

    header: str = "Client-Cert"
    """Where the proxy puts it, having removed what a client put there."""
    peers: Sequence[IPv4Network | IPv6Network] = ()
    """The proxy's addresses."""
    unix_socket: bool = False
    """Whether everything comes through a unix socket that only the proxy can open."""
    pins: Sequence[Pin] = field(default=())
    """Which certificates open something."""

    def principal(self, request: HTTPConnection) -> Principal | None:
        """Whoever the certificate names; None where no believed proxy showed one.

        Raises:
            ServiceError: `credentials-rejected`.
        """
        shown = request.headers.getlist(self.header)
        if not shown or not self._believes(request):
            return None
        if len(shown) != 1 or len(shown[0]) > _MOST_BYTES:
            raise ServiceError("credentials-rejected")
        found = hashlib.sha256(_der(shown[0])).hexdigest()
        known = [pin for pin in self.pins if hmac.compare_digest(pin.sha256.lower(), found)]
        if not known:
            raise ServiceError("credentials-rejected")
        return Principal(name=named(f"mtls:{known[0].name}", person_code(known[0].person)), roles=known[0].roles)

    def _believes(self, request: HTTPConnection) -> bool:
        """By the socket's own peer: what a header says of addresses is the client's word."""
        peer: tuple[str, int] | None = request.scope.get("esign.peer", request.scope.get("client"))
        if peer is None or not peer[0]:
            return self.unix_socket
        try:
            address = ip_address(peer[0])
        except ValueError:
            return False
        return any(address in network for network in self.peers)


def _der(shown: str) -> bytes:
    shown = shown.strip()
    try:
        if shown.startswith(":") and shown.endswith(":"):
            return base64.b64decode(shown[1:-1], validate=True)
        return ssl.PEM_cert_to_DER_cert(unquote(shown, errors="strict"))
    except (binascii.Error, ValueError) as e:
        raise ServiceError("credentials-rejected") from e
