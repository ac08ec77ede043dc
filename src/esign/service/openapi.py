"""The OpenAPI document: what every route takes and answers, with examples that work."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from esign.api.base import Model
from esign.api.problems import MEDIA_TYPE, Problem

__all__ = ["answering", "describe", "pdf_answer", "taking"]

_TAKEN = "x-esign-model"
_REFERENCE = "#/components/schemas/{model}"
_models: dict[str, type[Model]] = {}
"""What routes take that read their bodies themselves, by name."""


def taking(model: type[Model], *, file: str = "") -> dict[str, Any]:
    """For a route that reads its body itself: a `model` in JSON, with `file` also as multipart."""
    _models[model.__name__] = model
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    content: dict[str, Any] = {"application/json": {"schema": schema}}
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


def answering(model: Model, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of JSON that no cache keeps."""
    sent = {"Cache-Control": "no-store", **(headers or {})}
    return Response(model.model_dump_json(), status_code=status, media_type="application/json", headers=sent)


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
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    wanted: list[Any] = [(model, "validation") for model in _models.values()]
    _, made = models_json_schema([*wanted, (Problem, "serialization")], ref_template=_REFERENCE)
    schemas.update({name: schema for name, schema in made.get("$defs", {}).items() if name not in schemas})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = {
        "description": "Refused.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    for path in found.get("paths", {}).values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = problem
    return found
