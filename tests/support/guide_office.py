"""A working folder as the guides find it: `python -m tests.support.guide_office FOLDER`.

Made through the command itself: a SoftHSM token with keys, certificates by a test PKI, and files to work with.
"""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typst

from esign.pdf import load
from tests.support.pki import PKI, pem

ESIGN = (sys.executable, "-m", "esign_cli")


def esign(*arguments: str, folder: Path) -> None:
    """Run the command in `folder`."""
    subprocess.run([*ESIGN, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def make(folder: Path) -> None:
    """Make it."""
    folder.mkdir(parents=True)
    esign("init", "--softhsm", "--sample", folder=folder)
    now = datetime.now(UTC).replace(microsecond=0)
    pki = PKI.create(since=now - timedelta(days=30))
    esign("key", "csr", "--out", "agency.csr", folder=folder)
    certificate = pki.issuing.certify_request((folder / "agency.csr").read_bytes(), since=now - timedelta(days=1))
    (folder / "agency.pem").write_bytes(pem([certificate, pki.issuing.certificate]))
    (folder / "root.pem").write_bytes(pem([pki.root.certificate]))
    for name, crl in zip(("root.crl", "issuing.crl"), pki.crls(at=now - timedelta(hours=1)), strict=True):
        (folder / name).write_bytes(crl)
    esign("key", "import", "agency.pem", folder=folder)
    configuration = folder / "esign.toml"
    text = configuration.read_text("utf-8")
    for key, value in (("anchors", '["root.pem"]'), ("crls", '["root.crl", "issuing.crl"]')):
        text, count = re.subn(rf"(?m)^{key} = \[\]", f"{key} = {value}", text)
        assert count == 1
    configuration.write_text(text, "utf-8")
    sample = load("xac-nhan-cu-tru").sample
    (folder / "ho-so.json").write_text(json.dumps(sample, ensure_ascii=False, indent=1), "utf-8")
    (folder / "giay-phep.pdf").write_bytes(pdf("Giấy phép MẪU"))
    (folder / "ho-so").mkdir()
    for i in range(3):
        (folder / "ho-so" / f"ho-so-{i}.pdf").write_bytes(pdf(f"Hồ sơ MẪU số {i}"))


def pdf(title: str) -> bytes:
    """A page of other software."""
    made: bytes = typst.compile(f'#set page("a4")\n#set text(lang: "vi")\n= {title}\nNội dung.'.encode())
    return made


if __name__ == "__main__":
    make(Path(sys.argv[1]))
