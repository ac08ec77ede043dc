"""The public side: the citizen's page, what is published, and look-ups; nobody says who they are.

It needs no token, no PIN and no writing to the register: it can run as a process of its own, and answers while
nothing can be signed.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Header, Path, Request
from starlette.responses import HTMLResponse, Response

from esign.api.lookup import LookupAnswer, LookupRequest, Other, PresentationRequest
from esign.citizen import Page
from esign.codes import ResultId
from esign.errors import RegistryError, ServiceError
from esign.lookup import Found, Lookup
from esign.publishing.stores import Store, caching, media_type
from esign.service.bodies import media_type_of, read_model
from esign.service.client import client_of
from esign.service.desk import Desk
from esign.service.openapi import answering, taking
from esign.service.pages import policy, render
from esign.service.trail import for_everybody
from esign.service.turnstile import Turnstile

__all__ = ["Public"]

_FORM = "application/x-www-form-urlencoded"
_PRESENTED = frozenset({"presentation-used", "presentation-expired", "presentation-unknown"})
_FileName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$", examples=["0.cwt"])]
_Known = Annotated[str, Header(alias="If-None-Match", description="Digests that the caller has, as ETags.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """What the public side consists of."""

    lookup: Lookup
    """Answers look-ups."""
    desk: Desk
    """Where the register and the published files are read."""
    now: Callable[[], datetime]
    """The clock."""
    page: Page | None = None
    """The citizen's page; None where another host has it."""
    published: Store | None = None
    """Shards, details and the trust list; None where another host has them."""

    def router(self, *, front: bool = False) -> APIRouter:
        """The routes; with `front` the page is also what opens at the host's root."""
        router = APIRouter(tags=["public"])
        _add_lookups(router, self)
        if self.published is not None:
            _add_published(router, self.published, self.desk)
        if self.page is not None:
            _add_page(router, self.page, front=front)
        return router


def _add_lookups(router: APIRouter, public: Public) -> None:
    turnstile = Turnstile(public.lookup.by_ids, desk=public.desk)

    @router.post(
        "/lookup",
        summary="Look a result up by its printed id",
        response_model=LookupAnswer,
        openapi_extra=taking(LookupRequest),
    )
    @for_everybody
    async def look_up(request: Request) -> Response:
        """Forgives O for 0, I for 1 and two swapped neighbours; answers no more than the paper shows.

        What is not there and what is hidden is answered alike, and at evenly spaced moments. A form gets a page.
        """
        as_form = media_type_of(request) == _FORM
        typed = await _typed(request) if as_form else (await read_model(request, LookupRequest)).id
        public.lookup.admit(client_of(request))
        found = await turnstile.ask(ResultId.parse(typed))
        answer = _answer(found, public.now())
        if not as_form:
            return answering(answer, sparse=True)
        return HTMLResponse(render("found.html", answer=answer, standings=_STANDINGS), headers=policy())

    @router.post(
        "/presentation",
        summary="See what a holder's phone shows",
        response_model=LookupAnswer,
        response_model_exclude_none=True,
        openapi_extra=taking(PresentationRequest),
    )
    @for_everybody
    async def see(request: Request) -> Response:
        """Each code works once, for half a minute."""
        body = await read_model(request, PresentationRequest)
        try:
            found = await public.desk.run(public.lookup.by_presentation, body.digits, client=client_of(request))
        except RegistryError as e:
            if e.code not in _PRESENTED:
                raise
            return answering(LookupAnswer.model_validate({"found": False, "reason": e.code}), sparse=True)
        return answering(_answer(found, public.now()), sparse=True)


def _add_published(router: APIRouter, store: Store, desk: Desk) -> None:
    async def file(folder: str, name: str, known: str) -> Response:
        data = await desk.run(store.get, f"{folder}/{name}")
        if data is None:
            raise ServiceError("route-unknown")
        path = f"{folder}/{name}"
        headers = {"Cache-Control": caching(path), "Access-Control-Allow-Origin": "*"}
        return _file(data, media_type(path), headers, known)

    @router.get("/s/{name}", summary="A status list, its details, or the manifest", response_class=Response)
    @for_everybody
    async def status(name: _FileName, if_none_match: _Known = "") -> Response:
        """Signed static files (docs/spec/status.md)."""
        return await file("s", name, if_none_match)

    @router.get("/t/{name}", summary="A part of the trust list", response_class=Response)
    @for_everybody
    async def trust(name: _FileName, if_none_match: _Known = "") -> Response:
        """Signed static files (docs/spec/trust-list.md)."""
        return await file("t", name, if_none_match)


def _add_page(router: APIRouter, page: Page, *, front: bool) -> None:
    headers = dict(page.headers())
    files = {path: data for path, data in page.files().items() if front or path != "/"}

    def serving(path: str, data: bytes) -> Callable[..., Any]:
        name = path.removeprefix("/") or "index.html"
        kept = {**headers, "Cache-Control": caching(name)}
        if "." in path:  # the policy of a page says nothing to a script that another program loads
            kept = {"Cache-Control": caching(name), "Access-Control-Allow-Origin": "*"}

        @for_everybody
        async def serve(if_none_match: _Known = "") -> Response:
            return _file(data, media_type(name), kept, if_none_match)

        return serve

    for path, data in files.items():
        router.add_api_route(path, serving(path, data), summary="The citizen's page", include_in_schema=False)


_STANDINGS = {
    "in-force": ("Còn hiệu lực", "In force"),
    "corrected": ("Còn hiệu lực, đã được đính chính", "In force, with a correction"),
    "replaced": ("Đã được thay thế", "Replaced"),
    "withdrawn": ("Đã bị thu hồi", "Withdrawn"),
    "suspended": ("Đang tạm dừng hiệu lực", "Suspended"),
    "expired": ("Đã hết hạn", "Expired"),
}


def _file(data: bytes, kind: str, headers: Mapping[str, str], known: str) -> Response:
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    sent = {"ETag": tag, "Cross-Origin-Resource-Policy": "cross-origin", **headers}
    if tag in {each.strip().removeprefix("W/") for each in known.split(",")}:
        return Response(status_code=304, headers=sent)
    return Response(data, media_type=kind, headers=sent)


async def _typed(request: Request) -> str:
    """What stands in the form's one field."""
    try:
        fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=4)
    except ValueError:  # more of them
        fields = {}
    return fields.get("id", [""])[0][:60]


def _answer(found: Found | None, at: datetime) -> LookupAnswer:
    if found is None:
        return LookupAnswer(found=False)
    entry = found.entry
    return LookupAnswer(
        found=True,
        swapped=found.swapped,
        id=str(entry.id),
        agency=str(entry.agency),
        number=str(entry.number) if entry.number else None,
        issue_date=entry.issue_date,
        title=entry.title,
        holder=entry.masked_holder or None,
        standing=entry.standing.standing.value,
        expires=entry.standing.expires,
        others=[Other(id=str(o.id), number=str(o.number) if o.number else None) for o in entry.others],
        presented_at=found.presented_at,
        at=at,
    )
