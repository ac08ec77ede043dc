"""Plays the scripts that need servers: with a test PKI that answers on this machine."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import tomlkit
from cryptography import x509

from tests.scripts import helpers
from tests.scripts.script import Player
from tests.support.authority import Authorities
from tests.support.pki import pem

SCRIPTS = sorted(Path(__file__).with_name("online").glob("*.txt"))


def _name_authority(pki: Authorities) -> Callable[..., None]:
    def name(folder: Path, _environ: dict[str, str], service: str) -> None:
        """The operator writes down whom to ask for time-stamps."""
        path = folder / "esign.toml"
        root = x509.load_der_x509_certificate(pki.certificate("root"))
        (folder / "tsa-root.pem").write_bytes(pem([root]))
        document = tomlkit.parse(path.read_text("utf-8"))
        document["timestamp"]["anchors"] = ["tsa-root.pem"]
        document["timestamp"]["authorities"] = [{"name": "TSA MẪU", "url": pki.tsa(service), "deadline_seconds": 120}]
        document["network"]["inside"] = [pki.url.removeprefix("http://")]
        path.write_text(tomlkit.dumps(document), "utf-8")

    return name


def _let_days_pass(folder: Path, _environ: dict[str, str], days: str) -> None:
    """What was promised was promised so many days ago: the clock of the machine is not ours to move."""
    raw = sqlite3.connect(folder / "register.sqlite")
    (trigger,) = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'upgrade_update'").fetchone()
    due = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=int(days) - 1)
    raw.execute("DROP TRIGGER upgrade_update")
    raw.execute("UPDATE upgrade SET due = ?, alarm = ?", (f"{due}", f"{due + timedelta(days=6)}"))
    raw.execute(trigger)
    raw.commit()
    raw.close()


@pytest.mark.softhsm
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_script(script: Path, player: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Authorities.start(tmp_path / "authorities", now=datetime.now(UTC)) as pki:
        known = {**helpers._HELPERS, "name-authority": _name_authority(pki), "let-days-pass": _let_days_pass}
        monkeypatch.setattr(helpers, "_HELPERS", known)
        player.play(script.read_text("utf-8"))
