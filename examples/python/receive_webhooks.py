"""Receive webhooks: `ESIGN_WEBHOOK_SECRETS='whsec_…' receive_webhooks.py PORT`; two secrets while one is replaced.

What matters: the signature is over the bytes that came, an id that was seen is dropped, and the answer comes at once;
the work is done afterwards.
"""

import os
import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

from esign.client import verify_webhook
from esign.errors import InputError

SECRETS = os.environ["ESIGN_WEBHOOK_SECRETS"].split()
seen: set[str] = set()  # a portal keeps these in its database


class Receiver(BaseHTTPRequestHandler):
    """One webhook."""

    def do_POST(self) -> None:
        """Check it, and take it once."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
        try:
            event = verify_webhook(dict(self.headers), body, secrets=SECRETS, now=datetime.now(UTC))
        except InputError as e:
            print(e.code, flush=True)
            self._answer(400)
            return
        if event.id not in seen:
            seen.add(event.id)
            print(event.type, event.data["id"], flush=True)
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: addresses may hold what a log should not."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
