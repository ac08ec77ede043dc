"""Until when an algorithm is acceptable, and that an operator's table takes the place of ours."""

from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esign.errors import ConfigurationError
from esign.trust import AlgorithmPolicy, Suite

DEFAULT = AlgorithmPolicy.default()
TABLE = files("esign.trust").joinpath("data/algorithms.toml").read_bytes()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("suite", "when", "weak"),
    [
        (Suite("sha256", "rsa-pkcs1", "RSA-2048"), "2026-11-22", None),
        (Suite("sha256", "rsa-pkcs1", "RSA-2048"), "2030-12-31T23:59:59", None),
        (Suite("sha256", "rsa-pkcs1", "RSA-2048"), "2031-01-01", "RSA-2048"),
        (Suite("sha256", "rsa-pkcs1", "RSA-2047"), "2026-11-22", None),  # a modulus without its first bit
        (Suite("sha256", "rsa-pss", "RSA-3072"), "2056-01-01", None),
        (Suite("sha256", "rsa-pkcs1", "RSA-1024"), "2013-12-31", None),
        (Suite("sha256", "rsa-pkcs1", "RSA-1024"), "2026-11-22", "RSA-1024"),
        (Suite("sha256", "rsa-pkcs1", "RSA-512"), "1999-01-01", "RSA-512"),
        (Suite("sha1", "rsa-pkcs1", "RSA-2048"), "2013-12-31", None),
        (Suite("sha1", "rsa-pkcs1", "RSA-2048"), "2014-01-01", "sha1"),
        (Suite("md5", "rsa-pkcs1", "RSA-1024"), "2026-11-22", "md5"),  # the first of the two that gave out
        (Suite("sha384", "ecdsa", "P-384"), "2056-01-01", None),
        (Suite("sha256", "ecdsa", "brainpoolP256r1"), "2056-01-01", None),
        (Suite("sha256", "ecdsa-plain", "P-256"), "2056-01-01", None),
        (Suite("sha512", "ed25519", "Ed25519"), "2056-01-01", None),
        (Suite("shake_256", "ed448", "Ed448"), "2056-01-01", None),
        (Suite("sha256", "dsa", "DSA-2048"), "2031-01-01", "dsa"),
        (Suite("sha3_256", "ecdsa", "P-521"), "2056-01-01", None),
        (Suite("sha256", "ecdsa", "sect571k1"), "2000-01-01", "sect571k1"),
        (Suite("gost", "ecdsa", "P-256"), "2026-11-22", "gost"),
        (Suite("sha256", "1.2.3", "P-256"), "2026-11-22", "1.2.3"),
        (Suite("sha256", "ecdsa", ""), "2026-11-22", "-"),
    ],
)
def test_the_table_that_comes_with_it(suite: Suite, when: str, weak: str | None) -> None:
    found = DEFAULT.weakness(suite, at=at(when))
    assert (found.algorithm if found else None) == weak


def test_what_is_not_known_was_never_acceptable() -> None:
    found = DEFAULT.weakness(Suite("gost", "ecdsa", "P-256"), at=at("1999-01-01"))
    assert found is not None
    assert found.until is None
    known = DEFAULT.weakness(Suite("sha1", "ecdsa", "P-256"), at=at("2026-01-01"))
    assert known is not None
    assert known.until == at("2014-01-01")


def test_when_a_suite_ends() -> None:
    assert DEFAULT.until(Suite("sha256", "ecdsa", "P-256")) is None
    assert DEFAULT.until(Suite("sha224", "rsa-pkcs1", "RSA-2048")) == at("2031-01-01")
    assert DEFAULT.until(Suite("sha1", "rsa-pkcs1", "RSA-2048")) == at("2014-01-01")


def test_an_operators_table_takes_its_place() -> None:
    stricter = TABLE.replace(b"P-256 = {}", b"P-256 = { until = 2026-06-01 }").replace(b'"2026-11-22"', b'"mine 1"')
    policy = AlgorithmPolicy.from_toml(stricter)
    assert policy.version == "mine 1"
    assert policy.sha256 != DEFAULT.sha256
    assert policy.weakness(Suite("sha256", "ecdsa", "P-256"), at=at("2026-11-22")) is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"version = ",
        b"version = '1'",
        TABLE.replace(b"until = 2004-08-17", b"until = 'soon'"),
        TABLE.replace(b"until = 2004-08-17", b"till = 2004-08-17"),
        TABLE.replace(b"1024 =", b"many ="),
        TABLE.replace(b"sha256 = {}", b"sha256 = 1"),
        TABLE.replace(b"[schemes]", b"[digest-schemes]"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError) as refused:
        AlgorithmPolicy.from_toml(content)
    assert refused.value.code == "algorithms-unreadable"


@given(st.text(max_size=12), st.text(max_size=12), st.from_regex(r"\A(RSA|DSA|P|X)?-?[0-9]{0,6}\Z"))
def test_any_names_have_an_answer(digest: str, scheme: str, key: str) -> None:
    suite = Suite(digest, scheme, key)
    weak = DEFAULT.weakness(suite, at=at("2026-11-22"))
    assert weak is not None or suite.digest in DEFAULT.digests
