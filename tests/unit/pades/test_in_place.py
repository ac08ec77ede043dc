"""Large files are signed where they are: appended to, in little memory, and with work that grows as they do."""

import io
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from esign.document import Box
from esign.errors import InputError, KeyStoreError
from esign.keys import Mechanism
from esign.pades.sign import Way
from esign.pades.signer import Signer
from esign.pades.signing_revision import Appearance
from esign.softkey import SoftwareKey
from esign.syntax.outline import Outline
from tests.support.pki import EPOCH, PKI, der, name
from tests.support.two_ways import refused_by_others
from tests.unit.pdf.tools import changed, page
from tests.vectors.pades import generate as g

MIB = 1 << 20
MECHANISM = Mechanism.ECDSA_P256_SHA256


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI.create()


@pytest.fixture(scope="module")
def key(pki: PKI) -> SoftwareKey:
    private = ec.generate_private_key(ec.SECP256R1())
    chain = pki.chain(pki.issuing.certify(private.public_key(), name("UBND PHƯỜNG MẪU")))
    return SoftwareKey.from_private_key(private, certificates=chain)


@pytest.mark.parametrize(("streams", "way"), [(False, Way.PLAIN), (True, Way.GENERAL)])
def test_only_the_update_is_written(pki: PKI, key: SoftwareKey, tmp_path: Path, *, streams: bool, way: Way) -> None:
    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    before = changed(page(pages=2), lambda _: None, object_stream_mode=mode)
    file = tmp_path / "x.pdf"
    file.write_bytes(before)
    assert Signer(key, mechanism=MECHANISM, field_name="S").sign_file(file, signing_time=EPOCH) is way
    after = file.read_bytes()
    assert after.startswith(before)
    assert list(refused_by_others(after, der(pki.root.certificate), before)) == []


class _Failing:
    """A key whose token is gone."""

    def __init__(self, key: SoftwareKey) -> None:
        self._key = key

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._key, attribute)

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        raise KeyStoreError("key-gone", token="t", label="k", id="")


def test_a_file_stays_as_it_is_where_nothing_is_signed(key: SoftwareKey, tmp_path: Path) -> None:
    file = tmp_path / "x.pdf"
    file.write_bytes(page())
    failing: Any = _Failing(key)
    with pytest.raises(KeyStoreError):
        Signer(failing, mechanism=MECHANISM, field_name="S").sign_file(file, signing_time=EPOCH)
    assert file.read_bytes() == page()
    for other in (b"", b"no pdf"):
        file.write_bytes(other)
        with pytest.raises(InputError):
            Signer(key, mechanism=MECHANISM, field_name="S").sign_file(file, signing_time=EPOCH)
        assert file.read_bytes() == other


@pytest.fixture
def little_room() -> Iterator[int]:
    """A limit on how long files may become, as a full disk has one."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = len(page()) + 1000
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    yield most
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_half_an_update_is_taken_away_again(key: SoftwareKey, tmp_path: Path, little_room: int) -> None:
    file = tmp_path / "x.pdf"
    file.write_bytes(page())
    assert file.stat().st_size < little_room
    with pytest.raises(OSError, match="File too large"):
        Signer(key, mechanism=MECHANISM, field_name="S").sign_file(file, signing_time=EPOCH)
    assert file.read_bytes() == page()


_IN_ITS_OWN_PROCESS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from esign.keys import Mechanism
from esign.pades.signer import Signer
from esign.softkey import SoftwareKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

key, certificate, file = map(Path, sys.argv[1:])
private = load_pem_private_key(key.read_bytes(), None)
key = SoftwareKey.from_private_key(private, certificates=(certificate.read_bytes(),))
signer = Signer(key, mechanism=Mechanism.ECDSA_P256_SHA256, field_name="S")
print(signer.sign_file(file, signing_time=datetime(2026, 1, 1, tzinfo=UTC)).value)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process' memory is read from /proc")
def test_a_hundred_megabytes_in_little_memory(pki: PKI, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "certificate").write_bytes(der(pki.issuing.certify(private.public_key(), name("X"))))
    large = tmp_path / "large.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.pages[0].obj.Scan = pdf.make_stream(bytes(100 * MIB))
        pdf.save(large, compress_streams=False)
    files = [str(tmp_path / "key"), str(tmp_path / "certificate"), str(large)]
    script = [sys.executable, "-c", _IN_ITS_OWN_PROCESS, *files]
    way, peak = subprocess.run(script, check=True, capture_output=True, text=True).stdout.split()
    assert way == "plain"
    assert int(peak) < 80 * 1024
    assert large.stat().st_size < 100 * MIB + 20_000


# --- work that grows as the document does ----------------------------------------------------------------------------


def with_revisions(count: int) -> bytes:
    """A document with so many earlier updates, each of which says the same object anew."""
    pdf = changed(page(), lambda p: p.Root.__setitem__("/Mine", p.make_indirect(pikepdf.Dictionary(N=0))))
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        mine, root, size = opened.Root.Mine.objgen[0], opened.Root.objgen[0], int(opened.trailer.Size)
    parts, at = [pdf], len(pdf)
    previous = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    for i in range(count):
        body = b"%d 0 obj\n<</N %d>>\nendobj\n" % (mine, i)
        section = b"xref\n%d 1\n%010d 00000 n\r\ntrailer\n<</Size %d/Root %d 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
        parts.append(body + section % (mine, at, size, root, previous, at + len(body)))
        previous = at + len(body)
        at += len(parts[-1])
    return b"".join(parts)


def work(key: SoftwareKey, pdf: bytes, *, index: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many sections and objects are looked at to sign `pdf`."""
    found: Counter[str] = Counter()

    def counted(method: str) -> None:
        original = getattr(Outline, method)

        def inner(*args: Any) -> Any:
            found[method] += 1
            return original(*args)

        patch.setattr(Outline, method, inner)

    box = Box(page=index, left=300, bottom=90, width=180, height=60)
    signer = Signer(key, mechanism=MECHANISM, field_name="S", appearance=Appearance(mark=g.text("X", box), box=box))
    with monkeypatch.context() as patch:
        counted("_section")
        counted("object")
        assert signer.sign(pdf, signing_time=EPOCH).way is Way.PLAIN
    return found


def test_a_thousand_revisions_are_passed_once(key: SoftwareKey, monkeypatch: pytest.MonkeyPatch) -> None:
    found = work(key, with_revisions(1000), index=0, monkeypatch=monkeypatch)
    assert found == work(key, with_revisions(0), index=0, monkeypatch=monkeypatch) + Counter(_section=1000)


def test_a_thousand_pages_are_passed_once(key: SoftwareKey, monkeypatch: pytest.MonkeyPatch) -> None:
    found = work(key, page(pages=1000), index=999, monkeypatch=monkeypatch)
    assert found == work(key, page(pages=1), index=0, monkeypatch=monkeypatch) + Counter(object=999)
    assert work(key, page(pages=1000), index=0, monkeypatch=monkeypatch) <= Counter(_section=1, object=3)
