"""The one guarded way to the network: time-stamps, OCSP, revocation lists and issuing certificates (DESIGN law 10).

>>> client = Client(NetworkRules(inside=("tsa.noi-bo",)), now=lambda: datetime.now(UTC))
>>> client.fetch(Query(kind=Kind.CRL, url="http://crl.example.gov.vn/ca.crl")).body
"""

from esign.net.breaker import BreakerState, Health
from esign.net.cache import Cache
from esign.net.client import Client, Fetched, Identity, Query
from esign.net.kinds import Kind
from esign.net.rules import NetworkRules

__all__ = ["BreakerState", "Cache", "Client", "Fetched", "Health", "Identity", "Kind", "NetworkRules", "Query"]
