"""The module table is complete and honest, and discovery uses it on each platform."""

from pathlib import Path

import pytest

from esign.errors import KeyStoreError
from esign_hsm import Evidence, find_modules, known_modules
from esign_hsm.modules import module_named


def test_rows() -> None:
    rows = known_modules()
    assert len({r.id for r in rows}) == len(rows)
    for row in rows:
        assert row.vendor
        assert row.source
        assert row.files
        assert all(names for names in row.files.values())
        assert set(row.directories) <= {"linux", "windows", "macos"}
    suffixes = {"linux": (".so",), "windows": (".dll",), "macos": (".dylib", ".so")}
    for row in rows:
        for platform, names in row.files.items():
            assert all(any(s in n for s in suffixes[platform]) for n in names), row.id


def test_only_what_the_tests_use_is_called_tried() -> None:
    assert [r.id for r in known_modules() if r.evidence is Evidence.TRIED] == ["softhsm2"]


@pytest.mark.parametrize(
    "name",
    ["eTPKCS11.dll", "bit4xpki.dll", "viettel-ca_v6.dll", "vnptca_p11_v10.dll", "libvnpt-pkcs11.so", "fptca_v4.so"],
)
def test_vietnamese_modules_are_there(name: str) -> None:
    assert any(name in names for row in known_modules() for names in row.files.values())


@pytest.mark.parametrize("name", ["luna", "nshield", "cloudhsm", "yubihsm2"])
def test_hsms_are_there(name: str) -> None:
    assert any(row.id == name for row in known_modules())


@pytest.mark.parametrize(
    ("platform", "installed", "expected"),
    [
        ("linux", "usr/lib/softhsm/libsofthsm2.so", "softhsm2"),
        ("linux", "usr/safenet/lunaclient/lib/libCryptoki2_64.so", "luna"),
        ("win32", "SystemRoot/System32/vnptca_p11_v8.dll", "vnpt-ca"),
        ("win32", "C/SoftHSM2/lib/softhsm2-x64.dll", "softhsm2"),
        ("darwin", "usr/local/lib/viettel-ca_v6.dylib", "viettel-ca"),
    ],
)
def test_discovery(tmp_path: Path, platform: str, installed: str, expected: str) -> None:
    assert not find_modules(platform=platform, root=tmp_path)
    path = tmp_path / installed
    path.parent.mkdir(parents=True)
    path.touch()
    (found,) = find_modules(platform=platform, root=tmp_path)
    assert (found.known.id, found.path) == (expected, path)


def test_the_newest_of_a_vendor_and_no_file_twice(tmp_path: Path) -> None:
    directory = tmp_path / "SystemRoot/System32"
    directory.mkdir(parents=True)
    for name in ("viettel-ca_v4.dll", "viettel-ca_v6.dll"):
        (directory / name).touch()
    (found,) = find_modules(platform="win32", root=tmp_path)
    assert found.path.name == "viettel-ca_v6.dll"
    (tmp_path / "usr/lib/softhsm").mkdir(parents=True)
    (tmp_path / "usr/lib/softhsm/libsofthsm2.so").touch()
    (tmp_path / "usr/lib/opensc-pkcs11.so").symlink_to("softhsm/libsofthsm2.so")
    assert len(find_modules(platform="linux", root=tmp_path)) == 1


def test_names(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError) as e:
        module_named("no-such-module")
    assert e.value.code == "module-unknown"
    with pytest.raises(KeyStoreError) as e:
        module_named("yubihsm2")
    assert e.value.code == "module-not-installed"
    assert module_named(str(tmp_path / "any.so")) == Path(tmp_path / "any.so")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "module-not-found"),
        (b"not a library", "module-not-loadable"),
        (b"\x7fELF\x01\x01\x01" + b"\0" * 64, "module-wrong-architecture"),
    ],
)
def test_what_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, code: str
) -> None:
    from esign_hsm import tokens

    monkeypatch.setenv("ESIGN_STATE_DIR", str(tmp_path / "state"))
    path = tmp_path / "module.so"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(KeyStoreError) as e:
        tokens(path)
    assert e.value.code == code


def test_a_library_that_is_no_pkcs11_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    from esign_hsm import tokens

    monkeypatch.setenv("ESIGN_STATE_DIR", str(tmp_path / "state"))
    shared = next(
        line.split("=> ")[1].split()[0]
        for line in subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=True).stdout.splitlines()
        if "libc.so" in line
    )
    with pytest.raises(KeyStoreError) as e:
        tokens(shared)
    assert e.value.code == "module-not-loadable"
    assert "C_GetFunctionList" in str(e.value)
