"""A register, what an issuer publishes, and who checks its tokens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.registry import Registry
from esign.service.identity.bearer import BearerTokens
from tests.support.registers import fresh_register
from tests.unit.service.identity.asking import EC_KEY, ED_KEY, ISSUER, RSA_KEY, Clock, Keys, key_set


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    with Registry.open(fresh_register(tmp_path), now=clock) as registry:
        yield registry


@pytest.fixture
def source() -> Keys:
    return Keys(key_set(RSA_KEY, EC_KEY, ED_KEY))


@pytest.fixture
def tokens(source: Keys, clock: Clock) -> BearerTokens:
    return BearerTokens(ISSUER, source, now=clock)
