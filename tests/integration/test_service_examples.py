"""The examples for portals, in curl, Python and Java, against a service that fails at first; C# is only compared."""

import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from esign.registry import IntentState
from esign.webhooks.signing import signature
from tests.support.office import Office
from tests.support.programs import program
from tests.support.service import ServiceForTest, answering, service
from tests.support.waiting import LONG, until

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRET, OTHER = b"k" * 24, b"n" * 24


@pytest.fixture
def here(rsa_office: Path, tmp_path: Path) -> Iterator[ServiceForTest]:
    office = Office.copied(rsa_office, tmp_path / "office")
    with service(office) as running:
        yield running
    office.registry.close()


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Java examples, compiled without a warning."""
    javac = program("javac")
    target = tmp_path_factory.mktemp("classes")
    sources = sorted(str(p) for p in (EXAMPLES / "java").glob("*.java"))
    done = subprocess.run(
        [javac, "--release", "17", "-Xlint:all", "-Xlint:-options", "-Werror", "-d", str(target), *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


def command(language: str, name: str, request: pytest.FixtureRequest) -> list[str]:
    match language:
        case "curl":
            program("curl")
            return [str(EXAMPLES / "curl" / f"{name}.sh")]
        case "python":
            return [sys.executable, str(EXAMPLES / "python" / f"{name}.py")]
    folder: Path = request.getfixturevalue("classes")
    java = {"issue": "Issue", "receive_webhooks": "ReceiveWebhooks"}[name]
    return ["java", "-XX:TieredStopAtLevel=1", "-Dstdout.encoding=UTF-8", "-cp", str(folder), java]


class Troubled:
    """Before an application: the first request finds it busy, the answer to the second is lost on the way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.keys: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/results"):
            await self._app(scope, receive, send)
            return
        self.keys.append(dict(scope["headers"])[b"idempotency-key"])
        if len(self.keys) == 1:
            while (await receive()).get("more_body"):
                pass
            await send({"type": "http.response.start", "status": 503, "headers": [(b"retry-after", b"1")]})
            await send({"type": "http.response.body", "body": b""})
        elif len(self.keys) == 2:

            async def losing(message: dict[str, object]) -> None:
                if message["type"] == "http.response.start":
                    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"999")]})

            await self._app(scope, receive, losing)  # type: ignore[arg-type]  # a message is a mapping
            await send({"type": "http.response.body", "body": b"{"})  # and the connection is closed
        else:
            await self._app(scope, receive, send)


@pytest.mark.parametrize("language", ["curl", "python", "java"])
def test_a_result_is_issued_once(
    language: str, here: ServiceForTest, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    troubled = Troubled(here.app)
    issue = command(language, "issue", request)
    with answering(troubled) as url:
        done = subprocess.run(
            [*issue, str(EXAMPLES / "request.json"), "ho-so-17"],
            cwd=tmp_path,
            env={**os.environ, "ESIGN_URL": url, "ESIGN_AGENCY": str(here.agency), "ESIGN_TOKEN": here.name},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    number, name, integrity = done.stdout.split()
    assert (number, integrity) == ("01/QĐ-UBND", "INTACT")
    assert len(troubled.keys) == 3
    assert set(troubled.keys) == {b"ho-so-17"}
    (issued,) = here.office.registry.listing(states=(IntentState.ISSUED,)).entries
    assert issued.registration is not None
    assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == issued.registration.sha256


@pytest.mark.parametrize("language", ["curl", "python", "java"])
def test_what_is_refused_is_not_sent_again(
    language: str, here: ServiceForTest, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    wrong = json.loads((EXAMPLES / "request.json").read_text("utf-8")) | {"dossier": "sai"}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong), "utf-8")
    done = subprocess.run(
        [*command(language, "issue", request), "wrong.json", "ho-so-18"],
        cwd=tmp_path,
        env={
            **os.environ,
            "ESIGN_URL": str(here.client.base_url),
            "ESIGN_AGENCY": str(here.agency),
            "ESIGN_TOKEN": here.name,
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "dossier-code-invalid" in done.stderr
    assert list(tmp_path.glob("*.pdf")) == []


@pytest.mark.parametrize("language", ["python", "java"])
def test_webhooks_are_taken_once_and_only_signed(language: str, request: pytest.FixtureRequest) -> None:
    receiver = command(language, "receive_webhooks", request)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secrets = " ".join(f"whsec_{base64.b64encode(s).decode()}" for s in (SECRET, OTHER))
    process = subprocess.Popen(
        [*receiver, str(port)],
        env={**os.environ, "ESIGN_WEBHOOK_SECRETS": secrets},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    body = json.dumps({"type": "result.issued", "data": {"id": "7K3M-9XQ2-4RTB-0ZWA"}}).encode()
    now = datetime.now(UTC)

    def send(id: str, *, secret: bytes = SECRET, at: datetime = now, sent: bytes = body) -> int:  # noqa: A002
        stamp = int(at.timestamp())
        headers = {
            "webhook-id": id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": "v1,AAAA " + signature(secret, id=id, timestamp=stamp, body=body),
        }
        return httpx.post(f"http://127.0.0.1:{port}/", content=sent, headers=headers, timeout=LONG).status_code

    def takes_the_first() -> bool:
        assert process.poll() is None
        try:
            return send("msg_1") == 204
        except httpx.ConnectError:
            return False

    try:
        until(takes_the_first)
        assert send("msg_1") == 204
        assert send("msg_2", secret=OTHER) == 204
        assert send("msg_3", secret=b"x" * 24) == 400
        assert send("msg_4", sent=body.replace(b"0ZWA", b"0ZWB")) == 400
        assert send("msg_5", at=now - timedelta(hours=1)) == 400
    finally:
        process.terminate()
        said = process.communicate(timeout=LONG)[0]
    assert said.count("result.issued") == 2
    assert said.count("7K3M-9XQ2-4RTB-0ZWA") == 2
    assert len(said.splitlines()) == 5


def test_the_token_is_no_argument_of_curl() -> None:
    script = (EXAMPLES / "curl" / "issue.sh").read_text("utf-8")
    subprocess.run(["sh", "-n", "-c", script], check=True)
    assert "ESIGN_TOKEN" not in re.sub(r"^printf .*$|^#.*$", "", script, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["Issue", "ReceiveWebhooks"])
def test_c_sharp_names_what_java_names(name: str) -> None:
    """Nothing here compiles C#: addresses, headers and codes are at least those of the example that is run."""
    java = (EXAMPLES / "java" / f"{name}.java").read_text("utf-8")
    sharp = (EXAMPLES / "csharp" / f"{name}.cs").read_text("utf-8")
    assert "Not run" in sharp
    for opening, closing in ("{}", "()", "[]"):
        assert sharp.count(opening) == sharp.count(closing)
    words = {"/results", "/verifications", "/document", "Idempotency-Key", "in-flight", "429", "502", "503", "504"}
    words |= {"webhook-id", "webhook-timestamp", "webhook-signature", "whsec_", "v1,", "ESIGN_WEBHOOK_SECRETS"}
    assert {word for word in words if word in java} == {word for word in words if word in sharp}
