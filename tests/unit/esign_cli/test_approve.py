"""`esign approve`: what a leader must know before the key is touched, on a machine without register or esign.toml."""

import base64
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from esign.pending import Pending
from esign_cli.main import run
from tests.support.office import Clock, Office, request

KEY = "pkcs11:token=nobody;object=nothing"


@pytest.fixture(scope="module")
def hand_over(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Makes hand-overs as of now: `hand_over()`, `hand_over(days=-40)`."""
    folder = tmp_path_factory.mktemp("office") / "office"
    office = Office.create(folder, kind="p256")
    office.trust = replace(office.trust, crls=())

    def make(key: str = "a", days: int = 0) -> bytes:
        clock = Clock(datetime.now(UTC) + timedelta(days=days))
        return office.issuer(now=clock).submit(replace(request(f"{key}{days}"), person=office.person)).to_file()

    return make


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that knows nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESIGN_LANG", "en")
    monkeypatch.delenv("ESIGN_CONFIG", raising=False)
    return tmp_path


def approve(folder: Path, content: bytes, *options: str) -> int:
    (folder / "x.pending.json").write_bytes(content)
    return run(["approve", "x.pending.json", "--key", KEY, *options])


def test_it_shows_what_the_document_says(
    elsewhere: Path, hand_over: Callable[..., bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    content = hand_over()
    pending = Pending.from_file(content)
    assert approve(elsewhere, content, "--view") == 0
    out, err = capsys.readouterr()
    assert (elsewhere / f"{pending.id}.view.pdf").read_bytes() == pending.document
    assert out == f"{pending.id}.view.pdf\n"
    assert "/QĐ-UBND, 1 pages" in err
    assert "    QUYẾT ĐỊNH\n" in err


def test_a_document_that_was_swapped_is_not_signed(
    elsewhere: Path, hand_over: Callable[..., bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """The page of one document with the bytes to sign of another: a leader would sign what nobody showed."""
    shown, signed = (json.loads(hand_over(k)) for k in ("one", "two"))
    shown["prepared"]["to_be_signed"] = signed["prepared"]["to_be_signed"]
    document = base64.b64decode(shown["document"])
    assert shown["prepared"]["document_sha256"] == hashlib.sha256(document).hexdigest()
    assert approve(elsewhere, json.dumps(shown).encode(), "--yes") == 4
    assert "what would be signed is not the document in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("days", "code", "said"),
    [(-31, 4, "the time to sign x.pending.json is over"), (-29, 4, "the time to sign x.pending.json is nearly over")],
)
def test_its_time_is_told(
    elsewhere: Path,
    hand_over: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
    days: int,
    code: int,
    said: str,
) -> None:
    """With a key that is nowhere: what is over is refused before it is looked for."""
    assert approve(elsewhere, hand_over(days=days), "--yes") == code
    err = capsys.readouterr().err
    assert said in err
    assert ("nobody" in err) == (days == -29), "only then the token is looked for"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"esign": "pending-signature"}', b"\xff" * 100])
def test_what_is_no_hand_over_is_refused(elsewhere: Path, content: bytes) -> None:
    assert approve(elsewhere, content, "--yes") == 5


def test_nobody_is_asked_without_a_terminal(
    elsewhere: Path, hand_over: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert approve(elsewhere, hand_over("ask")) == 5
