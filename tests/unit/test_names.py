"""Distinguished names are shown in their order, and no personal number is."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from esign.names import common_name, masked, subject_parts
from tests.support.pki import PKI, der

PKI_ = PKI.create()
KEY = ec.generate_private_key(ec.SECP256R1()).public_key()


def certificate(*parts: tuple[x509.ObjectIdentifier, str]) -> bytes:
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    return der(PKI_.issuing.certify(KEY, subject))


def shown(*parts: tuple[x509.ObjectIdentifier, str]) -> list[tuple[str, str]]:
    return [(p.label, p.value) for p in subject_parts(certificate(*parts))]


def test_an_agency_is_shown_whole_but_for_its_address() -> None:
    assert shown(
        (NameOID.EMAIL_ADDRESS, "syt@danang.gov.vn"),
        (NameOID.USER_ID, "MST:0400260612"),
        (NameOID.USER_ID, "MNS:1047665"),
        (NameOID.COMMON_NAME, "Sở Y tế"),
        (NameOID.ORGANIZATION_NAME, "ỦY BAN NHÂN DÂN THÀNH PHỐ ĐÀ NẴNG"),
        (NameOID.COUNTRY_NAME, "VN"),
    ) == [
        ("E", "s•••@danang.gov.vn"),
        ("MST", "0400260612"),
        ("MNS", "1047665"),
        ("CN", "Sở Y tế"),
        ("O", "ỦY BAN NHÂN DÂN THÀNH PHỐ ĐÀ NẴNG"),
        ("C", "VN"),
    ]


def test_personal_numbers_are_masked() -> None:
    assert shown(
        (NameOID.USER_ID, "CCCD:025199009534"),
        (NameOID.USER_ID, "CMND:012345678"),
        (NameOID.USER_ID, "HC:B1234567"),
        (NameOID.USER_ID, "MST:025199009534"),
        (NameOID.USER_ID, "MST:8012345678"),
        (NameOID.USER_ID, "something else"),
        (NameOID.SERIAL_NUMBER, "PNOEE-38001085718"),
        (NameOID.COMMON_NAME, "MẪU,IGOR,37101010021"),
        (NameOID.STREET_ADDRESS, "Số 1 phố Mẫu"),
    ) == [
        ("CCCD", "•••••••••534"),
        ("CMND", "••••••678"),
        ("HC", "••••••••"),
        ("MST", "•••••••••534"),
        ("MST", "•••••••678"),
        ("UID", "••••••••••••••"),
        ("serialNumber", "••••••••••••••718"),
        ("CN", "MẪU,IGOR,••••••••021"),
        ("2.5.4.9", "••••••••••••"),
    ]


def test_a_branch_of_an_enterprise_has_a_longer_tax_code() -> None:
    assert shown((NameOID.USER_ID, "MST:0313994173-001")) == [("MST", "0313994173-001")]


def test_the_common_name_and_what_cannot_be_read() -> None:
    assert common_name(certificate((NameOID.COMMON_NAME, "Hà Văn Tý"))) == "Hà Văn Tý"
    assert common_name(certificate((NameOID.ORGANIZATION_NAME, "A"))) == ""
    assert subject_parts(b"no certificate") == ()
    assert subject_parts(b"") == ()


@given(st.binary(max_size=64), st.integers(0, 600))
def test_no_bytes_make_it_raise(noise: bytes, at: int) -> None:
    good = certificate((NameOID.COMMON_NAME, "A"), (NameOID.USER_ID, "CCCD:025199009534"))
    damaged = good[:at] + noise + good[at + len(noise) :]
    assert isinstance(subject_parts(damaged), tuple)


@given(st.text(max_size=40))
def test_nine_digits_in_a_row_are_never_shown(text: str) -> None:
    assert "123456789" not in masked(f"{text}123456789012")
