"""The examples and the demonstration, run as their users would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from esign.pdf import load
from tests.support.softhsm import softhsm_module

ROOT = Path(__file__).parents[2]
ESIGN = Path(sys.executable).with_name("esign")


def run(*command: str | Path, folder: Path) -> str:
    environment = {**os.environ, "ESIGN_STATE_DIR": str(folder / "state"), "PYTHONPATH": str(ROOT)}
    environment.pop("SOFTHSM2_CONF", None)
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, check=False, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make demo` leaves behind."""
    softhsm_module()
    folder = tmp_path_factory.mktemp("demo") / "demo"
    folder.mkdir()
    said = run(sys.executable, ROOT / "scripts" / "demo.py", folder, folder=folder.parent)
    assert "What to try next" in said
    return folder


def example(name: str, *arguments: str | Path, folder: Path) -> str:
    return run(sys.executable, ROOT / "examples" / name, *arguments, folder=folder)


@pytest.mark.softhsm
def test_the_demonstration_ends_with_a_page_that_verifies(demo: Path) -> None:
    assert (demo / "result.png").stat().st_size > 10_000
    said = run("pdfsig", "-nocert", demo / "result.pdf", folder=demo)
    assert "Signature Validation: Signature is Valid." in said
    (line,) = run(ESIGN, "verify", "--json", "result.pdf", folder=demo).splitlines()
    assert json.loads(line)["integrity"] == "INTACT"


@pytest.mark.softhsm
def test_issue_one_verify_replace(demo: Path) -> None:
    first = example("issue_one.py", demo, folder=demo).split()
    assert first[0] == "01/XN-UBND"
    assert first[1] == "H26.1.2-261120-0002-KQ1"
    assert example("issue_one.py", demo, folder=demo).split() == first  # a second call gives the same document
    (shown,) = example("verify_folder.py", demo, demo / "out", folder=demo).splitlines()[:1]
    assert shown.split()[1:] == ["INTACT", "TOTAL-PASSED", "in-force"]
    decision = json.loads(run(ESIGN, "result", "list", "--json", folder=demo).splitlines()[-1])
    ids = [Path(first[2]).stem, decision["id"]]
    said = example("withdraw_and_replace.py", demo, *ids, folder=demo)
    assert f"{ids[0]} replaced" in said
    assert f"{ids[1]} in-force" in said


@pytest.mark.softhsm
def test_fastapi_view(demo: Path, tmp_path: Path) -> None:
    """In a process of its own: SoftHSM reads its configuration once."""
    data = tmp_path / "data.json"
    data.write_text(json.dumps(load("ho-kinh-doanh").sample), "utf-8")
    code = "H26.1.2-261120-0007"
    script = (
        "import json, sys; from pathlib import Path; from fastapi.testclient import TestClient;"
        "from examples.fastapi_view import app; client = TestClient(app);"
        "data = json.loads(Path(sys.argv[1]).read_text('utf-8'));"
        "post = lambda key, code, body: client.post("
        "    f'/certificates/{code}', json=body, headers={'Idempotency-Key': key});"
        "one, two, bad = post('a', sys.argv[2], data), post('a', sys.argv[2], data), post('b', 'x', {});"
        "assert one.status_code == two.status_code == 200, one.text; assert one.content == two.content;"
        "assert one.content.startswith(b'%PDF'); assert bad.status_code == 422, bad.text;"
        "assert post('a', sys.argv[2], {}).status_code == 409;"
        "print(one.headers['X-Result-Code'], bad.json()['type'])"
    )
    environment = {"ESIGN_CONFIG": str(demo / "esign.toml")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(data), code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment, "ESIGN_STATE_DIR": str(demo / "state")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["H26.1.2-261120-0007-KQ1", "dossier-code-invalid"]


@pytest.mark.softhsm
def test_token_key(demo: Path) -> None:
    uri = f"pkcs11:token=van-thu;object=con-dau?pin-source={demo}/softhsm/pin"
    environment = {**os.environ, "SOFTHSM2_CONF": str(demo / "softhsm" / "softhsm2.conf")}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "token_key.py"), uri],
        capture_output=True,
        text=True,
        check=False,
        cwd=demo,
        env={**environment, "ESIGN_STATE_DIR": str(demo / "state")},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("rsa-pkcs1-sha256 True")
