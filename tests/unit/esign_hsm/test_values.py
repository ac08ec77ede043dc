"""Digests, points and signatures have the forms that PKCS#11 and CMS ask for; texts and exports are complete."""

import hashlib
import re
from pathlib import Path

import pytest
from asn1crypto.algos import DigestInfo, DSASignature
from hypothesis import given
from hypothesis import strategies as st

import esign_hsm
from esign.errors import ConfigurationError
from esign.keys import Mechanism
from esign.texts import catalogue
from esign_hsm import state_dir
from esign_hsm._library import Module
from esign_hsm._objects import _raw_point
from esign_hsm.mechanisms import _WAYS, _digest_info, _ecdsa_sig_value
from esign_hsm.state import hashed
from tests.support.softhsm import softhsm_module

HSM = Path(esign_hsm.__file__).parent


def test_exports() -> None:
    assert esign_hsm.__all__ == sorted(esign_hsm.__all__)
    for name in esign_hsm.__all__:
        assert getattr(esign_hsm, name).__doc__, name


def test_every_reason_has_its_texts() -> None:
    used = set()
    for module in HSM.glob("*.py"):
        text = module.read_text("utf-8")
        used |= set(re.findall(r'(?:Error|NotFound|Unavailable|Reason)\(\s*"([a-z0-9-]+)"', text))
        used |= set(re.findall(r'code = "([a-z-]+)"', text))
        used |= {c for c in re.findall(r'"((?:pin|key|token|module)-[a-z-]+)"', text) if c in catalogue()}
    assert len(used) > 50
    for code in used:
        entry = catalogue()[code]
        for kind in ("what", "next"):
            assert set(entry[kind]) == {"vi", "en"}, code
            facts = [set(re.findall(r"\{(\w+)\}", entry[kind][language])) for language in ("vi", "en")]
            assert facts[0] == facts[1] or code == "pin-pad-missing", code
        assert entry["what"]["en"][0].islower() or entry["what"]["en"][0] in "{P", code
        assert not entry["what"]["en"].endswith("."), code


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
@given(data=st.binary(max_size=100))
def test_digest_info(name: str, data: bytes) -> None:
    parsed = DigestInfo.load(_digest_info(name, data), strict=True)
    assert parsed["digest_algorithm"]["algorithm"].native == name
    assert parsed["digest"].native == hashlib.new(name, data).digest()


@given(size=st.sampled_from([32, 48]), data=st.data())
def test_ecdsa_signatures_become_der(size: int, data: st.DataObject) -> None:
    r, s = (data.draw(st.integers(1, 2 ** (8 * size) - 1)) for _ in "rs")
    der = _ecdsa_sig_value(r.to_bytes(size) + s.to_bytes(size))
    parsed = DSASignature.load(der, strict=True)
    assert (parsed["r"].native, parsed["s"].native) == (r, s)


@given(point=st.binary(min_size=64, max_size=64))
def test_points_with_and_without_an_octet_string(point: bytes) -> None:
    raw = b"\x04" + point
    assert _raw_point(raw, 65) == raw
    assert _raw_point(b"\x04\x41" + raw, 65) == raw


def test_every_mechanism_has_a_way() -> None:
    assert set(_WAYS) == set(Mechanism)


def test_state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESIGN_STATE_DIR", str(tmp_path / "a" / "b"))
    assert state_dir() == tmp_path / "a" / "b"
    assert state_dir().is_dir()
    (tmp_path / "file").touch()
    monkeypatch.setenv("ESIGN_STATE_DIR", str(tmp_path / "file" / "x"))
    with pytest.raises(ConfigurationError) as e:
        state_dir()
    assert e.value.code == "state-dir-unusable"
    monkeypatch.delenv("ESIGN_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert state_dir() in (tmp_path / "xdg" / "esign", Path("/var/lib/esign"))


@pytest.mark.softhsm
def test_a_state_directory_that_cannot_be_locked_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder in the place of the lock file: another user's file would not stop root."""
    monkeypatch.setenv("ESIGN_STATE_DIR", str(tmp_path))
    module = softhsm_module()
    (tmp_path / f"module-{hashed(str(module))}.lock").mkdir()
    with pytest.raises(ConfigurationError) as e:
        Module(module)
    assert e.value.code == "state-dir-unusable"
