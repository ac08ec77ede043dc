"""The signature is that of Standard Webhooks, and secrets come from one key that the register never sees."""

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esign.errors import ConfigurationError
from esign.registry import EndpointId
from esign.webhooks import WebhookKey, is_signed, shown, signature

# The example that the reference implementations of Standard Webhooks test themselves with.
SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
EXPECTED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_example() -> None:
    assert signature(SECRET, id=ID, timestamp=TIMESTAMP, body=BODY) == EXPECTED
    assert shown(SECRET) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_one_of_several_signatures_is_enough() -> None:
    said = {"id": ID, "timestamp": TIMESTAMP, "body": BODY}
    assert is_signed(SECRET, header=f"v1,AAAA v1a,BBBB {EXPECTED}", **said)  # type: ignore[arg-type]  # by a test
    assert not is_signed(SECRET, header="v1,AAAA", **said)  # type: ignore[arg-type]  # by a test


@given(part=st.sampled_from(["secret", "id", "timestamp", "body"]))
def test_every_part_is_signed(part: str) -> None:
    said = {"secret": SECRET, "id": ID, "timestamp": TIMESTAMP, "body": BODY}
    other = {"secret": b"x" * 24, "id": "msg_x", "timestamp": TIMESTAMP + 1, "body": BODY + b" "}[part]
    assert signature(**said | {part: other}) != EXPECTED  # type: ignore[arg-type]  # by a test


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "webhooks.key"
    key = WebhookKey.load(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = WebhookKey.load(path)
    endpoint = EndpointId.random()
    assert again.secret(endpoint, 1) == key.secret(endpoint, 1)
    assert again.check == key.check
    assert list(path.parent.iterdir()) == [path]


def test_secrets_differ_by_key_endpoint_and_generation() -> None:
    one, other = WebhookKey(b"\x01" * 32), WebhookKey(b"\x02" * 32)
    a, b = EndpointId(bytes(10)), EndpointId(bytes(9) + b"\x01")
    found = [one.secret(a, 1), one.secret(a, 2), one.secret(b, 1), other.secret(a, 1)]
    assert len(set(found)) == 4
    assert {len(s) for s in found} == {32}  # Standard Webhooks: 24 to 64 bytes
    assert one.check != other.check


@pytest.mark.parametrize("content", [b"", b"short", base64.b64encode(b"x" * 31), b"\xff\xfe"])
def test_what_is_no_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "webhooks.key"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as e:
        WebhookKey.load(path)
    assert e.value.code == "webhook-key-invalid"


def test_a_key_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as e:
        WebhookKey.load(tmp_path)
    assert e.value.code == "webhook-key-unreadable"
