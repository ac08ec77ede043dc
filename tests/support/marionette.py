"""Firefox as Debian ships it, driven over Marionette: JSON over a socket, built into every Firefox.

Playwright drives only a Firefox of its own, and geckodriver would be one more thing to install.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.programs import program

__all__ = ["Firefox", "firefox"]

_PREFERENCES = {
    "marionette.port": 0,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "browser.startup.page": 0,
    "extensions.systemAddon.update.enabled": False,
}
_PATIENCE = 120.0


class Firefox:
    """One window; what fails in the page is an `AssertionError` here."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rwb")
        self._count = 0
        self._read()  # its greeting
        self._call("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}})
        self._call("WebDriver:SetTimeouts", {"script": 120_000, "pageLoad": 30_000})

    def goto(self, url: str) -> None:
        """Open `url` and wait for its load event."""
        self._call("WebDriver:Navigate", {"url": url})

    def reload(self) -> None:
        """Load the page again."""
        self._call("WebDriver:Refresh", {})

    def resize(self, width: int, height: int) -> None:
        """Give the window this outer size."""
        self._call("WebDriver:SetWindowRect", {"width": width, "height": height})

    def evaluate(self, function: str, *arguments: object) -> Any:
        """What `function`, JavaScript that may be async, returns for `arguments`."""
        script = f"""const args = Array.from(arguments), done = args.pop();
            Promise.resolve(({function})(...args)).then((v) => done({{v}}), (e) => done({{e: String(e)}}))"""
        answer = self._call("WebDriver:ExecuteAsyncScript", {"script": script, "args": list(arguments)})["value"]
        assert "e" not in answer, answer["e"]
        return answer.get("v")

    def _call(self, command: str, parameters: dict[str, object]) -> Any:
        self._count += 1
        message = json.dumps([0, self._count, command, parameters]).encode()
        self._stream.write(b"%d:%b" % (len(message), message))
        self._stream.flush()
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def _read(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += (byte := self._stream.read(1))
            assert byte, "Firefox hung up"
        return json.loads(self._stream.read(int(length[:-1])))


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Start Firefox with a fresh profile in `folder`, and end it."""
    profile = folder / "profile"
    profile.mkdir()
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines), "utf-8")
    process = subprocess.Popen(
        [program("firefox", "firefox-esr"), "--headless", "--no-remote", "--profile", str(profile), "--marionette"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MOZ_HEADLESS": "1", "HOME": str(folder)},
    )
    try:
        with socket.create_connection(("127.0.0.1", _port(profile)), timeout=150) as connection:
            yield Firefox(connection)
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)


def _port(profile: Path) -> int:
    """Which port it listens on: it says so in its profile once it does."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            if text := (profile / "MarionetteActivePort").read_text("utf-8").strip():
                return int(text)
        except FileNotFoundError:
            pass
        time.sleep(0.1)
    raise TimeoutError
