"""What scripts do beside `esign`: what happens in an office outside of the program."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from PIL import Image

from esign.authority import public_key_sha256
from esign.document import Box
from esign.pades.revision import stamp
from esign.pdf import page_image, seal_mark, specimen_signature
from esign.pdf.links import seal_links
from esign.seal import Symbol
from esign.trust import certificates
from tests.support.elsewhere import Elsewhere
from tests.support.pki import PKI, pem

_CRASH = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from esign.codes import ProcedureCode
from esign.document import ResultMetadata
from esign.steps import Step
from esign.pdf import load
from esign.registry import NextNumber
from esign.request import Filled, Request
from esign_cli.config import Config
from esign_cli.wiring import Workplace

def cut(step, intent):
    if step is Step(sys.argv[1]):
        os._exit(9)

with Workplace(Config.load(Path("esign.toml")), now=lambda: datetime.now(UTC)) as workplace:
    workplace.issuer(on_step=cut).issue(Request(
        idempotency_key=f"power-cut-{sys.argv[1]}",
        content=Filled(template="quyet-dinh", data=load("quyet-dinh").sample),
        metadata=ResultMetadata(procedure=ProcedureCode.parse("1.012345"), title="Quyết định"),
        number=NextNumber(symbol="QĐ-UBND"),
    ))
"""


def run(words: list[str], folder: Path, environ: dict[str, str]) -> Path | None:
    """Run one helper; gives the folder that is the current one afterwards, if it changes."""
    name, *arguments = words
    if name == "cd":
        return folder / arguments[0]
    _HELPERS[name](folder, environ, *arguments)
    return None


def _mkdir(folder: Path, _environ: dict[str, str], path: str) -> None:
    (folder / path).mkdir(parents=True)


def _rm(folder: Path, _environ: dict[str, str], path: str) -> None:
    (folder / path).unlink()


def _write(folder: Path, _environ: dict[str, str], path: str, text: str) -> None:
    (folder / path).write_text(text + "\n", "utf-8")


def _chmod(folder: Path, _environ: dict[str, str], mode: str, path: str) -> None:
    (folder / path).chmod(int(mode, 8))


def _cp(folder: Path, _environ: dict[str, str], source: str, target: str) -> None:
    (found,) = folder.glob(source)
    shutil.copy(found, folder / target)


def _certify(folder: Path, _environ: dict[str, str], request: str) -> None:
    """A certification authority certifies `request`; it gives chain.pem, root.pem and its revocation lists."""
    pki = PKI.create()
    certificate = pki.issuing.certify_request((folder / request).read_bytes())
    (folder / "chain.pem").write_bytes(pem([certificate, pki.issuing.certificate]))
    (folder / "root.pem").write_bytes(pem([pki.root.certificate]))
    (folder / "crls").mkdir(exist_ok=True)
    for number, crl in enumerate(pki.crls(at=datetime.now(UTC) - timedelta(hours=1))):
        (folder / "crls" / f"{number}.crl").write_bytes(crl)


def _configure(folder: Path, _environ: dict[str, str], key: str, value: str) -> None:
    """Edit a line of esign.toml: the first with this key, or the one in its section (`audit.anchors`)."""
    path = folder / "esign.toml"
    lines = path.read_text("utf-8").splitlines()
    section, _, key = key.rpartition(".")
    begin = lines.index(f"[{section}]") if section else 0
    found = next(n for n, line in enumerate(lines) if n >= begin and line.startswith(f"{key} = "))
    lines[found] = f"{key} = {value}"
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _status_key(folder: Path, _environ: dict[str, str], label: str) -> None:
    """Another key signs the status lists."""
    path = folder / "esign.toml"
    path.write_text(path.read_text("utf-8").replace("object=trang-thai", f"object={label}"), "utf-8")


def _sample(folder: Path, _environ: dict[str, str], template: str, path: str) -> None:
    """The template's own invented data."""
    sample = json.loads(files("esign.pdf").joinpath("templates", template, "sample.json").read_text("utf-8"))
    (folder / path).write_text(json.dumps(sample, ensure_ascii=False), "utf-8")


def page(folder: Path, _environ: dict[str, str], path: str, words: str) -> None:
    """A PDF as another program makes it: one page with a line of text."""
    stream = f"BT /F1 14 Tf 72 770 Td ({words}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 5 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
    ]
    pdf, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(pdf)
    pdf += b"xref\n0 6\n0000000000 65535 f \n" + table
    pdf += b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    (folder / path).write_bytes(pdf)


def _picture(folder: Path, _environ: dict[str, str], source: str, path: str) -> None:
    """The first page, scanned at 150 dpi."""
    (found,) = folder.glob(source)
    page_image(found.read_bytes(), 0, 150).save(folder / path)


def _move_the_seal(folder: Path, _environ: dict[str, str], source: str, path: str) -> None:
    """Somebody lays the seal of one document over another one."""
    (link,) = seal_links((folder / source).read_bytes())
    page(folder, _environ, path, "Another decision")
    pdf = (folder / path).read_bytes()
    symbol = Symbol.of(link.url)
    mark = seal_mark(
        symbol.rows,
        size_mm=symbol.size_mm,
        quiet_mm=symbol.quiet_mm,
        host="q.example.gov.vn",
        printed_id="ABCD",
    )
    (folder / path).write_bytes(stamp(pdf, mark, Box(page=0, left=50, bottom=50, width=85, height=85), url=link.url))


def _change_a_byte(folder: Path, _environ: dict[str, str], path: str) -> None:
    """In the middle of the file."""
    data = bytearray((folder / path).read_bytes())
    data[len(data) // 3] ^= 1
    (folder / path).write_bytes(data)


def _power_cut(folder: Path, environ: dict[str, str], step: str) -> None:
    """Issuing dies right after `step`."""
    died = subprocess.run([sys.executable, "-c", _CRASH, step], cwd=folder, env=environ, check=False)
    assert died.returncode == 9


def _authority(folder: Path, _environ: dict[str, str], chain: str, path: str, procedure: str) -> None:
    """The office writes down who may sign what."""
    key = public_key_sha256(certificates((folder / chain).read_bytes())[0])
    table = f"""version = 1

[[authority]]
id = "pct-mau-2026"
public_key_sha256 = "{key}"
name = "Nguyễn Văn Mẫu"
title = "PHÓ CHỦ TỊCH"
capacity = "kt"
principal = "CHỦ TỊCH"
agency = "H26.1.2"
procedures = ["{procedure}"]
since = 2026-01-01
basis = "QĐ 12/QĐ-UBND ngày 01/01/2026"
"""
    (folder / path).write_text(table, "utf-8")


def _signature_image(folder: Path, _environ: dict[str, str], path: str) -> None:
    """The leader's wet signature, scanned, in blue."""
    (folder / path).write_bytes(specimen_signature("Nguyễn Văn Mẫu"))


def _sign_elsewhere(folder: Path, _environ: dict[str, str], source: str, target: str) -> None:
    """Another leader signs in software of another maker; `elsewhere/` holds what its certificates are checked with."""
    leader = Elsewhere.create()
    (folder / target).write_bytes(leader.sign((folder / source).read_bytes()))
    place = folder / "elsewhere"
    (place / "crls").mkdir(parents=True)
    (place / "root.pem").write_bytes(leader.root)
    (place / "chain.pem").write_bytes(leader.chain)
    for number, crl in enumerate(leader.crls):
        (place / "crls" / f"{number}.crl").write_bytes(crl)


def _scan(folder: Path, _environ: dict[str, str], path: str, dpi: str) -> None:
    """A sheet of paper with a red seal on it, scanned in colour."""
    width, height = (round(mm / 25.4 * int(dpi)) for mm in (210, 297))
    paper = Image.new("RGB", (width, height), "white")
    paper.paste("red", (width // 2, height // 2, width // 2 + width // 6, height // 2 + height // 9))
    paper.save(folder / path, "PDF", resolution=int(dpi))


def _lines(folder: Path, _environ: dict[str, str], path: str, *lines: str) -> None:
    """A worksheet as Excel saves it here: with a byte order mark."""
    (folder / path).write_text("\r\n".join(lines) + "\r\n", "utf-8-sig", newline="")


def _lose_the_request(folder: Path, _environ: dict[str, str]) -> None:
    """Somebody tidies up the spool folder."""
    for path in (folder / "spool").glob("*.request"):
        path.unlink()


def _by_hand(folder: Path, _environ: dict[str, str], *statements: str) -> None:
    """Somebody at the database's own prompt, where no program is in their way."""
    with closing(sqlite3.connect(folder / "register.sqlite", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


_HELPERS: Mapping[str, Callable[..., None]] = {
    "authority": _authority,
    "by-hand": _by_hand,
    "certify": _certify,
    "change-a-byte": _change_a_byte,
    "chmod": _chmod,
    "configure": _configure,
    "cp": _cp,
    "lines": _lines,
    "lose-the-request": _lose_the_request,
    "mkdir": _mkdir,
    "move-the-seal": _move_the_seal,
    "page": page,
    "picture": _picture,
    "power-cut": _power_cut,
    "rm": _rm,
    "sample": _sample,
    "scan": _scan,
    "sign-elsewhere": _sign_elsewhere,
    "signature-image": _signature_image,
    "status-key": _status_key,
    "write": _write,
}
