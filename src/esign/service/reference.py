"""The first page: the whole interface as one plain page, made from the OpenAPI document; nothing is fetched for it.

And a page for each problem, at the address that is its `type` (RFC 9457 §3.1.1).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse

from esign.errors import ServiceError
from esign.service.examples import example_of
from esign.service.offices import parts_of
from esign.service.openapi import operations
from esign.service.pages import policy, render
from esign.service.trail import for_everybody
from esign.texts import catalogue

__all__ = ["problem_router", "router"]

router = APIRouter(include_in_schema=False)
problem_router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/docs")
@for_everybody
async def reference(request: Request) -> HTMLResponse:
    """The interface, for people."""
    agency = next(iter(parts_of(request).offices), None)
    document = request.app.openapi()
    html = render(
        "reference.html",
        document=document,
        groups=_groups(document),
        agency=str(agency or "H26.1.2"),
        base=_address(request),
        first=json.dumps(example_of("IssueRequest"), ensure_ascii=False),
    )
    return HTMLResponse(html, headers=policy())


@problem_router.get("/problems/{code}")
@for_everybody
async def problem(code: Annotated[str, Path(pattern="^[a-z0-9-]{1,80}$")]) -> HTMLResponse:
    """What a problem's type stands for; its sentences without the facts of a case."""
    entry = catalogue().get(code)
    if entry is None or "next" not in entry:
        raise ServiceError("route-unknown")
    html = render("problem.html", code=code, entry=entry)
    return HTMLResponse(html, headers={**policy(), "Cache-Control": "public, max-age=3600"})


def _address(request: Request) -> str:
    """Where this service listens; what the Host header says is the caller's own text."""
    host, port = request.scope.get("server") or ("localhost", 0)
    return f"http://{host}:{port}"


def _groups(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations by their tags, each with what a reader needs to call it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, method, operation in operations(document):
        tag = next(iter(operation.get("tags", ())), "")
        body = operation.get("requestBody", {}).get("content", {})
        entry = {
            "path": path,
            "method": method.upper(),
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "parameters": operation.get("parameters", []),
            "kinds": list(body),
            "members": list(_members(document, body)),
            "example": body.get("application/json", {}).get("example"),
            "key": any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", [])),
            "answers": {status: _meaning(document, said) for status, said in sorted(operation["responses"].items())},
        }
        found.setdefault(tag, []).append(entry)
    return found


def _members(document: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    schema = _resolved(document, body.get("application/json", {}).get("schema", {}))
    required = set(schema.get("required", ()))
    for name, said in schema.get("properties", {}).items():
        yield {"name": name, "needed": name in required, "meaning": said.get("description", ""), "kind": _kind(said)}


def _kind(schema: Mapping[str, Any]) -> str:
    several = [_kind(each) for each in schema.get("anyOf", ())]
    if several:
        return " | ".join(several)
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    return str(schema.get("format") or schema.get("type") or "")


def _meaning(document: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    return str(_resolved(document, said).get("description", ""))


def _resolved(document: Mapping[str, Any], said: Mapping[str, Any]) -> Mapping[str, Any]:
    found = said
    while "$ref" in found:
        place: Any = document
        for step in str(found["$ref"]).removeprefix("#/").split("/"):
            place = place[step]
        found = place
    return found
