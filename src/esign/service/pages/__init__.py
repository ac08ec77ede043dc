"""The few plain pages that the service has of its own: no script, nothing fetched, a style that its policy names."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["policy", "render"]


def render(name: str, **values: Any) -> str:
    """The page `name` with `values`, which are escaped."""
    return _environment().get_template(name).render(style=_style(), **values)


@cache
def policy() -> Mapping[str, str]:
    """What a browser may do with them."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    said = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": said}


@cache
def _environment() -> Environment:
    loader = PackageLoader("esign.service", "pages")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def _style() -> str:
    return files("esign.service").joinpath("pages", "style.css").read_text("utf-8")
