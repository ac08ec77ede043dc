"""Chain cases over HTTP: what is asked of whom, and which indication of EN 319 102-1 each case must have.

Certificates, lists and answers come from the test PKI through `esign.net`, as they come to a verifier.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from esign.net import Client, NetworkRules
from esign.report import Indication, SubIndication
from esign.trust import (
    CertificateResult,
    Evidence,
    Purpose,
    TrustAnchor,
    TrustStore,
    ValidationPolicy,
    validate_certificate,
)
from esign.trust.gathering import gather
from tests.support.authority import NOW, Authorities
from tests.support.authority.asking import ask

S = SubIndication
DOCUMENT, TIMESTAMP = Purpose.DOCUMENT, Purpose.TIMESTAMP
EXPLICIT = ValidationPolicy(explicit_policy=True, certificate_policies=frozenset({"1.3.6.1.4.1.99999.1"}))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One certificate, what is done to judge it, and what must come out."""

    name: str
    of: str
    """The label of the certificate."""
    expected: SubIndication | None
    """None: TOTAL-PASSED."""
    reason: str = ""
    """Among the reasons of the checks."""
    at: datetime = NOW
    anchors: tuple[str, ...] = ("root",)
    given: tuple[str, ...] = ()
    """Certificates that come along."""
    answers: tuple[str, ...] = ()
    """Responders that are asked about it, instead of those that it names."""
    lists: tuple[str, ...] = ()
    """Lists that come along."""
    offline: bool = False
    """Nothing else is asked."""
    purpose: Purpose = DOCUMENT
    policy: ValidationPolicy = field(default_factory=ValidationPolicy)


def case(name: str, of: str, expected: SubIndication | None = None, reason: str = "", **more: Any) -> Case:
    return Case(name=name, of=of, expected=expected, reason=reason, **more)


LATER = datetime(2027, 7, 1, tzinfo=UTC)
BY = ("issuing",)

# Against `pki.yml`: people, revocation, responders, time-stamping authorities.
ORDINARY = [
    case("a person", "signer"),
    case("an agency", "agency"),
    case("revoked", "revoked", S.REVOKED_NO_POE, "certificate-revoked"),
    case("revoked, key compromised", "compromised", S.REVOKED_NO_POE, "certificate-revoked"),
    case("on hold", "held", S.TRY_LATER, "certificate-on-hold"),
    case("not yet revoked", "revoked-later"),
    case("revoked later, seen later", "revoked-later", S.REVOKED_NO_POE, "certificate-revoked", at=LATER),
    case("expired", "expired", S.OUT_OF_BOUNDS_NO_POE, "certificate-expired"),
    case("not yet valid", "future", S.OUT_OF_BOUNDS_NOT_REVOKED, "certificate-not-yet-valid"),
    case("names nobody to ask", "unlisted", S.TRY_LATER, "revocation-unknown", given=BY),
    case("names nobody, not even its issuer", "unlisted", S.NO_CERTIFICATE_CHAIN_FOUND, "no-path-to-anchor"),
    case("a list alone", "crl-only", given=BY),
    case("a list, but no issuer", "crl-only", S.NO_CERTIFICATE_CHAIN_FOUND, "no-path-to-anchor"),
    case("a responder alone", "ocsp-only"),
    case("a responder of two months ago", "stale-only", S.TRY_LATER, "revocation-stale"),
    case("a responder that does not know it", "unknown", S.TRY_LATER, "ocsp-unknown"),
    case("a responder of the day after tomorrow", "ahead", S.TRY_LATER, "revocation-from-future"),
    case("under a root that nobody trusts", "stranger", S.NO_CERTIFICATE_CHAIN_FOUND, "no-path-to-anchor"),
    case("under another root that is trusted", "stranger", anchors=("other-root",)),
    case("two roots are trusted", "signer", anchors=("other-root", "root")),
    case("nobody is trusted", "signer", S.NO_CERTIFICATE_CHAIN_FOUND, "no-anchors", anchors=()),
    case("an issuing authority is trusted itself", "signer", anchors=BY),
    case("the certificate is trusted itself", "signer", anchors=("signer",)),
    case("trusted itself, and expired", "expired", S.OUT_OF_BOUNDS_NO_POE, "certificate-expired", anchors=("expired",)),
    case("a root signs", "root", S.CHAIN_CONSTRAINTS_FAILURE, "certificate-of-authority"),
    case("an authority signs", "issuing", S.CHAIN_CONSTRAINTS_FAILURE, "certificate-of-authority"),
    case("the issuer answers itself", "signer", given=BY, answers=("by-issuer",), lists=("root",), offline=True),
    case("a delegated responder", "signer", given=BY, answers=("issuing",), lists=("root",), offline=True),
    case(
        "a responder that must be checked, and is",
        "signer",
        given=BY,
        answers=("checked",),
        lists=("root",),
    ),
    case(
        "a responder that must be checked, and cannot be",
        "ocsp-only",
        S.TRY_LATER,
        "revocation-unknown",
        given=BY,
        answers=("checked",),
        lists=("root",),
        offline=True,
    ),
    case(
        "bad news of a responder that cannot be checked",
        "revoked",
        S.REVOKED_NO_POE,
        "certificate-revoked",
        given=BY,
        answers=("checked",),
        lists=("root",),
        offline=True,
    ),
    case(
        "a revoked responder",
        "ocsp-only",
        S.TRY_LATER,
        "ocsp-responder-revoked",
        given=("issuing",),
        answers=("revoked",),
        lists=("root", "issuing"),
        offline=True,
    ),
    case(
        "a responder that nobody delegated",
        "signer",
        S.TRY_LATER,
        "ocsp-not-entitled",
        given=BY,
        answers=("impostor",),
        lists=("root",),
        offline=True,
    ),
    case(
        "bad news of a responder that nobody delegated",
        "revoked",
        S.TRY_LATER,
        "ocsp-not-entitled",
        given=BY,
        answers=("impostor",),
        lists=("root",),
        offline=True,
    ),
    case(
        "bad news, though stale",
        "revoked",
        S.REVOKED_NO_POE,
        "certificate-revoked",
        given=BY,
        answers=("stale",),
        lists=("root",),
        offline=True,
    ),
    case(
        "bad news, and nothing of the issuer",
        "revoked",
        S.REVOKED_NO_POE,
        "certificate-revoked",
        given=BY,
        answers=("issuing",),
        offline=True,
    ),
    case("good news, and nothing of the issuer", "signer", S.TRY_LATER, given=BY, answers=("issuing",), offline=True),
    case(
        "stale and fresh answers: the newest counts",
        "signer",
        given=BY,
        answers=("stale", "issuing"),
        lists=("root",),
        offline=True,
    ),
    case(
        "a list of another authority",
        "crl-only",
        S.TRY_LATER,
        "revocation-unknown",
        given=BY,
        lists=("root", "stamping"),
        offline=True,
    ),
    case("offline, without anything", "signer", S.NO_CERTIFICATE_CHAIN_FOUND, "no-path-to-anchor", offline=True),
    case("offline, with its issuer", "signer", S.TRY_LATER, "revocation-unknown", given=BY, offline=True),
    case(
        "yesterday's answers are not for tomorrow",
        "signer",
        S.TRY_LATER,
        "revocation-unknown",
        given=BY,
        answers=("issuing",),
        lists=("root",),
        offline=True,
        at=NOW + timedelta(days=1),
    ),
    case(
        "an operator who takes older news",
        "signer",
        given=BY,
        answers=("issuing",),
        lists=("root",),
        offline=True,
        at=NOW + timedelta(days=1),
        policy=ValidationPolicy(freshness=timedelta(days=40)),
    ),
    case(
        "an operator who takes only this hour's news",
        "crl-only",
        S.TRY_LATER,
        "revocation-stale",
        given=BY,
        policy=ValidationPolicy(freshness=timedelta(hours=1)),
    ),
    case("a time-stamping authority", "tsa", purpose=TIMESTAMP),
    case("a time-stamping authority with RSA", "tsa-rsa", purpose=TIMESTAMP),
    case("a time-stamping authority, expired", "tsa-expired", S.OUT_OF_BOUNDS_NO_POE, purpose=TIMESTAMP),
    case("a time-stamping authority, revoked", "tsa-revoked", S.REVOKED_NO_POE, purpose=TIMESTAMP),
    case(
        "stamps without being for it",
        "tsa-other-purpose",
        S.CHAIN_CONSTRAINTS_FAILURE,
        "extended-key-usage-timestamp",
        purpose=TIMESTAMP,
    ),
    case("a person stamps", "signer", S.CHAIN_CONSTRAINTS_FAILURE, "extended-key-usage-timestamp", purpose=TIMESTAMP),
    case("a time-stamping authority signs", "tsa", S.CHAIN_CONSTRAINTS_FAILURE, "extended-key-usage"),
    case("a time-stamping authority of nobody", "tsa-stranger", S.NO_CERTIFICATE_CHAIN_FOUND, purpose=TIMESTAMP),
    case("a responder signs", "ocsp", S.CHAIN_CONSTRAINTS_FAILURE, "extended-key-usage"),
]

# Against `chains.yml`: the issuer of each, and its list, are given where nothing names them.
CA = ("issuing",)
STRUCTURE = [
    case("an ordinary path", "plain", given=CA),
    case(
        "an authority below one that allows none",
        "of-below",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "path-too-long",
        given=("below", "issuing"),
    ),
    case(
        "issued by no authority",
        "of-no-authority",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "issuer-not-authority",
        given=("no-authority",),
    ),
    case(
        "issued by who may not",
        "of-no-certificates",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "issuer-key-usage",
        given=("no-certificates",),
    ),
    case(
        "issued by who expired since",
        "of-expired-ca",
        S.OUT_OF_BOUNDS_NO_POE,
        "certificate-expired",
        given=("expired-ca",),
    ),
    case(
        "issued by who is not valid yet",
        "of-future-ca",
        S.OUT_OF_BOUNDS_NO_POE,
        "certificate-not-yet-valid",
        given=("future-ca",),
    ),
    case(
        "issued by who was revoked", "of-revoked-ca", S.REVOKED_CA_NO_POE, "certificate-revoked", given=("revoked-ca",)
    ),
    case("issued by who is on hold", "of-held-ca", S.TRY_LATER, "certificate-on-hold", given=("held-ca",)),
    case(
        "issued by who is not known to be revoked",
        "of-unlisted-ca",
        S.TRY_LATER,
        "revocation-unknown",
        given=("unlisted-ca",),
    ),
    case(
        "an authority with an unknown critical extension",
        "of-odd-ca",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "critical-extension-unknown",
        given=("odd-ca",),
    ),
    case(
        "an unknown critical extension",
        "odd-critical",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "critical-extension-unknown",
        given=CA,
    ),
    case("an unknown extension", "odd-harmless", given=CA),
    case(
        "authorities in a circle",
        "of-loop",
        S.NO_CERTIFICATE_CHAIN_FOUND,
        "no-path-to-anchor",
        given=("a-by-b", "b-by-a"),
    ),
    case("under a root that ours certified", "of-other-root", given=("cross",)),
    case(
        "under a root that ours did not certify", "of-other-root", S.NO_CERTIFICATE_CHAIN_FOUND, given=("other-root",)
    ),
    case("under both roots", "of-other-root", anchors=("root", "other-root"), given=("cross",)),
    case(
        "an authority with RSA-1024",
        "of-weak-ca",
        S.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
        "algorithm-weak",
        given=("weak-ca-rsa1024",),
    ),
    case("signed with SHA-1", "sha1", S.CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "algorithm-weak", given=CA),
    case("P-384 with SHA-384", "of-p384", given=("ca-p384",)),
    case("RSA-PSS", "of-pss", given=("ca-rsa",)),
    case("Ed25519", "of-ed25519", given=("ca-ed25519",)),
    case("a name that its authority may name", "inside", given=("bounded-ca",)),
    case(
        "a name that its authority may not name",
        "outside",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "name-not-permitted",
        given=("bounded-ca",),
    ),
    case("an address within", "mail-inside", given=("bounded-ca",)),
    case(
        "an address outside",
        "mail-outside",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "name-not-permitted",
        given=("bounded-ca",),
    ),
    case(
        "an address that is excluded",
        "mail-excluded",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "name-not-permitted",
        given=("bounded-ca",),
    ),
    case("a host within", "host-inside", given=("bounded-ca",)),
    case(
        "a host that only ends alike",
        "host-outside",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "name-not-permitted",
        given=("bounded-ca",),
    ),
    case("a policy is required and kept", "policy-kept", given=("strict-ca",)),
    case(
        "a policy is required, another is named",
        "policy-other",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "policy-not-acceptable",
        given=("strict-ca",),
    ),
    case(
        "a policy is required, none is named",
        "policy-none",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "policy-not-acceptable",
        given=("strict-ca",),
    ),
    case("a policy is required, any is named", "policy-any", given=("strict-ca",)),
    case("we require a policy, and it is kept", "policy-kept", given=("strict-ca",), policy=EXPLICIT),
    case(
        "we require a policy, and none is named",
        "plain",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "policy-not-acceptable",
        given=CA,
        policy=EXPLICIT,
    ),
    case("we require a policy, and it is mapped", "policy-mapped", given=("mapping-ca",), policy=EXPLICIT),
    case(
        "we require a policy, and it is not mapped to",
        "policy-unmapped",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "policy-not-acceptable",
        given=("mapping-ca",),
        policy=EXPLICIT,
    ),
    case(
        "we require a policy, and any is inhibited",
        "policy-any-inhibited",
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "policy-not-acceptable",
        given=("no-any-ca",),
        policy=EXPLICIT,
    ),
    case("no key usage", "usage-missing", reason="key-usage-missing", given=CA),
    case("a key for encipherment", "usage-encipher", S.CHAIN_CONSTRAINTS_FAILURE, "key-usage", given=CA),
    case("for servers", "purpose-server", S.CHAIN_CONSTRAINTS_FAILURE, "extended-key-usage", given=CA),
    case("for mail", "purpose-mail", given=CA),
    case("for documents", "purpose-documents", given=CA),
    case("for time-stamps alone", "stamps", given=CA, purpose=TIMESTAMP),
    case(
        "for time-stamps, not critical",
        "stamps-not-critical",
        S.CHAIN_CONSTRAINTS_FAILURE,
        "extended-key-usage-timestamp",
        given=CA,
        purpose=TIMESTAMP,
    ),
    case(
        "for time-stamps and more",
        "stamps-and-more",
        S.CHAIN_CONSTRAINTS_FAILURE,
        "extended-key-usage-timestamp",
        given=CA,
        purpose=TIMESTAMP,
    ),
    case("a list of users", "in-users-list", given=("partial-ca",)),
    case("a list of authorities", "in-authorities-list", S.TRY_LATER, "crl-other-scope", given=("partial-ca",)),
    case("a list of some reasons", "in-some-reasons-list", S.TRY_LATER, "crl-some-reasons", given=("partial-ca",)),
    case(
        "on a list of some reasons",
        "in-some-reasons-list-revoked",
        S.REVOKED_NO_POE,
        "certificate-revoked",
        given=("partial-ca",),
    ),
    case("a delta list", "in-delta-list", S.TRY_LATER, "crl-delta", given=("partial-ca",)),
    case("an indirect list", "in-indirect-list", S.TRY_LATER, "revocation-unknown", given=("partial-ca",)),
    case(
        "a list with an unknown critical extension",
        "in-odd-list",
        S.TRY_LATER,
        "revocation-unknown",
        given=("partial-ca",),
    ),
    case(
        "a list signed with SHA-1",
        "in-sha1-list",
        S.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
        "algorithm-weak",
        given=("partial-ca",),
    ),
    case(
        "expired, and its authority remembers",
        "remembered",
        S.OUT_OF_BOUNDS_NOT_REVOKED,
        "certificate-expired",
        given=("forgetful-ca",),
    ),
    case(
        "expired, and its authority has forgotten",
        "remembered-too-late",
        S.OUT_OF_BOUNDS_NO_POE,
        "revocation-after-expiry",
        given=("forgetful-ca",),
    ),
    case(
        "expired after it was revoked",
        "remembered-revoked",
        S.REVOKED_NO_POE,
        "certificate-revoked",
        given=("forgetful-ca",),
    ),
]

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    with Authorities.start(tmp_path_factory.mktemp("ordinary"), now=NOW) as found:
        yield found


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    with Authorities.start(tmp_path_factory.mktemp("odd"), now=NOW, description=HERE / "chains.yml") as found:
        yield found


def judge(pki: Authorities, case: Case) -> CertificateResult:
    pki.clock.now = NOW if case.offline else case.at
    trust = TrustStore(anchors=tuple(TrustAnchor(pki.certificate(label)) for label in case.anchors))
    network = Client(NetworkRules(inside=(pki.url.removeprefix("http://"),)), now=lambda: pki.clock.now)
    evidence = Evidence(certificates=tuple(map(pki.certificate, case.given)))
    evidence |= ask(network, pki, of=case.of, answers=case.answers, lists=case.lists)
    target = pki.certificate(case.of)
    common: dict[str, Any] = {
        "trust": trust,
        "at": case.at,
        "evidence": evidence,
        "purpose": case.purpose,
        "policy": case.policy,
    }
    if case.offline:
        return validate_certificate(target, **common)
    return gather(target, network=network, **common).result


def check(pki: Authorities, case: Case) -> None:
    found = judge(pki, case)
    codes = {c.reason.code for c in found.checks if c.reason is not None}
    assert found.sub_indication is case.expected, codes
    assert found.indication is (Indication.INDETERMINATE if case.expected else Indication.TOTAL_PASSED)
    assert not case.reason or case.reason in codes


@pytest.mark.parametrize("case", ORDINARY, ids=lambda c: c.name)
def test_people_and_authorities(ordinary: Authorities, case: Case) -> None:
    check(ordinary, case)


@pytest.mark.parametrize("case", STRUCTURE, ids=lambda c: c.name)
def test_odd_authorities(odd: Authorities, case: Case) -> None:
    check(odd, case)


def test_there_are_enough_and_each_is_named_once() -> None:
    names = [case.name for case in (*ORDINARY, *STRUCTURE)]
    assert len(names) == len(set(names)) >= 60
    met = {case.expected for case in (*ORDINARY, *STRUCTURE)}
    assert met == {
        None,
        S.REVOKED_NO_POE,
        S.REVOKED_CA_NO_POE,
        S.OUT_OF_BOUNDS_NO_POE,
        S.OUT_OF_BOUNDS_NOT_REVOKED,
        S.TRY_LATER,
        S.NO_CERTIFICATE_CHAIN_FOUND,
        S.CHAIN_CONSTRAINTS_FAILURE,
        S.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        S.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
    }
