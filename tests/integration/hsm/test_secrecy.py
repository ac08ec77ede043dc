"""A PIN that is used shows up nowhere: not in errors, tracebacks with locals, logs, or this process' arguments."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.errors import Error
from esign.keys import KeyRef, Mechanism
from esign_hsm import DescriptorPin, FilePin, PinPrompt, PinSource, TokenKeyStore
from tests.support import shim as shims
from tests.support.shim import Bench
from tests.support.softhsm import MakeToken, pin_file_in

pytestmark = pytest.mark.softhsm

CANARY = "canary-pin-4711"


def everything_told(error: BaseException) -> str:
    """What a crash reporter could print: the chain, with the local variables of our and the library's frames."""
    told = [repr(error), str(error), str(getattr(error, "reason", ""))]
    seen: BaseException | None = error
    while seen is not None:
        stack = traceback.TracebackException.from_exception(seen, capture_locals=True).stack
        told += [f"{f.name} {f.locals}" for f in stack if "esign_hsm" in f.filename or "pkcs11" in f.filename]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(told)


def sources(directory: Path, pin: str) -> Iterator[PinSource]:
    import os

    read, write = os.pipe()
    os.write(write, pin.encode())
    os.close(write)
    yield FilePin(pin_file_in(directory, "canary", pin))
    yield DescriptorPin(read)
    yield PinPrompt(ask=lambda *_: "".join(pin))
    os.close(read)


def test_a_refused_pin(bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    codes = []
    for source in sources(tmp_path, CANARY):
        store = TokenKeyStore(module=bench.shim.module, pin=source, guard=bench.guard)
        with store, pytest.raises(Error) as e:
            store.key(bench.ref)
        codes.append(e.value.code)
        bench.guard.clear(bench.token.store.token(bench.ref).serial)
        told = everything_told(e.value)
        assert "send_pin" in told
        assert CANARY not in told
    assert codes == ["pin-refused"] * 3
    assert CANARY not in caplog.text


def test_an_accepted_pin_and_later_faults(
    bench: Bench, softhsm_token: MakeToken, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = softhsm_token(pin=CANARY)
    token.key()
    for source in sources(tmp_path, CANARY):
        store = TokenKeyStore(module=bench.shim.module, pin=source, guard=bench.guard)
        bench.shim.faults()
        with store:
            key = store.key(KeyRef(token=token.label, object="con-dau"))
            assert key.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
            bench.shim.faults(("C_Sign", 0, shims.CKR_DEVICE_ERROR))
            with pytest.raises(Error) as e:
                key.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
        assert CANARY not in everything_told(e.value)
        assert CANARY not in repr(vars(store)) + repr(vars(key)) + repr(vars(key._token))
    assert CANARY not in caplog.text
    cmdline = Path("/proc/self/cmdline")
    if cmdline.exists():
        assert CANARY.encode() not in cmdline.read_bytes()
        assert CANARY.encode() not in Path("/proc/self/environ").read_bytes()
