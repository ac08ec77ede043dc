"""Ten thousand random tokens and every bit of many: our core and the `cwt` library say the same."""

import random
from datetime import UTC, datetime, timedelta

import cbor2
import cwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from esign.codes import DocumentNumber, ProcedureCode, ResultId
from esign.errors import SealError
from esign.seal import Kid, MaskedHolder, SealClaims, SealToken, make
from esign.softkey import SoftwareKey
from tests.unit.seal.strategies import NAMES, SYMBOLS
from tests.vectors.seal import generate

KEY = SoftwareKey.from_private_key(generate.KEY)
PEM = generate.KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
MANY = 10_000


def token(dice: random.Random) -> SealToken:
    issued = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(10**9))
    claims = SealClaims(
        issued_at=issued,
        result_id=ResultId(dice.randbytes(10)),
        status_number=dice.randrange(1 << dice.choice([5, 8, 16, 32])),
        digest=dice.randbytes(16),
        procedure=ProcedureCode.from_number(dice.randrange(10_000_000)),
        number=DocumentNumber(
            dice.randrange(1, 10_000), dice.choice([None, dice.randrange(2020, 2099)]), dice.choice(SYMBOLS)
        ),
        holder=MaskedHolder.of(dice.choice(NAMES)) if dice.random() < 0.7 else None,
        expires=issued + timedelta(days=dice.randrange(1, 4000)) if dice.random() < 0.3 else None,
    )
    return make(claims, Kid(dice.randrange(1 << 16), dice.randrange(1 << 16)), KEY)


def ours(data: bytes) -> bool:
    try:
        SealToken.parse(data).check(generate.PUBLIC_KEY)
    except SealError:
        return False
    return True


def cwt_reads(data: bytes, kid: Kid) -> bytes | None:
    """The payload of a token that verifies, as `cwt` says."""
    try:
        return bytes(cwt.COSE.new().decode(b"\xd2" + data, cwt.COSEKey.from_pem(PEM, kid=bytes(kid), alg="ES256")))
    except Exception:  # whatever it raises, it does not accept
        return None


@pytest.mark.slow
def test_ten_thousand_tokens_agree_with_cwt() -> None:
    dice = random.Random(2026)
    both = changed_accepted = 0
    for _ in range(MANY):
        made = token(dice)
        data = bytes(made)
        payload = cwt_reads(data, made.kid)
        assert payload == cbor2.loads(data)[2]
        assert ours(data)
        assert SealToken.from_digits(made.digits) == made
        both += 1
        # And with one byte changed: what we accept, cwt accepts (it reads more spellings than we do).
        changed = bytearray(data)
        changed[dice.randrange(len(data))] ^= dice.randrange(1, 256)
        accepted = ours(bytes(changed))
        assert not accepted
        changed_accepted += cwt_reads(bytes(changed), made.kid) is not None
    assert both == MANY
    assert changed_accepted < MANY // 100


def test_every_bit_of_many_tokens_matters() -> None:
    dice = random.Random(7)
    for _ in range(25):
        data = bytes(token(dice))
        assert ours(data)
        number = int.from_bytes(data, "big")
        for bit in range(8 * len(data)):
            assert not ours((number ^ 1 << bit).to_bytes(len(data), "big")), bit


def test_every_digit_of_a_token_matters() -> None:
    made = token(random.Random(8))
    for position, digit in enumerate(made.digits):
        for other in "0123456789":
            if other != digit:
                changed = made.digits[:position] + other + made.digits[position + 1 :]
                with pytest.raises(SealError):
                    SealToken.from_digits(changed).check(generate.PUBLIC_KEY)
