"""nginx before `esign serve`: it ends TLS and checks client certificates, as docs/guide/operate.md configures it."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.programs import program
from tests.support.waiting import until

__all__ = ["ADDRESS", "terminating_tls"]

ADDRESS = "127.0.0.2"
"""Where its connections to the service come from: whoever else is on this host has another address."""
_GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "operate.md"
_AROUND = """\
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{server}
}}
"""


@contextmanager
def terminating_tls(upstream: int, *, certificate: Path, clients: Path) -> Iterator[str]:
    """A proxy with the key and certificate in one file, which asks for certificates of `clients`; gives its URL."""
    command, port = program("nginx"), free_port()
    with tempfile.TemporaryDirectory(prefix="esign-nginx-") as place:
        folder = Path(place)
        server = _said_in_the_guide()
        for said, here in {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/esign/tls/server.pem": str(certificate),
            "/etc/esign/tls/server.key": str(certificate),
            "/etc/esign/tls/clients.pem": str(clients),
            "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        }.items():
            assert said in server, f"{said} is not in the guide's configuration"
            server = server.replace(said, here)
        user = "user root;" if sys.platform != "win32" and os.geteuid() == 0 else ""
        text = _AROUND.format(folder=folder, user=user, server=server)
        (folder / "nginx.conf").write_text(text, "utf-8")
        with (folder / "said").open("w+b") as said_by_it:
            process = subprocess.Popen(
                [command, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")],
                stdout=said_by_it,
                stderr=said_by_it,
            )
            try:
                until(lambda: (folder / "pid").exists() or process.poll() is not None)
                assert process.poll() is None, (folder / "error.log").read_text("utf-8")
                yield f"https://127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait(timeout=60)


def _said_in_the_guide() -> str:
    found = re.search(r"```nginx\n(server \{.*?\n\})\n```", _GUIDE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]
