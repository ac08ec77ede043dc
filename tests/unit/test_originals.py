"""The two signatures of an original are told apart, and a missing one is its own finding."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from esign.authority import public_key_sha256
from esign.document import SignerRole
from esign.originals import original_checks, role_of
from esign.report import Indication, NamePart, Outcome, SignatureKind, SignatureReport
from tests.support.pki import PKI, der, name

# Distinguished names as Vietnamese authorities write them; numbers are invented.
AGENCY = (
    NamePart(label="MST", value="0400260612"),
    NamePart(label="MNS", value="1047665"),
    NamePart(label="CN", value="Sở Y tế"),
    NamePart(label="O", value="ỦY BAN NHÂN DÂN THÀNH PHỐ MẪU"),
    NamePart(label="C", value="VN"),
)
OFFICIAL = (
    NamePart(label="C", value="VN"),
    NamePart(label="O", value="ỦY BAN NHÂN DÂN TỈNH MẪU"),
    NamePart(label="OU", value="TRƯỜNG THCS MẪU"),
    NamePart(label="CN", value="Hà Văn Tý"),
)
IN_ORGANISATION = (
    NamePart(label="MST", value="0313994173"),
    NamePart(label="CCCD", value="•••••••••534"),
    NamePart(label="CN", value="Công ty Mẫu"),
    NamePart(label="C", value="VN"),
)
PRIVATE = (NamePart(label="MST", value="•••••••678"), NamePart(label="CN", value="A"), NamePart(label="C", value="VN"))
NAMED_ALIKE = (
    NamePart(label="CN", value="UBND Phường Mẫu"),
    NamePart(label="OU", value="UBND  PHƯỜNG MẪU"),
    NamePart(label="C", value="VN"),
)
NAME_ALONE = (NamePart(label="CN", value="Nguyễn Văn Phòng"), NamePart(label="C", value="VN"))
FOREIGN = (NamePart(label="CN", value="Somebody"), NamePart(label="C", value="EE"))


def signature(subject: Sequence[NamePart] = (), **changes: object) -> SignatureReport:
    made = SignatureReport(
        field_name="Signature1",
        kind=SignatureKind.SIGNATURE,
        level="PAdES-B-B",
        covers_whole_file=True,
        signer="",
        certificate_sha256="",
        signing_time=None,
        mechanism="",
        indication=Indication.INDETERMINATE,
        sub_indication=None,
        checks=(),
        subject=tuple(subject),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        (AGENCY, SignerRole.AGENCY),
        (OFFICIAL, SignerRole.PERSON),
        (IN_ORGANISATION, SignerRole.PERSON),
        (PRIVATE, SignerRole.PERSON),
        (NAMED_ALIKE, SignerRole.AGENCY),
        (NAME_ALONE, None),
        (FOREIGN, None),
        ((), None),
    ],
)
def test_the_certificate_tells_the_role_never_by_its_common_name_alone(
    subject: Sequence[NamePart], role: SignerRole | None
) -> None:
    assert role_of(signature(subject), roles={}) is role


def test_configuration_decides_before_names_do() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = der(PKI.create().issuing.certify(key.public_key(), name("Văn Phòng")))
    roles = {public_key_sha256(certificate): SignerRole.AGENCY}
    assert role_of(signature(OFFICIAL, certificates=(certificate,)), roles=roles) is SignerRole.AGENCY
    assert role_of(signature(OFFICIAL, certificates=(b"damaged",)), roles=roles) is SignerRole.PERSON


def codes(*subjects: Sequence[NamePart], required: bool = False) -> list[tuple[str, Outcome]]:
    checks = original_checks([signature(s) for s in subjects], roles={}, required=required)
    return [(c.reason.code if c.reason else "", c.outcome) for c in checks]


@pytest.mark.parametrize(("required", "outcome"), [(False, Outcome.NOTED), (True, Outcome.FAILED)])
def test_what_an_original_lacks(*, required: bool, outcome: Outcome) -> None:
    assert codes(OFFICIAL, AGENCY, required=required) == [("", Outcome.PASSED)]
    assert codes(OFFICIAL, required=required) == [("signature-of-agency-missing", outcome)]
    assert codes(AGENCY, required=required) == [("signature-of-person-missing", outcome)]
    assert codes(AGENCY, OFFICIAL, required=required) == [("agency-signature-came-first", outcome)]


def test_who_is_not_known_may_be_the_missing_one() -> None:
    assert codes(OFFICIAL, NAME_ALONE) == [("signature-roles-unknown", Outcome.NOTED)]
    assert codes(OFFICIAL, NAME_ALONE, required=True) == [("signature-roles-unknown", Outcome.UNKNOWN)]
    assert codes(OFFICIAL, AGENCY, NAME_ALONE, required=True) == [("", Outcome.PASSED)]


def test_other_countries_documents_are_left_alone_unless_somebody_asks() -> None:
    assert codes(FOREIGN) == []
    assert codes() == []
    assert codes(required=True) == [
        ("signature-of-person-missing", Outcome.FAILED),
        ("signature-of-agency-missing", Outcome.FAILED),
    ]


def test_a_signature_that_failed_or_a_time_stamp_is_nobodys() -> None:
    failed = signature(AGENCY, indication=Indication.TOTAL_FAILED)
    stamp = signature(AGENCY, kind=SignatureKind.TIMESTAMP)
    checks = original_checks([signature(OFFICIAL), failed, stamp], roles={}, required=True)
    assert [c.reason.code for c in checks if c.reason] == ["signature-of-agency-missing"]
