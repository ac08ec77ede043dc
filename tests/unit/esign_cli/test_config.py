"""esign.toml: what it means, and how every mistake in it is named."""

import os
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esign.errors import ConfigurationError
from esign.profile import TT15, ContentPolicy, DuplicatePolicy
from esign_cli.config import Config, find
from esign_cli.config.keys import PinKind

EXAMPLE = files("esign_cli").joinpath("example.toml").read_text("utf-8")
SMALLEST = '[agency]\ncode = "H26.1.2"\nname = "UBND"\nplace = "Hà Nội"\n'


def load(folder: Path, text: str) -> Config:
    path = folder / "esign.toml"
    path.write_text(text, "utf-8")
    return Config.load(path)


def refused(folder: Path, text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as raised:
        load(folder, text)
    return raised.value


def test_the_example_is_a_configuration_and_says_the_defaults(tmp_path: Path) -> None:
    example, smallest = load(tmp_path, EXAMPLE), load(tmp_path, SMALLEST)
    assert example.issuance == smallest.issuance
    assert example.paths == smallest.paths
    assert example.trust.anchors == smallest.trust.anchors == ()
    assert example.agency.seal_image is None
    assert example.profile.seal is not None
    assert example.profile.seal.host == "q.example.gov.vn"


def test_the_example_explains_every_key_in_both_languages() -> None:
    lines = EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith(("#", "[")):
            assert lines[number - 1].startswith("# "), line
            assert (
                " / " in lines[number - 1]
                or "hoặc/or" in lines[number - 1]
                or "xem/see" in lines[number - 1]
                or ('"prompt"' in lines[number - 1])
            ), line


def test_the_example_has_every_key(tmp_path: Path) -> None:
    found = tomlkit.parse(EXAMPLE).unwrap()
    config = load(tmp_path, EXAMPLE)
    for name, table in found.items():
        section = getattr(config, name)
        # A table that most leave out stands there as a comment.
        left_out = set(re.findall(rf"^# \[{name}\.(\w+)\]", EXAMPLE, re.MULTILINE))
        assert set(table) | left_out == set(section.__slots__), name


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, SMALLEST + '[trust]\nanchors = ["roots", "/etc/root.pem"]\n')
    assert config.paths.registry == tmp_path / "register.sqlite"
    assert config.trust.anchors == (tmp_path / "roots", Path("/etc/root.pem"))


def test_values_become_what_they_name(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        SMALLEST + '[issuance]\nsignature = "tt15"\nduplicates = "warn"\nactive_content = "allow"\n'
        '[seal]\nhost = "q.gov.vn"\nagency_number = 7\nsize_mm = 25\nkey = "pkcs11:object=dau-qr"\n',
    )
    profile = config.profile
    assert profile.signature == TT15
    assert profile.duplicates is DuplicatePolicy.WARN
    assert profile.active_content is ContentPolicy.ALLOW
    assert profile.seal is not None
    assert (profile.seal.agency_number, profile.seal.size_mm) == (7, 25.0)


@pytest.mark.parametrize(
    ("pin", "kind"),
    [
        ('"prompt"', PinKind.PROMPT),
        ('"pin-pad"', PinKind.PIN_PAD),
        ('{file = "pin"}', PinKind.FILE),
        ("{fd = 3}", PinKind.FD),
        ('{credential = "token-pin"}', PinKind.CREDENTIAL),
    ],
)
def test_a_pin_comes_from_somewhere(tmp_path: Path, pin: str, kind: PinKind) -> None:
    assert load(tmp_path, f"{SMALLEST}[key]\npin = {pin}\n").key.pin.kind is kind


@pytest.mark.parametrize("pin", ['"12345678"', "12345678", '{pin = "12345678"}', '{file = "a", fd = 12345678}', "true"])
def test_a_pin_is_never_written_there_and_never_repeated(tmp_path: Path, pin: str) -> None:
    error = refused(tmp_path, f"{SMALLEST}[key]\npin = {pin}\n")
    assert error.code == "config-pin"
    assert "12345678" not in f"{error!r} {error} {error.reason.facts}"


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        ("[agency", "config-not-toml", None),
        ("", "config-missing-key", "[agency]"),
        ('[agency]\ncode = "H26"\nname = "UBND"\n', "config-missing-key", "agency.place"),
        (SMALLEST + "[isuance]\n", "config-unknown-key", "isuance"),
        (SMALLEST + "[issuance]\nvisibel = true\n", "config-unknown-key", "issuance.visibel"),
        (SMALLEST + '[issuance]\nvisible = "true"\n', "config-wrong-type", "issuance.visible"),
        (SMALLEST + "[issuance]\nvisible = 1\n", "config-wrong-type", "issuance.visible"),
        (SMALLEST + '[issuance]\nsignature = "rsa"\n', "config-choice", "issuance.signature"),
        (SMALLEST + "issuance = 3\n", "config-unknown-key", "agency.issuance"),
        (SMALLEST + '[trust]\nanchors = "root.pem"\n', "config-wrong-type", "trust.anchors"),
        (SMALLEST + "[trust]\nanchors = [1]\n", "config-wrong-type", "trust.anchors"),
        (SMALLEST + '[key]\nuri = "token=x"\n', "config-value", "key.uri"),
        (SMALLEST.replace("H26.1.2", "?"), "config-value", "agency.code"),
        (SMALLEST + "[seal]\nagency_number = 1\n", "config-missing-key", "seal.host"),
        (SMALLEST + "[softhsm]\n", "config-missing-key", "softhsm.conf"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, code: str, key: str | None) -> None:
    error = refused(tmp_path, text)
    assert error.code == code
    assert error.reason.facts.get("key") == key
    assert error.reason.facts["file"] == tmp_path / "esign.toml"
    assert error.diagnostics("en").what


_TOML = st.recursive(
    st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('aH2."\\ỷ', max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["code", "key", "pin", "x"]), inner),
    max_leaves=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # of a machine that has other work
@given(
    st.dictionaries(
        st.sampled_from(["agency", "issuance", "seal", "key", "trust", "paths", "softhsm", "path", "x"]),
        _TOML,
        max_size=3,
    )
)
def test_whatever_stands_there_is_a_configuration_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("toml") / "esign.toml"
    path.write_text(tomlkit.dumps(table), "utf-8")
    told: list[ConfigurationError] = []
    try:
        assert Config.load(path).path == path
    except ConfigurationError as error:
        told.append(error)
    assert all(e.reason.facts["file"] == path and e.diagnostics("vi").what for e in told)


def test_it_is_found_from_the_current_folder_upwards(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    path = tmp_path / "esign.toml"
    path.write_text(SMALLEST, "utf-8")
    other = tmp_path / "other.toml"
    assert find(None, start=below, environ={}) == path
    assert find(None, start=below, environ={"ESIGN_CONFIG": str(other)}) == other
    assert find(tmp_path, start=below, environ={"ESIGN_CONFIG": str(other)}) == path
    assert find(tmp_path / "x.toml", start=below, environ={}) == tmp_path / "x.toml"


def test_a_file_that_is_not_there_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Config.load(tmp_path / "esign.toml")
    assert raised.value.code == "config-unreadable"


def test_one_of_another_user_is_not_found_by_itself(tmp_path: Path) -> None:
    if sys.platform == "win32" or os.getuid() != 0:
        pytest.skip("only root can give files away")
    else:
        path = tmp_path / "esign.toml"
        path.write_text(SMALLEST, "utf-8")
        os.chown(path, 12345, -1)
        with pytest.raises(ConfigurationError) as raised:
            find(None, start=tmp_path, environ={})
        assert raised.value.code == "config-foreign"
        assert find(path, start=tmp_path, environ={}) == path
