"""The QR seal: a signed token in a URL that every phone opens, printed as a symbol (docs/spec/seal.md).

>>> from datetime import UTC, datetime
>>> from cryptography.hazmat.primitives.asymmetric import ec
>>> from esign.codes import DocumentNumber, ProcedureCode, ResultId
>>> from esign.seal import Kid, SealClaims, Symbol, digest_of, make, salted
>>> from esign.softkey import SoftwareKey
>>> claims = SealClaims(
...     issued_at=datetime(2026, 11, 21, 3, tzinfo=UTC),
...     result_id=ResultId.parse("ABCD-EFGH-JKMN-PQRS"),
...     status_number=1_234_567,
...     digest=digest_of(salted(b"%PDF-1.7 ... %%EOF", bytes(16))),
...     procedure=ProcedureCode("1.012345"),
...     number=DocumentNumber.parse("15/QĐ-UBND"),
... )
>>> key = SoftwareKey.from_private_key(ec.generate_private_key(ec.SECP256R1()))
>>> token = make(claims, Kid(258, 3), key)
>>> symbol = Symbol.of(token.url("q.gov.vn"))
>>> symbol.level.name, symbol.size_mm
('M', 20.0)
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign.seal.digest import binding, digest_of, salted
    from esign.seal.keys import SealKey, SealKeys
    from esign.seal.mask import MaskedHolder
    from esign.seal.scan import read, seal_urls
    from esign.seal.status import Freshness, StatusAnswer, StatusFiles
    from esign.seal.symbol import Level, Symbol
    from esign.seal.token import UNDISCLOSED, Kid, SealClaims, SealToken, assemble, make, split_url, to_be_signed
    from esign.seal.trust_list import TrustList
    from esign.seal.trust_parts import read_parts
    from esign.seal.verdict import State, Verdict, judge
    from esign.seal.verification import SealReport, verify

__all__ = [
    "UNDISCLOSED",
    "Freshness",
    "Kid",
    "Level",
    "MaskedHolder",
    "SealClaims",
    "SealKey",
    "SealKeys",
    "SealReport",
    "SealToken",
    "State",
    "StatusAnswer",
    "StatusFiles",
    "Symbol",
    "TrustList",
    "Verdict",
    "assemble",
    "binding",
    "digest_of",
    "judge",
    "make",
    "read",
    "read_parts",
    "salted",
    "seal_urls",
    "split_url",
    "to_be_signed",
    "verify",
]

# Who draws a seal needs no status lists and no list of trusted authorities.
if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "digest": "binding digest_of salted",
            "keys": "SealKey SealKeys",
            "mask": "MaskedHolder",
            "scan": "read seal_urls",
            "status": "Freshness StatusAnswer StatusFiles",
            "symbol": "Level Symbol",
            "token": "UNDISCLOSED Kid SealClaims SealToken assemble make split_url to_be_signed",
            "trust_list": "TrustList",
            "trust_parts": "read_parts",
            "verdict": "State Verdict judge",
            "verification": "SealReport verify",
        },
    )
