"""What `[trust]` of esign.toml makes of files, trusted lists and the system's authorities."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from esign.errors import ConfigurationError, InputError
from esign.trust import AlgorithmPolicy, Purpose, Suite
from esign_cli.config import Config
from esign_cli.trust_files import trust_store, validation_policy
from tests.support.pki import PKI, der, pem
from tests.unit.trust.test_sources import GRANTED, service, trusted_list

PKI_ = PKI.create()
SMALLEST = '[agency]\nname = "Cơ quan MẪU"\ncode = "H26.1.2"\nplace = "Hà Nội"\n[key]\nuri = "pkcs11:object=con-dau"\n'


def load(folder: Path, trust: str) -> Config:
    (folder / "esign.toml").write_text(f"{SMALLEST}\n[trust]\n{trust}", "utf-8")
    return Config.load(folder / "esign.toml")


def test_a_trusted_list_brings_anchors_for_what_it_granted(tmp_path: Path) -> None:
    content = trusted_list(service("TSA/QTST", GRANTED, der(PKI_.issuing.certificate)))
    (tmp_path / "tl.xml").write_bytes(content)
    (tmp_path / "root.pem").write_bytes(pem([PKI_.root.certificate]))
    pinned = hashlib.sha256(content).hexdigest()
    t = load(tmp_path, f'anchors = ["root.pem"]\n[[trust.lists]]\nfile = "tl.xml"\nsha256 = "{pinned}"\n').trust
    store = trust_store(anchors=t.anchors, lists=t.lists)
    assert store.anchors_for(Purpose.DOCUMENT) == (der(PKI_.root.certificate),)
    assert store.anchors_for(Purpose.TIMESTAMP) == (der(PKI_.root.certificate), der(PKI_.issuing.certificate))
    (tmp_path / "tl.xml").write_bytes(content + b" ")
    with pytest.raises(InputError) as refused:
        trust_store(lists=t.lists)
    assert refused.value.code == "fingerprint-differs"


def test_the_systems_authorities_only_where_the_operator_says_so(tmp_path: Path) -> None:
    assert load(tmp_path, "").trust.system_anchors is False
    assert trust_store().anchors == ()
    assert load(tmp_path, "system_anchors = true\n").trust.system_anchors is True
    try:
        assert trust_store(system=True).anchors
    except ConfigurationError as e:
        assert e.code == "system-anchors-missing"  # noqa: PT017  # a system without any


def test_a_table_of_algorithms_takes_the_place_of_ours(tmp_path: Path) -> None:
    assert validation_policy(None).algorithms == AlgorithmPolicy.default()
    (tmp_path / "mine.toml").write_text(
        'version = "mine"\n[digests]\nsha512 = {}\n[schemes]\necdsa = {}\n[keys]\n[curves]\nP-521 = {}\n', "utf-8"
    )
    path = load(tmp_path, 'algorithms = "mine.toml"\n').trust.algorithms
    policy = validation_policy(path).algorithms
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert policy.version == "mine"
    assert policy.weakness(Suite("sha512", "ecdsa", "P-521"), at=now) is None
    assert policy.weakness(Suite("sha256", "ecdsa", "P-256"), at=now) is not None
