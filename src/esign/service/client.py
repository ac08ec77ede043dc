"""Who counts as one client where it is counted how often somebody asks, or fails."""

import ipaddress

from starlette.requests import HTTPConnection

__all__ = ["client_of"]


def client_of(request: HTTPConnection) -> str:
    """Who counts as one client for limits: an address, and with IPv6 its network of 56 bits, which one house has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host  # a socket of this machine has no address
    if address.version == 4:
        return host
    return str(ipaddress.ip_network(f"{host}/56", strict=False).network_address)
