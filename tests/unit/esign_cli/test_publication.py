"""Publishing from a folder: alone, and with the keys that count."""

from pathlib import Path

import pytest

from esign.errors import ConfigurationError, RequestInFlight, SealError
from esign.publishing import BucketStore, FolderStore
from esign.registry import Registry
from esign.seal import Kid
from esign.seal.roots import roots_to_json
from esign_cli.config import Config
from esign_cli.publication import host_of, known_seal_keys, publishing_alone, store_at, trusted
from tests.support.site import AGENCY, HOST, KID, NOW, make_site, trust_files

SITE = make_site()


def office(folder: Path, *, agency: int = AGENCY, host: str = HOST, more: str = "") -> Config:
    path = folder / "esign.toml"
    path.write_text(
        f"""
[agency]
code = "H26.1.2"
name = "UBND"
place = "Hà Nội"

[seal]
host = "{host}"
agency_number = {agency}
key_sequence = 3
key = "pkcs11:object=dau-qr"

[trust]
seal_list = "trust-list"
seal_roots = "roots.json"
{more}""",
        "utf-8",
    )
    return Config.load(path)


def with_list(folder: Path) -> None:
    (folder / "roots.json").write_text(roots_to_json((SITE.root,)), "utf-8")
    (folder / "trust-list").mkdir()
    for name, data in trust_files(NOW).items():
        (folder / "trust-list" / name).write_bytes(data)


def test_two_do_not_publish_at_once(register_place: Path | str) -> None:
    """Also from two hosts, where the register is on a server."""
    with Registry.open(register_place, now=lambda: NOW) as one, Registry.open(register_place, now=lambda: NOW) as other:
        for first, second in ((one, other), (other, one), (one, one)):
            with publishing_alone(first), pytest.raises(RequestInFlight) as e, publishing_alone(second):
                pass
            assert e.value.code == "status-publishing"
        with pytest.raises(RequestInFlight, match="somebody else's"), publishing_alone(one):
            raise RequestInFlight("request-in-flight", id="somebody else's")


def test_the_trust_list_counts_before_the_table(tmp_path: Path) -> None:
    config = office(tmp_path)
    assert len(known_seal_keys(config, None, NOW)) == 0
    with_list(tmp_path)
    assert known_seal_keys(config, None, NOW).get(KID) is not None
    table = tmp_path / "own.json"
    table.write_text('{"version": 1, "keys": []}', "utf-8")
    assert len(known_seal_keys(config, table, NOW)) == 0  # what somebody names counts
    (tmp_path / "trust-list/a4.cwt").write_bytes(b"nothing")
    with pytest.raises(SealError) as e:
        known_seal_keys(config, None, NOW)
    assert e.value.code == "trust-list-invalid"


def test_the_own_host_is_what_the_list_says(tmp_path: Path) -> None:
    with_list(tmp_path)
    config = office(tmp_path)
    assert host_of(config, trusted(config, NOW).list).template == f"https://{HOST}/s/{{n}}.cwt"
    for other in (office(tmp_path, agency=7), office(tmp_path, host="other.gov.vn")):
        with pytest.raises(ConfigurationError) as e:
            host_of(other, trusted(other, NOW).list)
        assert e.value.code == "trust-list-without-own-key"
    assert Kid(AGENCY, 3) == KID


def test_a_target_is_a_folder_or_an_address(tmp_path: Path) -> None:
    assert isinstance(store_at(str(tmp_path)), FolderStore)
    pytest.importorskip("obstore")
    assert isinstance(store_at("memory://"), BucketStore)


@pytest.mark.parametrize("kid", ["", "1", "0001010", "000101000", "0001010G", "0001010A"])
def test_a_kid_is_eight_small_hex_digits(tmp_path: Path, kid: str) -> None:
    more = f'[status]\nkey = "pkcs11:object=x"\nkid = "{kid}"\n'
    with pytest.raises(ConfigurationError) as e:
        office(tmp_path, more=more)
    assert e.value.code == "config-choice"
    good = office(tmp_path, more=more.replace(f'"{kid}"', '"00010100"'))
    assert good.status is not None
    assert good.status.kid_bytes == b"\0\1\1\0"
    assert good.status.target == str(tmp_path / "site")
