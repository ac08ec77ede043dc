"""The two signatures of an original: the competent person's and the agency's (NĐ 30/2020/NĐ-CP Đ.5).

A document that only one of them signed may be sound in every byte and is still no original. Who signed in which role
is told by configuration, by public key; else by what the certificate itself says, and never by its common name alone
(a person can be called `Văn Phòng`).

>>> [c.reason.code for c in original_checks(report.signatures, roles={}, required=True)]
['signature-of-agency-missing']
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from esign.authority import public_key_sha256
from esign.document import SignerRole
from esign.errors import InputError
from esign.names import subject_parts
from esign.reasons import Reason
from esign.report import Block, Check, Indication, NamePart, Outcome, SignatureKind, SignatureReport

__all__ = ["original_checks", "role_of"]

_CLAUSE = "NĐ 30/2020/NĐ-CP Đ.5"
_ORDER = "NĐ 30/2020/NĐ-CP Đ.32.2.d"
_MISSING = {
    SignerRole.PERSON: "signature-of-person-missing",
    SignerRole.AGENCY: "signature-of-agency-missing",
}

# A natural person's own numbers and names; an organisation's certificate has none of them.
_PERSONAL = frozenset({"CCCD", "CMND", "HC", "BHXH", "SN", "GN", "T"})
_ORGANISATION = frozenset({"MST", "MNS", "organizationIdentifier"})
# EN 319 412-1 §5.1.3: identity numbers of natural persons inside a serialNumber.
_PERSON_NUMBER = re.compile(r"(PAS|IDC|PNO|TIN)[A-Z]{2}-")
# The first word of nearly every Vietnamese personal name; `đoàn` and `văn` begin offices as well.
_FAMILY_NAMES = frozenset(
    unicodedata.normalize("NFC", name)
    for name in re.findall(
        r"\w+",
        """nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đào vương trịnh trương mai hà tô cao
        đinh châu lưu thái tạ phùng tống đồng quách thạch nông lương triệu lò hứa khuất kiều mạc nghiêm la bế chu doãn
        giang hầu lục ma ông quản sầm thân thiều tăng vi y ksor rơ siu lường cà vàng giàng sùng thào lầu mùa hờ cháng
        tẩn chẻo lù danh ninh phí tiêu ứng âu bạch cù diệp đàm đậu""",
    )
)
_NAME_WORDS = range(2, 7)


def role_of(signature: SignatureReport, *, roles: Mapping[str, SignerRole]) -> SignerRole | None:
    """In which role `signature` was made; None where neither `roles` nor the certificate tells.

    `roles` are public keys (`esign.authority.public_key_sha256`) whose role is known.
    """
    if signature.certificates:
        try:
            known = roles.get(public_key_sha256(signature.certificates[0]))
        except InputError:
            known = None
        if known is not None:
            return known
    return _by_name(_subject(signature))


def original_checks(
    signatures: Sequence[SignatureReport], *, roles: Mapping[str, SignerRole], required: bool
) -> tuple[Check, ...]:
    """What an original lacks: a signature of one of the two, or their order.

    A caller who needs an original (`required`) gets failures; to others the same is a remark, and documents that
    have nothing to do with Vietnam get none.
    """
    counted = [s for s in signatures if s.kind is SignatureKind.SIGNATURE and _counts(s)]
    if not required and not any(_is_vietnamese(s) for s in counted):
        return ()
    found = [role_of(s, roles=roles) for s in counted]
    checks = list(_missing(found, required=required)) or list(_order(found, required=required))
    return tuple(checks) or (Check(name="original", outcome=Outcome.PASSED, clause=_CLAUSE, block=Block.STANDING),)


def _counts(signature: SignatureReport) -> bool:
    return signature.intact and signature.indication is not Indication.TOTAL_FAILED


def _missing(found: Sequence[SignerRole | None], *, required: bool) -> Iterator[Check]:
    absent = [role for role in SignerRole if role not in found]
    if len(absent) <= found.count(None):
        # Those whose role nobody knows may be the missing ones.
        if absent:
            outcome = Outcome.UNKNOWN if required else Outcome.NOTED
            yield _check("signature-roles-unknown", _CLAUSE, outcome, count=found.count(None))
        return
    for role in absent:
        yield _check(_MISSING[role], _CLAUSE, Outcome.FAILED if required else Outcome.NOTED)


def _order(found: Sequence[SignerRole | None], *, required: bool) -> Iterator[Check]:
    """The records clerk uses the agency's key only on what carries the competent person's signature."""
    if None not in found and found.index(SignerRole.AGENCY) < found.index(SignerRole.PERSON):
        yield _check("agency-signature-came-first", _ORDER, Outcome.FAILED if required else Outcome.NOTED)


def _check(code: str, clause: str, outcome: Outcome, **facts: object) -> Check:
    return Check(name="original", outcome=outcome, clause=clause, reason=Reason(code, facts), block=Block.STANDING)


def _subject(signature: SignatureReport) -> tuple[NamePart, ...]:
    if signature.subject or not signature.certificates:
        return signature.subject
    return subject_parts(signature.certificates[0])


def _is_vietnamese(signature: SignatureReport) -> bool:
    return any(part.label == "C" and part.value.upper() == "VN" for part in _subject(signature))


def _by_name(subject: Sequence[NamePart]) -> SignerRole | None:
    labels = {part.label for part in subject}
    numbers = [part.value for part in subject if part.label == "serialNumber"]
    if labels & _PERSONAL or any(_PERSON_NUMBER.match(n) for n in numbers) or _has_own_tax_code(subject):
        return SignerRole.PERSON
    if labels & _ORGANISATION:
        return SignerRole.AGENCY
    # Nothing but names: the common name needs a second witness, the organisation in the same certificate.
    common = next((_folded(p.value) for p in subject if p.label == "CN"), "")
    around = {_folded(p.value) for p in subject if p.label in {"O", "OU"}}
    if common and common in around:
        return SignerRole.AGENCY
    return SignerRole.PERSON if around and _is_personal_name(common) else None


def _has_own_tax_code(subject: Sequence[NamePart]) -> bool:
    """A person's tax code is masked, an enterprise's is not."""
    return any(part.label == "MST" and not part.value[:1].isdigit() for part in subject)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _is_personal_name(common: str) -> bool:
    words = common.split()
    return len(words) in _NAME_WORDS and words[0] in _FAMILY_NAMES and all(w.isalpha() for w in words)
