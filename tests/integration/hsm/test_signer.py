"""The signer process: what it signs, what it refuses, and that a crash or a hang of the module ends in it."""

import hashlib
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from esign.cms.baseline import signed_attributes
from esign.errors import KeyNotFound, KeyStoreError, PINError, TokenUnavailable
from esign.keys import KeyRef, Mechanism, check_signature
from esign_hsm.signer import KeyInUse, ProcessKey, Purpose, SignerProcess
from esign_hsm.signer.wire import fits, receive, send
from tests.support.pki import PKI, name
from tests.support.shim import CKR_DEVICE_REMOVED, Bench
from tests.support.softhsm import pin_file_in
from tests.support.stopwatch import seconds_of, shortest
from tests.support.waiting import LONG, until

SIGKILL = 9  # its name is missing on Windows, for which types are checked too
pytestmark = pytest.mark.softhsm

ECDSA = Mechanism.ECDSA_P256_SHA256
SECONDS = 2.0
"""What one signature may take, where it is tried out that it may not take longer."""
BACK_WITHIN = 3.0


def to_be_signed(text: bytes = b"data") -> bytes:
    """The signed attributes of a document, as `esign.pades.sign.prepare` makes them."""
    return signed_attributes(hashlib.sha256(text).digest(), certificate=CERTIFICATE, mechanism=ECDSA)


def _certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return PKI.create().issuing.certify(key.public_key(), name("Mẫu")).public_bytes(Encoding.DER)


CERTIFICATE = _certificate()


@pytest.fixture
def wanted(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, KeyInUse]:
    monkeypatch.setenv("ESIGN_STATE_DIR", str(tmp_path / "state"))  # a PIN guard of its own
    ref = KeyRef(
        token=bench.token.label,
        object="con-dau",
        pin_source=str(bench.token.pin_file),
        module_path=str(bench.shim.module),
    )
    return {
        "agency": KeyInUse(ref=ref, purpose=Purpose.DOCUMENT),
        "seal": KeyInUse(ref=ref, purpose=Purpose.SEAL),
    }


@pytest.fixture
def signer(wanted: dict[str, KeyInUse]) -> Iterator[SignerProcess]:
    with SignerProcess(wanted, seconds=LONG) as made:
        yield made


def test_it_signs_what_a_document_signs(signer: SignerProcess) -> None:
    key = signer.key("agency")
    data = to_be_signed()
    assert check_signature(key.public_key, key.sign(data, mechanism=ECDSA), data, mechanism=ECDSA)


def test_a_seal_key_signs_cose_and_nothing_else(signer: SignerProcess) -> None:
    key = signer.key("seal")
    structure = b"\x84\x6aSignature1\x43\xa1\x01\x26\x40\x41x"
    assert check_signature(key.public_key, key.sign(structure, mechanism=ECDSA), structure, mechanism=ECDSA)
    with pytest.raises(KeyStoreError) as e:
        key.sign(to_be_signed(), mechanism=ECDSA)
    assert e.value.code == "signer-shape-refused"


@pytest.mark.parametrize(
    "data",
    [b"", b"anything", b"\x30\x00", b"\x31\x00", to_be_signed() + b"\x00", to_be_signed()[:-1], b"\x84\x6aSignature1"],
    ids=["empty", "text", "sequence", "empty set", "trailing", "cut", "cose"],
)
def test_a_document_key_signs_no_other_shape(bench: Bench, signer: SignerProcess, data: bytes) -> None:
    key = signer.key("agency")
    with pytest.raises(KeyStoreError) as e:
        key.sign(data, mechanism=ECDSA)
    assert e.value.code == "signer-shape-refused"
    assert bench.shim.calls()["C_Sign"] == 0


def test_shapes() -> None:
    assert fits(to_be_signed(), Purpose.DOCUMENT)
    assert not fits(CERTIFICATE, Purpose.DOCUMENT)


def part_of_the_limit(back: float, wanted: dict[str, KeyInUse]) -> float:
    """How `back` compares with three seconds; where a first start alone takes longer than that, with two of them."""
    with SignerProcess(wanted) as fresh:
        start = seconds_of(lambda: fresh.key("agency"))
    return back / max(BACK_WITHIN, 2 * start)


def test_a_crash_is_a_typed_failure_and_it_is_back_within_three_seconds(
    signer: SignerProcess, wanted: dict[str, KeyInUse], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = signer.key("agency")

    def part_away() -> float:
        monkeypatch.setattr(signer, "_deaths", 0)  # each is the first: one that dies again and again is started later
        before = signer.pid
        assert before is not None
        os.kill(before, SIGKILL)
        seen: set[str] = set()
        away = seconds_of(lambda: seen.update(_until_it_signs(key)))
        assert signer.pid not in {None, before}
        return part_of_the_limit(away, wanted) if seen <= {"signer-lost"} else math.inf

    assert shortest(part_away, enough=1.0) <= 1.0


def test_a_crash_in_the_middle_of_signing(bench: Bench, signer: SignerProcess) -> None:
    key = signer.key("agency")
    bench.shim.delay(60_000)
    pid = signer.pid
    assert pid is not None

    def kill() -> None:
        until(lambda: bench.shim.calls()["C_Sign"])
        os.kill(pid, SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(TokenUnavailable) as e:
        key.sign(to_be_signed(), mechanism=ECDSA)
    killer.join()
    assert e.value.code == "signer-lost"
    bench.shim.delay(0)
    _until_it_signs(key)


def test_a_hang_ends_at_the_deadline_and_it_is_back(
    bench: Bench, signer: SignerProcess, wanted: dict[str, KeyInUse], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = signer.key("agency")
    monkeypatch.setattr(signer, "_seconds", SECONDS)

    def hang() -> None:
        with pytest.raises(TokenUnavailable) as e:
            key.sign(to_be_signed(), mechanism=ECDSA)
        assert e.value.code == "signer-hung"

    def part_of_both() -> float:
        _until_it_signs(key)
        monkeypatch.setattr(signer, "_deaths", 0)
        bench.shim.delay(60_000)
        told = seconds_of(hang)
        bench.shim.delay(0)
        back = seconds_of(lambda: _until_it_signs(key))
        return max(told / (1.5 * SECONDS), part_of_the_limit(back, wanted))

    assert shortest(part_of_both, enough=1.0) <= 1.0


def test_a_wrong_pin_is_sent_once_however_often_it_starts(bench: Bench, wanted: dict[str, KeyInUse]) -> None:
    wrong = pin_file_in(bench.token.pin_file.parent, "wrong-signer", "999999")
    asked = {n: replace(k, ref=replace(k.ref, pin_source=str(wrong))) for n, k in wanted.items()}
    codes = []
    with SignerProcess(asked) as signer:
        for _ in range(4):
            with pytest.raises(PINError) as e:
                signer.key("agency")
            codes.append(e.value.code)
    assert codes[0] == "pin-refused"
    assert set(codes[1:]) == {"pin-blocked"}
    assert bench.shim.calls()["C_Login"] == 1


def test_what_the_token_says_arrives(bench: Bench, signer: SignerProcess) -> None:
    key = signer.key("agency")
    bench.shim.faults(("C_Sign", 0, CKR_DEVICE_REMOVED))
    with pytest.raises(TokenUnavailable) as e:
        key.sign(to_be_signed(), mechanism=ECDSA)
    assert e.value.code == "token-unavailable"
    with pytest.raises(KeyStoreError) as refused:
        key.sign(to_be_signed(), mechanism=Mechanism.RSA_PKCS1_SHA256)
    assert refused.value.code == "mechanism-not-offered"
    with pytest.raises(KeyNotFound):
        signer.key("nobody")


def test_it_says_whether_the_token_is_there_and_signs_nothing_for_that(bench: Bench, signer: SignerProcess) -> None:
    signer.check()
    bench.shim.pull()
    with pytest.raises(KeyStoreError) as e:
        signer.check()
    assert e.value.code == "token-gone"
    bench.shim.plug()
    signer.check()
    assert bench.shim.calls()["C_Sign"] == 0


def test_several_threads_one_login(bench: Bench, signer: SignerProcess) -> None:
    key = signer.key("agency")

    def sign(i: int) -> bool:
        data = to_be_signed(b"%d" % i)
        return check_signature(key.public_key, key.sign(data, mechanism=ECDSA), data, mechanism=ECDSA)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(sign, range(200)))
    assert bench.shim.calls()["C_Login"] == 1


def test_a_stranger_on_the_machine_is_not_answered(signer: SignerProcess) -> None:
    signer.key("agency")
    running = signer._running
    assert running is not None
    assert Path(running._address).parent.stat().st_mode & 0o077 == 0
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        Client(running._address, authkey=b"guess")
    with Client(running._address, authkey=running._secret) as known:
        for asked in (
            {"do": "export"},
            {"do": "sign"},
            {"do": "sign", "key": "agency", "mechanism": "x", "data": ["!"]},
        ):
            send(known, asked)
            assert receive(known)["error"]["code"] == "signer-request-unknown"


def test_it_ends_with_its_caller(bench: Bench, wanted: dict[str, KeyInUse]) -> None:
    ref = str(wanted["agency"].ref)
    program = (
        "from esign.keys import KeyRef\n"
        "from esign_hsm.signer import *\n"
        f"s = SignerProcess({{'a': KeyInUse(ref=KeyRef.parse({ref!r}), purpose=Purpose.DOCUMENT)}})\n"
        "s.key('a'); print(s.pid, flush=True)\n"
        "import os; os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    signer = Path("/proc") / done.stdout.strip()
    until(lambda: not signer.exists())


def _until_it_signs(key: ProcessKey) -> set[str]:
    """Ask until it signs; the codes of what went wrong on the way."""
    seen = set()
    for _ in range(50):
        try:
            key.sign(to_be_signed(), mechanism=ECDSA)
        except TokenUnavailable as e:
            seen.add(e.code)
        else:
            return seen
    pytest.fail(f"never: {seen}")
