"""What a signature is in itself: the blocks of EN 319 102-1 that need neither trust nor time.

    format checking                                  §5.2.2   `examine`
    identification of the signing certificate        §5.2.3
    cryptographic verification                       §5.2.7

ISO 32000-2 §12.8.3 says what each /SubFilter keeps in /Contents.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from esign.cms import (
    Content,
    EmbeddedCertificate,
    Problem,
    SignedData,
    SignerInfo,
    TimestampToken,
    Validity,
    Value,
    certificate_of,
    parse,
    parse_token,
    verify,
    verify_rsa_sha1,
)
from esign.cms.algorithms import digest_name
from esign.cms.attributes import signing_certificates
from esign.cms.ber import Malformed
from esign.errors import InputError
from esign.pades.signature_dictionary import SignatureDictionary
from esign.pades.signature_kinds import TIMESTAMP
from esign.reasons import Reason
from esign.report import Block, Check, Outcome

__all__ = ["PADES", "PKCS7", "Examined", "check", "examine", "examine_token"]

PADES = "ETSI.CAdES.detached"
PKCS7 = ("adbe.pkcs7.detached", "adbe.pkcs7.sha1")
_RSA_SHA1 = "adbe.x509.rsa_sha1"

_FORMAT = "EN 319 102-1 §5.2.2"
_IDENTIFICATION = "EN 319 102-1 §5.2.3.4"
_CRYPTOGRAPHIC = "EN 319 102-1 §5.2.7.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A signature or token, taken apart and verified as far as that goes."""

    checks: tuple[Check, ...]
    """In the order of the process."""
    signed: SignedData | None = field(default=None, repr=False)
    """The container; None where there is none, or it cannot be read."""
    signer: SignerInfo | None = field(default=None, repr=False)
    """Its signer; of several the first that fails, else the first."""
    certificate: EmbeddedCertificate | None = field(default=None, repr=False)
    """The signing certificate."""
    value: Value | None = None
    """What verifying the value found."""
    token: TimestampToken | None = None
    """The time-stamp, where it is one."""

    signature: bytes = field(default=b"", repr=False)
    """The signature value: what a proof of existence speaks of."""

    @property
    def valid(self) -> bool:
        """Whether form, digest and signature are right; says nothing about trust."""
        found = {(c.name, c.outcome) for c in self.checks}
        names = ("format", "digest", "signature")
        return all((n, Outcome.PASSED) in found and (n, Outcome.FAILED) not in found for n in names)


def check(
    block: Block,
    name: str,
    clause: str,
    code: str = "",
    outcome: Outcome = Outcome.FAILED,
    **facts: object,
) -> Check:
    """A check of `block`; one without a reason code has passed."""
    if not code:
        return Check(name=name, outcome=Outcome.PASSED, clause=clause, block=block)
    return Check(name=name, outcome=outcome, clause=clause, reason=Reason(code, facts), block=block)


def examine(
    dictionary: SignatureDictionary, content: Content | None, *, others: Iterable[EmbeddedCertificate]
) -> Examined:
    """Take the signature apart and verify it over `content`, which is None where the byte range makes no sense.

    `others` are certificates that are known from elsewhere: many Vietnamese containers hold the leaf alone, and some
    not even that.
    """
    form = dictionary.subfilter
    known = tuple(others)
    if form == _RSA_SHA1:
        return _examine_bare(dictionary, content)
    if form != PADES and form not in PKCS7 and not dictionary.timestamp:
        return _malformed("subfilter-unknown", subfilter=form or "-")
    try:
        if dictionary.timestamp:
            if form != TIMESTAMP:
                return _malformed("subfilter-unknown", subfilter=form or "-")
            return examine_token(parse_token(dictionary.contents, known), content)
        signed = parse(dictionary.contents)
    except InputError as e:
        return _malformed("signature-unreadable", problem=e.reason.facts.get("problem", e.code))
    if not signed.signers:
        return replace(_malformed("not-one-signer", count=0), signed=signed)
    form_checks = tuple(_form_checks(signed))
    found = [_examine_signer(signed, signer, form, content, known) for signer in signed.signers]
    examined = [replace(each, checks=(*form_checks, *each.checks)) for each in found]
    return next((each for each in examined if not each.valid), examined[0])


def _malformed(code: str, **facts: object) -> Examined:
    return Examined(checks=(check(Block.FORMAT, "format", _FORMAT, code, Outcome.FAILED, **facts),))


def _form_checks(signed: SignedData) -> Iterator[Check]:
    yield check(Block.FORMAT, "format", _FORMAT)
    if len(signed.signers) > 1:
        # EN 319 142-1 §6.3 and its predecessors want one: with several nobody can tell whose signature it is. Each is
        # verified all the same, for what they signed may be intact.
        count = len(signed.signers)
        yield check(Block.FORMAT, "signers", _FORMAT, "not-one-signer", Outcome.FAILED, count=count)
    named = {digest_name(algorithm) for algorithm in signed.digest_algorithms}
    for signer in signed.signers:
        used = digest_name(signer.digest_algorithm)
        if used not in named:  # the clause lets a verifier refuse it, and no signer is known that writes so
            yield check(Block.FORMAT, "format", "RFC 5652 §5.1", "digest-algorithm-unlisted", algorithm=used)
    if signed.skipped:
        what = ", ".join(dict.fromkeys(signed.skipped))
        yield check(Block.FORMAT, "certificates", "RFC 5652 §10.2", "container-skipped", Outcome.NOTED, what=what)


def _examine_signer(
    signed: SignedData,
    signer: SignerInfo,
    form: str,
    content: Content | None,
    others: tuple[EmbeddedCertificate, ...],
) -> Examined:
    certificate = certificate_of(signed, signer, others)
    checks = list(_identification(signer, certificate))
    value = None
    if content is not None:
        if form == "adbe.pkcs7.sha1":
            value = _verify_sha1(signed, signer, certificate, content)
        else:
            value = _verify_detached(signed, signer, certificate, content)
        checks += _value_checks(value)
    return Examined(
        checks=tuple(checks),
        signed=signed,
        signer=signer,
        certificate=certificate,
        value=value,
        signature=signer.signature,
    )


def _verify_detached(
    signed: SignedData, signer: SignerInfo, certificate: EmbeddedCertificate | None, content: Content
) -> Value:
    """The byte range is what counts; content inside, which should not be there, has to say the same (RFC 5652 §5.4)."""
    value = verify(signer, certificate, content, content_type=signed.content_type)
    if signed.content is None or value.digest is not Validity.VALID:
        return value
    inside = verify(signer, certificate, Content(signed.content), content_type=signed.content_type)
    return replace(value, digest=inside.digest)


def _verify_sha1(
    signed: SignedData, signer: SignerInfo, certificate: EmbeddedCertificate | None, content: Content
) -> Value:
    """The container signs the SHA-1 digest of the byte range, which is inside it (ISO 32000-2 §12.8.3.3.1)."""
    digest = content.digest("sha1")
    inside = digest if signed.content is None else signed.content
    value = verify(signer, certificate, Content(inside), content_type=signed.content_type)
    same = value if inside == digest else replace(value, digest=Validity.INVALID)
    return replace(same, digest_algorithm="sha1")


def _examine_bare(dictionary: SignatureDictionary, content: Content | None) -> Examined:
    """`adbe.x509.rsa_sha1`: no container, the certificate stands in the dictionary (ISO 32000-2 §12.8.3.2)."""
    form = check(Block.FORMAT, "format", _FORMAT)
    # The first is the signer's, those behind it are its issuers (Table 255); nothing else names the signer.
    found = list(_readable(dictionary.certificates[:1]))
    if not found:
        return Examined(checks=(form, *_identification(None, None)))
    checks = [form, check(Block.IDENTIFICATION, "signing-certificate", _IDENTIFICATION)]
    value = verify_rsa_sha1(found[0], dictionary.contents, content) if content is not None else None
    checks += _value_checks(value) if value else ()
    return Examined(checks=tuple(checks), certificate=found[0], value=value, signature=dictionary.contents)


def _readable(certificates: Iterable[bytes]) -> Iterator[EmbeddedCertificate]:
    for der in certificates:
        try:
            yield EmbeddedCertificate.read(der)
        except Malformed:
            continue


def examine_token(token: TimestampToken, content: Content | None) -> Examined:
    """A time-stamp: is it for `content`, and did the authority's key sign it (EN 319 102-1 §5.4)."""
    checks = [*_form_checks(token.signed), *_identification(token.signer, token.certificate)]
    value = None
    if content is not None:
        value = token.verify()
        matches = token.matches(content)
        imprint = {True: Validity.VALID, False: Validity.INVALID, None: Validity.UNSUPPORTED}[matches]
        if imprint is not Validity.VALID and value.digest is Validity.VALID:
            value = replace(value, digest=imprint, unsupported=value.unsupported or token.imprint_algorithm)
        checks += _value_checks(value)
    return Examined(
        checks=tuple(checks),
        signed=token.signed,
        signer=token.signer,
        certificate=token.certificate,
        value=value,
        token=token,
        signature=token.signer.signature,
    )


def _identification(signer: SignerInfo | None, certificate: EmbeddedCertificate | None) -> Iterator[Check]:
    """signing-certificate(-v2) names the certificate that verifies (EN 319 122-1 §5.2.2)."""
    name, clause = "signing-certificate", _IDENTIFICATION
    say: Callable[..., Check] = lambda *args, **facts: check(Block.IDENTIFICATION, name, clause, *args, **facts)  # noqa: E731
    if certificate is None:
        yield say("signing-certificate-not-found", Outcome.UNKNOWN)
        return
    try:
        references = signing_certificates(signer.signed) if signer and signer.signed else ()
    except Malformed:
        yield say("signing-certificate-other")
        return
    if not references:
        yield say("signing-certificate-missing", Outcome.NOTED)
        return
    named = [reference.names(certificate.der) for reference in references]
    if False in named:
        yield say("signing-certificate-other")
    elif None in named:
        algorithm = next(r.algorithm for r, n in zip(references, named, strict=True) if n is None)
        yield say("algorithm-unsupported", Outcome.UNKNOWN, algorithm=algorithm)
    else:
        yield say()
    if not (signer and signer.identifies(certificate)):
        yield say("signing-certificate-identifier-differs")
    elif any(r.serial not in {None, certificate.serial} for r in references):
        yield say("signing-certificate-identifier-differs", Outcome.NOTED)


def _value_checks(value: Value) -> Iterator[Check]:
    """Digest, signature, and what else was found about how it was made."""
    say: Callable[..., Check] = lambda name, *args, **facts: check(  # noqa: E731
        Block.CRYPTOGRAPHIC, name, _CRYPTOGRAPHIC, *args, **facts
    )
    for name, validity, code in (
        ("digest", value.digest, "hash-failure"),
        ("signature", value.signature, "signature-failure"),
    ):
        if validity is Validity.VALID:
            yield say(name)
        elif validity is Validity.INVALID:
            yield say(name, code)
        elif validity is Validity.UNKNOWN:
            yield say(name, "signing-certificate-not-found", Outcome.UNKNOWN)
        else:
            yield say(name, "algorithm-unsupported", Outcome.UNKNOWN, algorithm=value.unsupported or value.mechanism)
    for problem, (name, code, outcome) in _PROBLEMS.items():
        if problem in value.problems:
            yield say(name, code, outcome)


# Missing or second message digests and keys of another kind show as a failed digest or signature already.
_PROBLEMS = {
    Problem.ALGORITHM_PROTECTION: ("signature", "algorithm-protection-differs", Outcome.FAILED),
    Problem.CONTENT_TYPE: ("digest", "content-type-differs", Outcome.FAILED),
    Problem.ATTRIBUTES_MALFORMED: ("attributes", "signature-attributes-malformed", Outcome.NOTED),
    Problem.ATTRIBUTES_NOT_DER: ("attributes", "attributes-not-der", Outcome.NOTED),
    Problem.DIGESTS_DIFFER: ("attributes", "digests-differ", Outcome.NOTED),
}
