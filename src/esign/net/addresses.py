"""Which network addresses are outside: everything else is refused unless the operator lists it.

A certificate, a revocation list or a name server may send us anywhere; services inside an office trust whoever
reaches them. The tables are IANA's special-purpose registries, written out because the standard library's own
judgement changed between patch releases and calls 6to4 global.

https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["Address", "Network", "embedded", "is_outside", "never_reached", "parse"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host, RFC 791; 0.0.0.0 reaches the host itself
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local; the metadata of clouds at .169.254
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",  # 6to4 relays, RFC 7526
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",  # reserved, and 255.255.255.255
            "168.63.129.16/32",  # a cloud's host, reachable from its guests alone
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # all that was ever assigned, RFC 4291 §2.4
_SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",
            "2002::/16",  # 6to4, RFC 7526
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
# The IPv4 address stands in the last 32 bits.
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052; DNS64 gives these for every host that has only IPv4

# What no listing of a name opens: it would be a listing of whatever the name server says next.
_NEVER: tuple[Network, ...] = (
    *map(IPv4Network, ("0.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "224.0.0.0/4", "240.0.0.0/4")),
    *map(IPv6Network, ("::/128", "fe80::/10", "ff00::/8")),
)


def embedded(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped or NAT64 one; any other address itself."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_outside(address: Address) -> bool:
    """Whether it is an address of the public Internet."""
    real = embedded(address)
    if isinstance(real, IPv4Address):
        return not any(real in network for network in _SPECIAL_V4)
    return real in _GLOBAL_V6 and not any(real in network for network in _SPECIAL_V6)


def never_reached(address: Address) -> bool:
    """Whether not even the listing of a host's name permits it: link-local, multicast, unspecified, broadcast."""
    real = embedded(address)
    return any(real in network for network in _NEVER if network.version == real.version)


def parse(text: str) -> Address | None:
    """The address that `text` is, in its one canonical way of writing; None where it is a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None
