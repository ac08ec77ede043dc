"""Time-stamps from real services, and from services that answer with something else than was asked."""

import hashlib
import urllib.request
from collections.abc import Callable
from datetime import timedelta

import pytest

from esign.cms import der, parse_token
from esign.cms.ber import read
from esign.errors import ConfigurationError, TimestampError
from esign.net import BreakerState, Client, Kind, NetworkRules
from esign.reasons import Reason
from esign.timestamp import TimestampAuthority, Timestamper
from esign.timestamp.request import token_of
from esign.trust import TrustStore
from tests.support.authority import Authorities
from tests.support.hostile import serving
from tests.support.office import NOW
from tests.support.stopwatch import seconds_of, shortest

IMPRINT = hashlib.sha256(b"a signature").digest()


def timestamper(
    pki: Authorities, *urls: str, trust: TrustStore | None = None, policy: str | None = None
) -> Timestamper:
    client = Client(NetworkRules(inside=tuple(u.split("/")[2] for u in urls)), now=lambda: pki.clock.now)
    authorities = [
        TimestampAuthority(name=f"TSA {n}", url=url, policy=policy, deadline=timedelta(minutes=2))
        for n, url in enumerate(urls, 1)
    ]
    return Timestamper(authorities, client=client, trust=trust or pki.trust("root"), now=lambda: pki.clock.now)


def problem(of: Timestamper) -> Reason:
    """Why the only authority gave nothing."""
    with pytest.raises(TimestampError) as caught:
        of.stamp(IMPRINT, digest="sha256")
    assert caught.value.code == "timestamp-unavailable"
    [attempt] = caught.value.attempts
    why = attempt.facts["why"]
    assert isinstance(why, Reason)
    assert why.explain("vi").next_step
    return why


# --- good ones --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["tsa", "sha384", "rsa"])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_a_time_stamp_is_for_what_was_asked(pki: Authorities, service: str, digest: str) -> None:
    found = timestamper(pki, pki.tsa(service)).stamp(hashlib.new(digest, b"x").digest(), digest=digest)
    token = parse_token(found.token)
    assert (found.time, found.authority) == (NOW.replace(microsecond=0), "TSA 1")
    assert token.matches(b"x")
    assert token.verify().valid


def test_what_is_not_known_of_an_authority_is_noted(pki: Authorities) -> None:
    """Nobody gave its revocation list: the time-stamp holds, the record says what was not checked."""
    found = timestamper(pki, pki.tsa("tsa")).stamp(IMPRINT, digest="sha256")
    assert found.notices
    lists = tuple(urllib.request.urlopen(pki.crl(label)).read() for label in ("root", "stamping"))
    known = TrustStore(anchors=pki.trust("root").anchors, crls=lists)
    assert timestamper(pki, pki.tsa("tsa"), trust=known).stamp(IMPRINT, digest="sha256").notices == ()


def test_the_next_authority_is_asked(pki: Authorities) -> None:
    found = timestamper(pki, pki.tsa("expired"), pki.tsa("nowhere"), pki.tsa("tsa")).stamp(IMPRINT, digest="sha256")
    assert found.authority == "TSA 3"
    assert [str(n).partition(":")[0] for n in found.notices[:2]] == ["TSA 1", "TSA 2"]


def test_an_authority_that_fails_is_asked_last_until_it_is_well(pki: Authorities) -> None:
    with serving(good={Kind.TIMESTAMP: b"\x30\x00"}) as server:
        stamper = timestamper(pki, server.url("good", Kind.TIMESTAMP), pki.tsa("tsa"))
        for _ in range(5):
            assert stamper.stamp(IMPRINT, digest="sha256").authority == "TSA 2"
        assert len(server.visits) == 3
        bad, good = stamper.health()
    assert (bad.health.state, good.health.state) == (BreakerState.OPEN, BreakerState.CLOSED)
    assert good.health.latency is not None


def test_the_check_of_all_authorities_says_how_each_does(pki: Authorities) -> None:
    good, bad = timestamper(pki, pki.tsa("tsa"), pki.tsa("stranger")).check()
    assert good.timestamp is not None
    assert good.problem is None
    assert bad.timestamp is None
    assert bad.problem is not None
    assert bad.problem.code == "timestamp-authority-untrusted"


@pytest.mark.parametrize(("authorities", "code"), [([], "timestamp-no-authorities"), (["x"], "timestamp-no-anchors")])
def test_nothing_is_trusted_by_default(authorities: list[str], code: str) -> None:
    named = [TimestampAuthority(name=a, url="http://tsa.example.vn") for a in authorities]
    with pytest.raises(ConfigurationError) as caught:
        Timestamper(named, client=Client(now=lambda: NOW), trust=TrustStore(), now=lambda: NOW)
    assert caught.value.code == code


# --- authorities that may not -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("expired", "timestamp-authority-untrusted"),
        ("other-purpose", "timestamp-authority-untrusted"),
        ("stranger", "timestamp-authority-untrusted"),
        ("ahead", "timestamp-time-off"),
        ("behind", "timestamp-time-off"),
    ],
)
def test_an_authority_that_may_not(pki: Authorities, service: str, code: str) -> None:
    assert problem(timestamper(pki, pki.tsa(service))).code == code


def test_an_authority_that_may_not_be_asked_is_passed_over(pki: Authorities) -> None:
    client = Client(NetworkRules(inside=(pki.url.removeprefix("http://"),)), now=lambda: pki.clock.now)
    named = [("forbidden", "http://10.0.0.1/"), ("nonsense", "ftp://x"), ("good", pki.tsa("tsa"))]
    authorities = [TimestampAuthority(name=name, url=url) for name, url in named]
    stamper = Timestamper(authorities, client=client, trust=pki.trust("root"), now=lambda: pki.clock.now)
    assert stamper.stamp(IMPRINT, digest="sha256").authority == "good"


def test_a_revoked_authority(pki: Authorities) -> None:
    lists = tuple(urllib.request.urlopen(pki.crl(label)).read() for label in ("root", "stamping"))
    known = TrustStore(anchors=pki.trust("root").anchors, crls=lists)
    found = problem(timestamper(pki, pki.tsa("revoked"), trust=known))
    assert found.code == "timestamp-authority-untrusted"


def test_another_policy_than_was_asked_for(pki: Authorities) -> None:
    assert problem(timestamper(pki, pki.tsa("tsa"), policy="1.2.3.4.5")).code in {
        "timestamp-other-policy",
        "timestamp-rejected",
    }


# --- answers that are something else ----------------------------------------------------------------------------------

Ask = Callable[[bytes], bytes]


def _request(body: bytes) -> list[bytes]:
    return [part.encoded for part in read(body).children()]


def _other_nonce(body: bytes, ask: Ask) -> bytes:
    version, imprint, nonce, certificates = _request(body)
    number = int.from_bytes(read(nonce).value, signed=True)
    return ask(der.sequence(version, imprint, der.integer(number + 1), certificates))


def _no_nonce(body: bytes, ask: Ask) -> bytes:
    version, imprint, _, certificates = _request(body)
    return ask(der.sequence(version, imprint, certificates))


def _other_imprint(body: bytes, ask: Ask) -> bytes:
    version, _, nonce, certificates = _request(body)
    algorithm = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.null())
    return ask(der.sequence(version, der.sequence(algorithm, der.octets(bytes(32))), nonce, certificates))


def _other_algorithm(body: bytes, ask: Ask) -> bytes:
    """The same 32 bytes, called a SHA3-256."""
    version, _, nonce, certificates = _request(body)
    algorithm = der.sequence(der.oid("2.16.840.1.101.3.4.2.8"), der.null())
    return ask(der.sequence(version, der.sequence(algorithm, der.octets(IMPRINT)), nonce, certificates))


def _longer_algorithm(body: bytes, ask: Ask) -> bytes:
    version, _, nonce, certificates = _request(body)
    algorithm = der.sequence(der.oid("2.16.840.1.101.3.4.2.3"), der.null())
    return ask(der.sequence(version, der.sequence(algorithm, der.octets(IMPRINT * 2)), nonce, certificates))


def _no_certificate(body: bytes, ask: Ask) -> bytes:
    kind, explicit = read(token_of(ask(body))).children()
    [signed] = explicit.children()
    rest = (part.encoded for part in signed.children() if part.tag != 0xA0)
    token = der.sequence(kind.encoded, der.context(0, der.sequence(*rest)))
    return der.sequence(der.sequence(der.integer(0)), token)


def _status(number: int, *more: bytes) -> bytes:
    return der.sequence(der.sequence(der.integer(number), *more))


def _altered(find: bytes | None, *, at: int = 0) -> Callable[[bytes, Ask], bytes]:
    """One bit of the answer is another one, behind `find`."""

    def act(body: bytes, ask: Ask) -> bytes:
        answer = bytearray(ask(body))
        place = (answer.index(find) + len(find) if find is not None else len(answer)) + at
        answer[place] ^= 1
        return bytes(answer)

    return act


def _without_token(body: bytes, ask: Ask) -> bytes:
    return _status(0)


def _token_as_response(body: bytes, ask: Ask) -> bytes:
    return token_of(ask(body))


def _data_in_place_of_a_token(body: bytes, ask: Ask) -> bytes:
    return der.sequence(der.sequence(der.integer(0)), der.sequence(der.oid("1.2.840.113549.1.7.1")))


def _two_tokens(body: bytes, ask: Ask) -> bytes:
    token = token_of(ask(body))
    return der.sequence(der.sequence(der.integer(0)), token, token)


def _imprint_of_the_token_swapped(body: bytes, ask: Ask) -> bytes:
    """The token of other data, with our digest written over it: the signature is over the other one."""
    return _other_imprint(body, ask).replace(bytes(32), IMPRINT)


_TIME = b"\x18\x0f"  # GeneralizedTime of 15 characters: genTime

ANSWERS: dict[str, tuple[Callable[[bytes, Ask], bytes], str]] = {
    "another nonce": (_other_nonce, "timestamp-other-nonce"),
    "no nonce": (_no_nonce, "timestamp-other-nonce"),
    "another imprint": (_other_imprint, "timestamp-other-imprint"),
    "another algorithm": (_other_algorithm, "timestamp-other-imprint"),
    "a longer algorithm": (_longer_algorithm, "timestamp-other-imprint"),
    "our imprint written into a token of other data": (_imprint_of_the_token_swapped, "timestamp-signature-bad"),
    "no certificate": (_no_certificate, "timestamp-certificate-missing"),
    "the last bit of the signature": (_altered(None, at=-1), "timestamp-signature-bad"),
    "another hour": (_altered(_TIME, at=9), "timestamp-time-off"),
    "another second": (_altered(_TIME, at=13), "timestamp-signature-bad"),
    "rejected": (lambda *_: _status(2), "timestamp-rejected"),
    "rejected, badAlg": (lambda *_: _status(2, b"\x03\x02\x07\x80"), "timestamp-rejected"),
    "waiting": (lambda *_: _status(3), "timestamp-rejected"),
    "revocation warning": (lambda *_: _status(4), "timestamp-rejected"),
    "an unknown status": (lambda *_: _status(99), "timestamp-rejected"),
    "a negative status": (lambda *_: _status(-1), "timestamp-rejected"),
    "granted without a token": (_without_token, "timestamp-response-unreadable"),
    "two tokens": (_two_tokens, "timestamp-response-unreadable"),
    "a token without its response": (_token_as_response, "timestamp-response-unreadable"),
    "an empty sequence": (lambda *_: der.sequence(), "timestamp-response-unreadable"),
    "a status that is no number": (lambda *_: der.sequence(der.sequence(der.null())), "timestamp-response-unreadable"),
    "data in place of a token": (_data_in_place_of_a_token, "timestamp-unreadable"),
    "a token that is empty": (
        lambda *_: der.sequence(der.sequence(der.integer(0)), der.sequence()),
        "timestamp-unreadable",
    ),
    "nested a thousand times": (
        lambda *_: der.sequence(der.sequence(der.integer(0)), _nested(1000)),
        "timestamp-unreadable",
    ),
    "60,000 empty elements": (
        lambda *_: der.sequence(der.sequence(der.integer(0)), der.sequence(der.null() * 30_000)),
        "timestamp-unreadable",
    ),
}


def _nested(depth: int) -> bytes:
    value = b""
    for _ in range(depth):
        value = der.sequence(value)
    return value


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_something_else(pki: Authorities, name: str) -> None:
    act, code = ANSWERS[name]

    def ask(body: bytes) -> bytes:
        request = urllib.request.Request(
            pki.tsa("tsa"), data=body, headers={"Content-Type": "application/timestamp-query"}
        )
        answer: bytes = urllib.request.urlopen(request).read()
        return answer

    with serving(good={Kind.TIMESTAMP: lambda body: act(body, ask)}) as server:
        assert problem(timestamper(pki, server.url("good", Kind.TIMESTAMP))).code == code


def test_an_answer_that_is_played_again(pki: Authorities) -> None:
    kept: list[bytes] = []

    def play(body: bytes) -> bytes:
        if not kept:
            request = urllib.request.Request(
                pki.tsa("tsa"), data=body, headers={"Content-Type": "application/timestamp-query"}
            )
            kept.append(urllib.request.urlopen(request).read())
        return kept[0]

    with serving(good={Kind.TIMESTAMP: play}) as server:
        stamper = timestamper(pki, server.url("good", Kind.TIMESTAMP))
        assert stamper.stamp(IMPRINT, digest="sha256").authority == "TSA 1"
        assert problem(stamper).code == "timestamp-other-nonce"


def test_a_slow_authority_is_given_up_in_time_and_the_next_asked(pki: Authorities) -> None:
    with serving() as server:
        rules = NetworkRules(inside=(server.authority, pki.url.removeprefix("http://")))
        slow = TimestampAuthority(
            name="slow", url=server.url("drips-body", Kind.TIMESTAMP), deadline=timedelta(seconds=1)
        )

        def ask() -> None:
            stamper = Timestamper(
                [slow, TimestampAuthority(name="good", url=pki.tsa("tsa"))],
                client=Client(rules, now=lambda: pki.clock.now),  # knows nothing of the slow one yet
                trust=pki.trust("root"),
                now=lambda: pki.clock.now,
            )
            assert stamper.stamp(IMPRINT, digest="sha256").authority == "good"

        assert shortest(lambda: seconds_of(ask), enough=2.0) <= 2.0
