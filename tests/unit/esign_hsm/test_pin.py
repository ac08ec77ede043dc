"""Where PINs come from, and that a Pin never shows itself."""

import copy
import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest

from esign.errors import Error, PINError
from esign.reasons import Reason
from esign_hsm import CredentialPin, DescriptorPin, FilePin, Pin, PinPad, PinPrompt, PinSource, pin_source

CANARY = "canary-7391"


def value(pin: Pin) -> str:
    return bytes(pin.buffer()).decode()


def file_with(path: Path, content: str | bytes = f"{CANARY}\n", mode: int = 0o600) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


@pytest.mark.parametrize("content", [CANARY, f"{CANARY}\n", f"{CANARY}\r\n"])
def test_file(tmp_path: Path, content: str) -> None:
    source: PinSource = FilePin(file_with(tmp_path / "pin", content))
    assert value(source.read("token")) == CANARY
    assert not source.attended


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "pin-missing"),
        ("\n", "pin-missing"),
        ("a\nb\n", "pin-unusable"),
        ("x" * 300, "pin-unusable"),
        ("a\0b", "pin-unusable"),
    ],
)
def test_a_file_without_a_pin(tmp_path: Path, content: str, code: str) -> None:
    with pytest.raises(PINError) as e:
        FilePin(file_with(tmp_path / "pin", content)).read("token")
    assert e.value.code == code


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_can_read(tmp_path: Path, mode: int) -> None:
    path = file_with(tmp_path / "pin", mode=mode)
    with pytest.raises(PINError) as e:
        FilePin(path).read("token")
    assert e.value.code == "pin-file-open"
    assert f"{mode:04o}" in str(e.value)
    assert "chmod 600" in e.value.diagnostics("en").next_step


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(PINError) as e:
        FilePin(tmp_path / "missing").read("token")
    assert e.value.code == "pin-file-unreadable"


def test_descriptor_is_read_once() -> None:
    read, write = os.pipe()
    os.write(write, f"{CANARY}\n".encode())
    os.close(write)
    source = DescriptorPin(read)
    assert value(source.read("token")) == value(source.read("token")) == CANARY
    assert CANARY not in repr(source)
    os.close(read)
    with pytest.raises(PINError) as e:
        DescriptorPin(read).read("token")
    assert e.value.code == "pin-file-unreadable"


def test_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PINError) as e:
        CredentialPin("pin").read("token")
    assert e.value.code == "pin-credential-missing"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file_with(tmp_path / "pin", mode=0o400)
    assert value(CredentialPin("pin").read("token")) == CANARY
    with pytest.raises(PINError) as e:
        CredentialPin("../pin").read("token")
    assert e.value.code == "pin-credential-missing"


def test_prompt() -> None:
    source: PinSource = PinPrompt(ask=lambda token, _warnings: f"{CANARY}{token}")
    assert source.attended
    assert value(source.read("1")) == f"{CANARY}1"

    def nobody(_token: str, _warnings: Sequence[Reason]) -> str:
        raise EOFError

    for ask in (nobody, lambda *_: ""):
        with pytest.raises(PINError) as e:
            PinPrompt(ask=ask).read("token")
        assert e.value.code == "pin-missing"


def test_the_terminal_is_never_asked_in_the_open() -> None:
    """Without a terminal getpass would read stdin and echo it."""
    asked = subprocess.run(
        [sys.executable, "-c", "from esign_hsm import PinPrompt\nPinPrompt().read('token')"],
        input=f"{CANARY}\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert asked.returncode
    assert "PINError" in asked.stderr
    assert CANARY not in asked.stderr + asked.stdout


def test_pad() -> None:
    source: PinSource = PinPad()
    assert source.attended
    with pytest.raises(PINError):
        source.read("token")


def test_pin_source_of_a_uri(tmp_path: Path) -> None:
    path = file_with(tmp_path / "pin code")
    for spelled in (str(path), f"file:{path}", path.as_uri()):
        assert value(pin_source(spelled).read("token")) == CANARY
    for refused in ("|cat /etc/pin", "https://example.vn/pin", "file://host/pin"):
        with pytest.raises(PINError) as e:
            pin_source(refused)
        assert e.value.code == "pin-source-unsupported"


def test_a_pin_does_not_show_itself(caplog: pytest.LogCaptureFixture) -> None:
    pin = Pin(bytearray(CANARY.encode()))
    shown = [repr(pin), str(pin), f"{pin}", f"{pin!r:>20}", format(pin, ">20"), repr([pin]), repr({"pin": pin})]
    logging.getLogger("test").warning("pin %s %r", pin, pin)
    shown += [caplog.text, repr(pin.buffer())]
    for serialise in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as e:
            serialise(pin)
        shown.append(str(e.value))
    assert not hasattr(pin, "__dict__")
    assert all(CANARY not in s for s in shown)


def test_errors_do_not_show_it(tmp_path: Path) -> None:
    """Also not where a crash reporter prints the local variables of each frame."""
    file_with(tmp_path / "pin", f"{CANARY}\n{CANARY}\n")

    def failing() -> Pin:
        return FilePin(tmp_path / "pin").read("token")

    try:
        failing()
    except Error as e:
        told = "".join(traceback.TracebackException.from_exception(e, capture_locals=True).format())
        shown = [told.replace(f'"{CANARY}', ""), repr(e), str(e), repr(pickle.dumps(e))]
        frames = traceback.TracebackException.from_exception(e, capture_locals=True).stack
        shown += [str(frame.locals) for frame in frames if "esign_hsm" in frame.filename]
    assert len(shown) > 4
    assert all(CANARY not in s for s in shown)


PROTECTED = """
import resource, sys
from esign_hsm import protect_process
protect_process()
print(resource.getrlimit(resource.RLIMIT_CORE))
import ctypes
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2)")
def test_protect_process() -> None:
    done = subprocess.run([sys.executable, "-c", PROTECTED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["(0, 0)", "0"]
