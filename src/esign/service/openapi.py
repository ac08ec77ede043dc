"""The OpenAPI document: what every route takes and answers, with examples that work."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from esign.api.base import Model
from esign.api.problems import MEDIA_TYPE, Problem
from esign.service.examples import example_of

__all__ = ["answering", "describe", "pdf_answer", "taking", "taking_file"]

_REFERENCE = "#/components/schemas/{model}"
_models: dict[str, type[Model]] = {}
"""What routes take that read their bodies themselves, by name."""
_SECURITY = {
    "accessKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access key of this service, or a token of the configured OpenID provider.",
    }
}
_REFUSALS = {
    "400": "The request is not as it must be.",
    "401": "Nobody knows who asks.",
    "403": "Whoever asks may not do this.",
    "404": "There is no such thing, at least not at this agency.",
    "405": "The address does not take this method.",
    "406": "There is no answer of the kind that Accept asks for.",
    "408": "The body did not arrive in time.",
    "409": "Not now: it is being worked on, or in another state; or the number is taken.",
    "413": "The body is too large.",
    "415": "The media type is not taken.",
    "422": "What is asked for cannot be; or the Idempotency-Key stands for another request.",
    "429": "Too often; Retry-After says when.",
    "431": "The head of the request is too large.",
    "500": "Nobody foresaw it; the incident stands in the log.",
    "503": "Not now: token, database or queue; Retry-After says when. The same request can be sent again.",
}
_ALWAYS = ("400", "405", "408", "413", "431", "500", "503")
_WITH_AGENCY = ("401", "403", "404", "429")
_WITH_BODY = ("409", "415", "422")
_WITH_RESULT = ("409",)


def taking(model: type[Model], *, file: str = "") -> dict[str, Any]:
    """For a route that reads its body itself: a `model` in JSON, with `file` also as multipart."""
    _models[model.__name__] = model
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    as_json: dict[str, Any] = {"schema": schema}
    example = example_of(model.__name__)
    if example is not None:
        as_json["example"] = example
    content: dict[str, Any] = {"application/json": as_json}
    if file:
        parts = {"request": schema, file: {"type": "string", "format": "binary"}}
        content["multipart/form-data"] = {
            "schema": {"type": "object", "properties": parts, "required": ["request"]},
            "encoding": {"request": {"contentType": "application/json"}, file: {"contentType": "application/pdf"}},
        }
    return {"requestBody": {"required": True, "content": content}}


def taking_file(*kinds: str) -> dict[str, Any]:
    """For a route whose body is a file of one of these media types, or multipart with the part `file`."""
    binary = {"type": "string", "format": "binary"}
    content: dict[str, Any] = {kind: {"schema": binary} for kind in kinds}
    content["multipart/form-data"] = {
        "schema": {"type": "object", "properties": {"file": binary}, "required": ["file"]}
    }
    return {"requestBody": {"required": True, "content": content}}


def pdf_answer(description: str) -> dict[int | str, dict[str, Any]]:
    """A route that answers with a PDF."""
    pdf = {"schema": {"type": "string", "format": "binary"}}
    return {
        200: {"description": description, "content": {"application/pdf": pdf}},
        304: {"description": "Not changed."},
    }


def answering(
    model: Model, *, status: int = 200, headers: Mapping[str, str] | None = None, sparse: bool = False
) -> Response:
    """An answer of JSON that no cache keeps; a `sparse` one has only the members that were set."""
    sent = {"Cache-Control": "no-store", **(headers or {})}
    body = model.model_dump_json(exclude_unset=sparse)
    return Response(body, status_code=status, media_type="application/json", headers=sent)


def describe(app: FastAPI) -> None:
    """Let `app` describe itself with problems in the place of the framework's own errors."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as the framework's own documentation does it


def _described(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    wanted: list[Any] = [(model, "validation") for model in _models.values()]
    _, made = models_json_schema([*wanted, (Problem, "serialization")], ref_template=_REFERENCE)
    schemas.update({name: schema for name, schema in made.get("$defs", {}).items() if name not in schemas})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = _SECURITY
    components["responses"] = {f"Problem{status}": _problem(meaning) for status, meaning in _REFUSALS.items()}
    for path, method, operation in operations(found):
        responses = operation["responses"]
        responses.pop("422", None)
        body = "requestBody" in operation
        of_agency = "/agencies/" in path
        if of_agency:
            operation["security"] = [{"accessKey": []}]
        codes = {
            *_ALWAYS,
            *(_WITH_AGENCY if of_agency else ("404",)),
            *(_WITH_BODY if body or method == "post" else ()),
            *(_WITH_RESULT if "{result}" in path else ()),
        }
        if not of_agency:
            codes |= {"429"}
        for status in sorted({*codes, "406", "422"} - responses.keys()):
            responses[status] = {"$ref": f"#/components/responses/Problem{status}"}
    return found


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every path with a method and what is said of it."""
    for path, methods in document.get("paths", {}).items():
        for method, operation in methods.items():
            yield path, method, operation


def _problem(meaning: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model="Problem")}
    return {"description": meaning, "content": {MEDIA_TYPE: {"schema": schema}}}
