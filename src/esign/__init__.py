"""Issue, sign, seal and verify administrative results as PAdES PDFs with a QR seal.

The two workflows are `esign.issuance` and `esign.verification`: read these two files and you know the product.
Importing this package is cheap; the names below load what they need when they are first used.
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign.authority import Authority, AuthorityTable, Capacity
    from esign.codes import AgencyCode, DocumentNumber, DossierCode, ProcedureCode, ResultCode, ResultId
    from esign.delivery import Delivery, FolderDelivery
    from esign.document import Agency, Box, Person, ResultMetadata, SignerRole, Standing, StandingChange
    from esign.errors import Error, PreflightError, VerificationFailed
    from esign.files import Folder
    from esign.issuance import Issuer, Resumed
    from esign.issued import Issued
    from esign.keys import KeyRef, KeyStore, Mechanism, SigningKey
    from esign.pending import Pending
    from esign.profile import TT15, VGCA_COMPAT, IssuanceProfile, Numbering, SealProfile, SignatureProfile
    from esign.registry import NextNumber, Registry
    from esign.report import Indication, Integrity, VerificationReport
    from esign.request import Adopted, Attached, Copied, Filled, Given, Request
    from esign.seal import SealKey, SealKeys
    from esign.softkey import SoftwareKey
    from esign.steps import Step
    from esign.trust import TrustAnchor, TrustStore
    from esign.verification import Verifier

__all__ = [
    "TT15",
    "VGCA_COMPAT",
    "Adopted",
    "Agency",
    "AgencyCode",
    "Attached",
    "Authority",
    "AuthorityTable",
    "Box",
    "Capacity",
    "Copied",
    "Delivery",
    "DocumentNumber",
    "DossierCode",
    "Error",
    "Filled",
    "Folder",
    "FolderDelivery",
    "Given",
    "Indication",
    "Integrity",
    "IssuanceProfile",
    "Issued",
    "Issuer",
    "KeyRef",
    "KeyStore",
    "Mechanism",
    "NextNumber",
    "Numbering",
    "Pending",
    "Person",
    "PreflightError",
    "ProcedureCode",
    "Registry",
    "Request",
    "ResultCode",
    "ResultId",
    "ResultMetadata",
    "Resumed",
    "SealKey",
    "SealKeys",
    "SealProfile",
    "SignatureProfile",
    "SignerRole",
    "SigningKey",
    "SoftwareKey",
    "Standing",
    "StandingChange",
    "Step",
    "TrustAnchor",
    "TrustStore",
    "VerificationFailed",
    "VerificationReport",
    "Verifier",
]

# typst and SQLAlchemy take half a second to import: a clerk's `esign --help` should not wait for them.
if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "authority": "Authority AuthorityTable Capacity",
            "codes": "AgencyCode DocumentNumber DossierCode ProcedureCode ResultCode ResultId",
            "delivery": "Delivery FolderDelivery",
            "document": "Agency Box Person ResultMetadata SignerRole Standing StandingChange",
            "errors": "Error PreflightError VerificationFailed",
            "files": "Folder",
            "issuance": "Issuer Resumed",
            "issued": "Issued",
            "keys": "KeyRef KeyStore Mechanism SigningKey",
            "pending": "Pending",
            "profile": "TT15 VGCA_COMPAT IssuanceProfile Numbering SealProfile SignatureProfile",
            "registry": "NextNumber Registry",
            "report": "Indication Integrity VerificationReport",
            "request": "Adopted Attached Copied Filled Given Request",
            "seal": "SealKey SealKeys",
            "softkey": "SoftwareKey",
            "steps": "Step",
            "trust": "TrustAnchor TrustStore",
            "verification": "Verifier",
        },
    )
