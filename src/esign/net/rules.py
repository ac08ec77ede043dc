"""What may be fetched from where: the rules that an operator reviews, and the one reading of a URL they apply to.

URLs come out of certificates, so out of the hands of whoever made a document. A URL is taken only in the one way of
writing that every part of the way reads alike: no user, no fragment, no other spellings of an address.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Self

from esign.errors import ConfigurationError, NetworkError
from esign.net.addresses import Address, Network, is_outside, never_reached, parse

__all__ = ["Destination", "NetworkRules"]

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<target>[/?].*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
# RFC 1123 §2.1; the underscore is in names that authorities really use.
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # resolvers read 2130706433, 0x7f.1 and 127.1 as addresses
_TARGET = re.compile(r"[!-\"$-\[\]-~]*")  # printable, without fragment and backslash (RFC 3986 §3.3)
_LONGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where one request goes, as far as its URL says."""

    scheme: str
    """`http` or `https`."""
    host: str
    """A name in lower case, or an address in its canonical spelling; without brackets."""
    port: int
    """Always there."""
    target: str
    """Path and query."""
    address: Address | None
    """Where the host is an address."""

    @property
    def authority(self) -> str:
        """Host and port: what rests, waits and is counted together."""
        return f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host as a URL writes it."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def host_header(self) -> str:
        """RFC 9110 §7.2: the port only where it is not the scheme's own."""
        return self.bracketed if self.port == _PORTS[self.scheme] else self.authority

    @property
    def url(self) -> str:
        """All of it, normalised."""
        return f"{self.scheme}://{self.host_header}{self.target}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `url`.

        Raises:
            NetworkError: `url-refused`; `problem` names the part that is wrong.
        """
        found = _URL.fullmatch(url) if len(url) <= _LONGEST else None
        if found is None:
            raise NetworkError("url-refused", url=_shown(url), part="URL")
        scheme, authority, target = found["scheme"].lower(), found["authority"], found["target"] or "/"
        if scheme not in _PORTS:
            raise NetworkError("url-refused", url=_shown(url), part="scheme")
        if "@" in authority:
            raise NetworkError("url-refused", url=_shown(url), part="userinfo")
        parts = _AUTHORITY.fullmatch(authority)
        host = parts["host"].lower().removesuffix(".") if parts else ""
        address = parse(host[1:-1] if host.startswith("[") else host)
        if parts is None or (address is None and (not _NAME.fullmatch(host) or _NUMERIC.fullmatch(host))):
            raise NetworkError("url-refused", url=_shown(url), part="host")
        if address is not None and (address.version == 6) != host.startswith("["):
            raise NetworkError("url-refused", url=_shown(url), part="host")
        port = int(parts["port"]) if parts["port"] else _PORTS[scheme]
        if not 0 < port < 65536:
            raise NetworkError("url-refused", url=_shown(url), part="port")
        if not _TARGET.fullmatch(target):
            raise NetworkError("url-refused", url=_shown(url), part="path")
        return cls(
            scheme=scheme,
            host=str(address) if address is not None else host,
            port=port,
            target=target if target.startswith("/") else f"/{target}",
            address=address,
        )


def _shown(url: str) -> str:
    """A URL as a message may repeat it: without its query, which may name a person, and without a password."""
    bare = re.sub(r"//[^/?]*@", "//…@", url.partition("?")[0].partition("#")[0])
    return "".join(c if c.isprintable() and not c.isspace() else "�" for c in bare[:120])


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRules:
    """Where requests may go, and how much of anything they may take."""

    inside: tuple[str, ...] = ()
    """What is not on the public Internet and may be asked all the same: `host`, `host:port`, or a network
    (`10.20.0.0/16`). A host with a port opens that port, too. A name never opens link-local and multicast addresses."""
    only: tuple[str, ...] = ()
    """If there are any, no other hosts are asked; `.gov.vn` stands for all below it."""
    rewrite: Mapping[str, str] = field(default_factory=dict)
    """What certificates call it (`ocsp.ca.ptc`) to what it is called here: `host`, `host:port` or `https://host`."""
    at_once: int = 4
    """How many requests one host gets at the same moment."""
    deadline: timedelta = timedelta(seconds=20)
    """For a whole request: name, connection, TLS, sending and reading together."""
    tls_anchors: tuple[str, ...] = field(default=(), repr=False)
    """Authorities for https, PEM, in the place of the system's."""

    def __post_init__(self) -> None:
        """Find mistakes where they were made.

        Raises:
            ConfigurationError: `network-rule-invalid`.
        """
        for rule in self.inside:
            if self._network(rule) is None:
                _host_of(rule)
        for rule in self.only:
            _host_of(rule.removeprefix("."))
        for old, new in self.rewrite.items():
            _host_of(old)
            _host_of(new)

    def destination(self, url: str) -> Destination:
        """Where `url` leads under these rules; rewriting comes first, every rule applies to what it gives.

        Raises:
            NetworkError: `url-refused`, `host-not-allowed`, `port-not-allowed`, `address-forbidden`.
        """
        found = self._rewritten(Destination.parse(url))
        if self.only and not any(_covers(rule, found.host) for rule in self.only):
            raise NetworkError("host-not-allowed", host=found.host)
        if found.port not in _PORTS.values() and not self._opens_port(found):
            raise NetworkError("port-not-allowed", host=found.host, port=found.port)
        if found.address is not None:
            self.check_address(found, found.address)
        return found

    def check_address(self, destination: Destination, address: Address) -> None:
        """Whether a connection to `address` may be made for `destination`.

        Raises:
            NetworkError: `address-forbidden`.
        """
        if is_outside(address):
            return
        networks = [n for n in map(self._network, self.inside) if n is not None]
        if any(address.version == n.version and address in n for n in networks):
            return
        if self.lists(destination) and not never_reached(address):
            return
        raise NetworkError("address-forbidden", host=destination.host, address=str(address))

    def _rewritten(self, found: Destination) -> Destination:
        new = {k.lower(): v for k, v in self.rewrite.items()}.get(found.host)
        if new is None:
            return found
        to = Destination.parse(new if "://" in new else f"{found.scheme}://{new}")
        return replace(to, target=found.target)

    def lists(self, found: Destination) -> bool:
        """Whether the operator listed its host as inside."""
        return any(rule.lower() in {found.host, found.bracketed, found.authority} for rule in self.inside)

    def _opens_port(self, found: Destination) -> bool:
        return any(rule.lower() == found.authority for rule in (*self.inside, *self.only)) or any(
            Destination.parse(new).authority == found.authority if "://" in new else new.lower() == found.authority
            for new in self.rewrite.values()
        )

    @staticmethod
    def _network(rule: str) -> Network | None:
        try:
            return ip_network(rule) if "/" in rule else None
        except ValueError as e:
            raise ConfigurationError("network-rule-invalid", found=rule) from e


def _covers(rule: str, host: str) -> bool:
    """Whether an allow-list's entry means `host`: itself, or all below `.name`; its port says nothing of others."""
    if rule.startswith("."):
        return host.endswith(rule.lower())
    return _host_of(rule).host == host


def _host_of(rule: str) -> Destination:
    bracketed = f"[{rule}]" if rule.count(":") > 1 and not rule.startswith(("[", "http")) else rule
    try:
        found = Destination.parse(bracketed if "://" in rule else f"http://{bracketed}")
    except NetworkError as e:
        raise ConfigurationError("network-rule-invalid", found=rule) from e
    if found.target != "/":
        raise ConfigurationError("network-rule-invalid", found=rule)
    return found
