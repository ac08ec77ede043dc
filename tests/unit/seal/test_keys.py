"""The table of seal keys: what is written is read, and nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from esign.errors import SealError
from esign.seal import Kid, SealKey, SealKeys
from esign.softkey import SoftwareKey
from tests.vectors.seal import generate


def table(**changes: Any) -> dict[str, Any]:
    members = json.loads(SealKeys([generate.GOOD]).to_json())
    members["keys"][0] |= changes
    return dict(members)


def refused(code: str, members: object) -> None:
    with pytest.raises(SealError) as caught:
        SealKeys.from_json(members if isinstance(members, str) else json.dumps(members))
    assert caught.value.code == code
    assert "{" not in str(caught.value)


def test_what_is_written_is_read() -> None:
    assert SealKeys.from_json(generate.KEYS.to_json()) == generate.KEYS
    assert hash(SealKeys.from_json(generate.KEYS.to_json())) == hash(generate.KEYS)
    assert SealKeys.from_json(SealKeys().to_json()) == SealKeys()
    assert [key.kid.sequence for key in SealKeys.from_json(generate.KEYS.to_json())] == [1, 2, 3, 4]
    assert len(generate.KEYS) == 4
    assert generate.KEYS.get(Kid(258, 3)) is generate.GOOD
    assert generate.KEYS.get(Kid(3, 258)) is None


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("seal-keys-invalid", {"more": 1}),
        ("seal-keys-invalid", {"name_vi": None}),
        ("seal-keys-invalid", {"not_before": "2026-01-01"}),
        ("seal-keys-invalid", {"not_before": "2026-01-01T00:00:00+07:00"}),
        ("seal-keys-invalid", {"not_before": "2026-1-1T00:00:00Z"}),
        ("seal-keys-invalid", {"not_before": "2026-13-01T00:00:00Z"}),
        ("seal-keys-invalid", {"not_after": "2025-01-01T00:00:00Z"}),
        ("seal-keys-invalid", {"not_after": None}),
        ("seal-keys-invalid", {"revoked_after": 5}),
        ("seal-keys-invalid", {"public_key": "not base64!"}),
        ("seal-keys-invalid", {"public_key": "é"}),
        ("seal-keys-invalid", {"kid": 3}),
        ("seal-keys-invalid", {"signers": None}),
        ("seal-keys-invalid", {"signers": "00" * 32}),
        ("seal-keys-invalid", {"signers": [1]}),
        ("seal-keys-invalid", {"signers": ["00" * 31]}),
        ("seal-keys-invalid", {"signers": ["AB" * 32]}),
        ("seal-keys-invalid", {"signers": ["00" * 32, "00" * 32]}),
        ("seal-claim-invalid", {"kid": "0102003"}),
        ("seal-key-unsuitable", {"public_key": ""}),
        ("seal-host-invalid", {"host": "Q.gov.vn"}),
    ],
)
def test_other_keys_are_refused(code: str, changes: dict[str, Any]) -> None:
    refused(code, table(**changes))


def test_a_table_of_before_there_were_signers_names_none() -> None:
    old = table()
    assert old["keys"][0].pop("signers") == list(generate.GOOD.signers)
    (key,) = SealKeys.from_json(json.dumps(old))
    assert key == replace(generate.GOOD, signers=())


def test_other_tables_are_refused() -> None:
    good = table()
    refused("seal-keys-invalid", "")
    refused("seal-keys-invalid", "[]")
    refused("seal-keys-invalid", "[" * 100_000)
    refused("seal-keys-invalid", good | {"version": 2})
    refused("seal-keys-invalid", good | {"version": True})
    refused("seal-keys-invalid", good | {"more": 1})
    refused("seal-keys-invalid", good | {"keys": [1]})
    refused("seal-keys-invalid", good | {"keys": good["keys"] * 2})
    refused("seal-keys-invalid", json.dumps(good).replace('"host"', '"host": "a.vn", "host"'))
    short = table()
    del short["keys"][0]["host"]
    refused("seal-keys-invalid", short)


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_only_p256_keys_are_seal_keys(key: object) -> None:
    with pytest.raises(SealError, match="not suitable"):
        replace(generate.GOOD, public_key=SoftwareKey.from_private_key(key).public_key)


def test_times_have_zones_and_whole_seconds() -> None:
    for time in (datetime(2026, 1, 1), datetime(2026, 1, 1, microsecond=1, tzinfo=UTC)):  # noqa: DTZ001  # on purpose
        with pytest.raises(SealError, match="table"):
            replace(generate.GOOD, not_before=time)
    assert isinstance(generate.GOOD, SealKey)
