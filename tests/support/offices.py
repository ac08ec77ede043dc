"""Offices that are made once for all tests: keys and certificates, to be copied with `Office.copied`."""

from pathlib import Path

import pytest

from tests.support.office import Office

__all__ = ["p256_office", "rsa_office"]


@pytest.fixture(scope="session")
def rsa_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With RSA keys, as most agencies have; nobody works in this folder."""
    return _made(tmp_path_factory, "rsa")


@pytest.fixture(scope="session")
def p256_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With keys that sign faster, where their kind makes no difference; nobody works in this folder."""
    return _made(tmp_path_factory, "p256")


def _made(factory: pytest.TempPathFactory, kind: str) -> Path:
    folder = factory.mktemp("made") / kind
    Office.create(folder, kind=kind).registry.close()
    return folder
