"""An object store that speaks enough S3 for putting, getting, listing and deleting; it keeps headers and order.

It checks no signatures, but refuses requests without one.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Bucket:
    """What the server holds: bytes and headers by key."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str], datetime]] = {}
        self.puts: list[str] = []
        self.fails = 0
        """So many of the next requests are answered with 400."""
        self.loses_answers = 0
        """So many of the next puts are done, and not answered."""
        self.garbles = False
        """Whether it stores other bytes than it was given."""
        self.lock = threading.Lock()


@contextmanager
def serving(bucket: Bucket) -> Iterator[str]:
    """The endpoint's address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _key(self) -> str:
            return unquote(urlsplit(self.path).path).split("/", 2)[2] if self.path.count("/") > 1 else ""

        def _refused(self) -> bool:
            if bucket.fails:
                bucket.fails -= 1
                self._answer(400, b"<Error><Code>Broken</Code></Error>")
                return True
            if "AWS4-HMAC-SHA256" not in self.headers.get("Authorization", ""):
                self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
                return True
            return False

        def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self._refused():
                return
            kept = {name: self.headers.get(name, "") for name in ("Content-Type", "Cache-Control")}
            with bucket.lock:
                if self.headers.get("If-None-Match") == "*" and self._key() in bucket.objects:
                    self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                    return
                stored = data[:-1] + b"?" if bucket.garbles else data
                bucket.objects[self._key()] = (stored, kept, datetime.now(UTC))
                bucket.puts.append(self._key())
            if bucket.loses_answers:
                bucket.loses_answers -= 1
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._answer(200, ETag='"x"')

        def do_GET(self) -> None:
            if self._refused():
                return
            query = parse_qs(urlsplit(self.path).query)
            if "list-type" in query:
                self._list(query.get("prefix", [""])[0])
                return
            found = bucket.objects.get(self._key())
            if found is None:
                self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
                return
            data, headers, at = found
            modified = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
            self._answer(200, data, ETag='"x"', Last_Modified=modified, Content_Type=headers["Content-Type"])

        def do_HEAD(self) -> None:
            found = bucket.objects.get(self._key())
            if self._refused():
                return
            if found is None:
                self._answer(404)
                return
            data, _, at = found
            modified = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", '"x"')
            self.send_header("Last-Modified", modified)
            self.end_headers()

        def _list(self, prefix: str) -> None:
            entries = "".join(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{at.strftime('%Y-%m-%dT%H:%M:%S.000Z')}</LastModified>"
                f"<ETag>x</ETag><Size>{len(data)}</Size></Contents>"
                for key, (data, _, at) in sorted(bucket.objects.items())
                if key.startswith(prefix)
            )
            body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
            self._answer(200, body.encode(), Content_Type="application/xml")

        def do_POST(self) -> None:
            """Deleting several."""
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if not self._refused():
                keys = [part.partition("</Key>")[0] for part in body.split("<Key>")[1:]]
                for key in keys:
                    bucket.objects.pop(key, None)
                gone = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
                self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode(), Content_Type="application/xml")

        def do_DELETE(self) -> None:
            if not self._refused():
                bucket.objects.pop(self._key(), None)
                self._answer(204)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
