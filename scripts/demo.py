"""The main job on a fresh machine: a token, a test PKI, one result issued, sealed, signed and verified.

Everything happens in build/demo through the command line, so that what is shown here can be typed by hand.
The PKI is a specimen whose keys are forgotten when this script ends.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cryptography.hazmat.primitives.serialization import Encoding  # noqa: E402

from tests.support.pki import PKI, pem  # noqa: E402

DEMO = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build" / "demo"
ESIGN = Path(sys.executable).with_name("esign")


def main() -> None:
    """Do it, step by step."""
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.parent.mkdir(exist_ok=True)
    # A demonstration must not touch the PIN guard of real tokens on this machine.
    os.environ["ESIGN_STATE_DIR"] = str(DEMO / "state")
    now = datetime.now(UTC)

    say("A working folder with a development token (SoftHSM) and a specimen of a red seal")
    run("esign", "init", ".", "--softhsm", "--sample", folder=DEMO)

    say("A test PKI certifies the two keys of the token")
    pki = PKI.create(since=now - timedelta(days=1))
    run(
        "esign", "key", "csr", "con-dau", "--subject", "CN=UBND PHƯỜNG MẪU", "--subject", "C=VN", "--out", "con-dau.csr"
    )
    certificate = pki.issuing.certify_request((DEMO / "con-dau.csr").read_bytes(), since=now - timedelta(days=1))
    (DEMO / "con-dau.pem").write_bytes(pem([certificate, pki.issuing.certificate]))
    run("esign", "key", "import", "con-dau.pem")
    trust = DEMO / "trust"
    trust.mkdir()
    (trust / "root.pem").write_bytes(pki.root.certificate.public_bytes(Encoding.PEM))
    for name, crl in zip(("root", "issuing"), pki.crls(at=now - timedelta(hours=1)), strict=True):
        (trust / f"{name}.crl").write_bytes(crl)
    configure(anchors=["trust/root.pem"], crls=["trust/root.crl", "trust/issuing.crl"])

    say("Issue a decision from a template: number, QR seal, signature, register")
    sample = ROOT / "src" / "esign" / "pdf" / "templates" / "quyet-dinh" / "sample.json"
    shutil.copy(sample, DEMO / "data.json")
    issued = json.loads(
        run(
            *("esign", "issue", "--template", "quyet-dinh", "--data", "data.json", "--symbol", "QĐ-UBND"),
            *("--procedure", "1.012345", "--title", "Quyết định", "--dossier", "H26.1.2-261120-0001", "--json"),
        )
    )
    shutil.copy(DEMO / issued["file"], DEMO / "result.pdf")

    say("Verify it as anybody would")
    run("esign", "verify", "result.pdf")
    run("esign", "seal", "verify", "result.pdf")
    run("pdftoppm", "-r", "150", "-png", "-singlefile", "result.pdf", "result")

    say("Done")
    shown = os.path.relpath(DEMO)
    print(f"  {shown}/result.pdf   the decision {issued['number']}, signed and sealed")
    print(f"  {shown}/result.png   the page as a picture")
    print("\nWhat to try next:\n")
    print(f"  cd {shown}; export ESIGN_STATE_DIR=$PWD/state PATH=$PATH:{os.path.relpath(ESIGN.parent, DEMO)}")
    print("  esign doctor                                       what this office has, and what is missing")
    print(f"  esign result withdraw {issued['id']} --by 'Văn thư' --why 'Sai sót'")
    print("  esign verify result.pdf                            the signature stays valid; the result is withdrawn")
    print("  esign sign ANY.pdf                                 sign a file of your own")
    print("  esign issue --templates                            what else can be issued")


def run(*command: str, folder: Path | None = None) -> str:
    """Show and run one command; what it prints is shown too."""
    place = folder or DEMO
    place.mkdir(parents=True, exist_ok=True)
    print("  $", " ".join(f"'{c}'" if " " in c else c for c in command), flush=True)
    program = str(ESIGN) if command[0] == "esign" else command[0]
    done = subprocess.run([program, *command[1:]], cwd=place, stdout=subprocess.PIPE, text=True, check=False)
    for line in done.stdout.splitlines():
        print("   ", line)
    if done.returncode:
        sys.exit(f"demo: {command[0]} {command[1]} ended with exit code {done.returncode}")
    return done.stdout


def configure(**trust: list[str]) -> None:
    """Name the trusted certificates in esign.toml, as an operator would with an editor."""
    file = DEMO / "esign.toml"
    text = file.read_text("utf-8")
    for name, paths in trust.items():
        before = f"\n{name} = []"
        assert before in text
        text = text.replace(before, f"\n{name} = {json.dumps(paths)}")
    file.write_text(text, "utf-8")


def say(what: str) -> None:
    """A heading."""
    print(f"\n== {what}", flush=True)


if __name__ == "__main__":
    main()
