"""The one guarded way to the network: what is fetched to sign and verify, and what others are told (DESIGN law 10).

>>> client = Client(NetworkRules(inside=("tsa.noi-bo",)), now=lambda: datetime.now(UTC))
>>> client.fetch(Query(kind=Kind.CRL, url="http://crl.example.gov.vn/ca.crl")).body
"""

from esign.net.breaker import BreakerState, Health
from esign.net.cache import Cache
from esign.net.client import Client, Fetched, Identity, Query
from esign.net.kinds import Kind
from esign.net.notices import Notice, Told
from esign.net.rules import NetworkRules

__all__ = [
    "BreakerState",
    "Cache",
    "Client",
    "Fetched",
    "Health",
    "Identity",
    "Kind",
    "NetworkRules",
    "Notice",
    "Query",
    "Told",
]
