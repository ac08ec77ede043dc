"""What a reader of the guides has: the folder of `make demo`, and PDFs that other software made."""

import shutil
import subprocess
import sys
from pathlib import Path

import typst

ROOT = Path(__file__).parents[2]


def make(folder: Path) -> None:
    """Make it."""
    subprocess.run([sys.executable, ROOT / "scripts/demo.py", folder], check=True, stdout=subprocess.DEVNULL)
    (folder / "giay-phep.pdf").write_bytes(pdf("Giấy phép MẪU"))
    (folder / "ho-so").mkdir()
    for i in range(3):
        (folder / "ho-so" / f"ho-so-{i}.pdf").write_bytes(pdf(f"Hồ sơ MẪU số {i}"))


def copy(made: Path, folder: Path) -> None:
    """The same folder elsewhere, as if it had been made there."""
    shutil.copytree(made, folder)
    conf = folder / "softhsm/softhsm2.conf"
    conf.write_text(conf.read_text("utf-8").replace(str(made.resolve()), str(folder.resolve())), "utf-8")


def pdf(title: str) -> bytes:
    """A page of other software."""
    made: bytes = typst.compile(f'#set page("a4")\n#set text(lang: "vi")\n= {title}\nNội dung.'.encode())
    return made
