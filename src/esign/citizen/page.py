"""One file out of HTML, CSS and ES modules, with a Content-Security-Policy that names exactly what it holds.

How it opens, what it asks for and what a server sends with it: docs/spec/page.md.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from esign.citizen.sources import script, source, style, words, worker
from esign.seal.list_keys import Root

__all__ = ["Page"]

_STYLE = '<link rel="stylesheet" href="page.css">'
_SCRIPT = '<script type="module" src="main.js"></script>'
_CONFIG = '<script type="application/json" id="config">{"host": "q.gov.vn", "roots": []}</script>'
_LOOKUP = "<!-- lookup -->"
_FORM = (
    '<form method="post" action="/lookup"><label>16 ký tự: <input name="id" autocomplete="off"></label> '
    '<button type="submit">Tra cứu</button></form>'
)
_HEAD = '<meta charset="utf-8">'


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page of one host."""

    host: str
    """The name that seals hold, and that has the trust list."""
    roots: tuple[Root, ...]
    """Whose trust lists it believes."""
    has_lookup: bool = False
    """Whether the host answers look-ups and presentation codes (docs/spec/presentation.md)."""
    check_service: str = ""
    """The address where a file can be uploaded for a full check; empty where there is none."""
    status_origins: tuple[str, ...] = ()
    """Other origins that the trust list names for status lists, for instance `https://s.gov.vn`."""

    def html(self) -> str:
        """The page as it is published."""
        return self._assembled({"words-vi": words("vi")})

    def kit(self, published: Mapping[str, bytes], *, at: datetime) -> str:
        """The page with files by address (trust list, shards, details), which works from a file without a network.

        `at` is when they were collected.
        """
        brought = {uri: base64.b64encode(data).decode() for uri, data in published.items()}
        data = {
            "words-vi": words("vi"),
            "words-en": words("en"),
            "kit": {"at": int(at.timestamp()), "files": brought},
        }
        return self._assembled(data)

    def files(self) -> Mapping[str, bytes]:
        """What is published, by path; the three pages are one and the same, `/verdict.js` is for other programs."""
        html = self.html().encode()
        others = {"/worker.js": worker().encode(), "/words.en.json": source("words.en.json").encode()}
        api = f"{script('api')}\nexport {{ verdict }};\n".encode()
        return {"/": html, "/1": html, "/p": html, "/verdict.js": api, **others}

    def headers(self) -> Mapping[str, str]:
        """What a server sends with the page, beside its type and how long it may be cached (docs/spec/page.md §6)."""
        return {
            "Content-Security-Policy": f"{_policy(self.html(), origins=self.status_origins)}; frame-ancestors 'none'",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        }

    def _assembled(self, data: Mapping[str, object]) -> str:
        roots = [
            {
                "name": root.name,
                "key": base64.b64encode(root.public_key).decode(),
                "first": root.agencies.first,
                "last": root.agencies.last,
            }
            for root in self.roots
        ]
        config = {"host": self.host, "roots": roots, "lookup": self.has_lookup, "service": self.check_service}
        blocks = "\n".join(_data_block(name, value) for name, value in {"config": config, **data}.items())
        html = _without_comments(source("page.html"))
        html = html.replace(_STYLE, f"<style>{style()}</style>")
        html = html.replace(_LOOKUP, _FORM if self.has_lookup else "")
        html = html.replace(_CONFIG, blocks)
        html = html.replace(_SCRIPT, f'<script type="module">{script("main")}</script>')
        # A kit asks the host that it comes from; the page asks its own.
        own = (f"https://{self.host}",) if "kit" in data else ()
        policy = _policy(html, origins=(*own, *self.status_origins))
        return html.replace(_HEAD, f'{_HEAD}\n<meta http-equiv="Content-Security-Policy" content="{policy}">')


def _without_comments(html: str) -> str:
    return re.sub(r"<!--(?! lookup).*?-->\n?", "", html, flags=re.DOTALL)


def _data_block(name: str, value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _policy(html: str, *, origins: tuple[str, ...]) -> str:
    """What the page may do: its own style and script by their hashes, and asking for signed files; nothing else."""
    connect = " ".join(("'self'", *origins))
    script = _hash('script type="module"', html)
    return (
        f"default-src 'none'; script-src {script}; style-src {_hash('style', html)}; "
        f"connect-src {connect}; img-src data:; worker-src 'self'; form-action 'self'; base-uri 'none'"
    )


def _hash(tag: str, html: str) -> str:
    inner = html.partition(f"<{tag}>")[2].partition(f"</{tag.partition(' ')[0]}>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()}'"
