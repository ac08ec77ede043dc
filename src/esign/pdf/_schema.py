"""A template's data against its JSON Schema (2020-12); what is told of data never repeats a value of theirs."""

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable

from esign.errors import InputError
from esign.pdf._typst import nfc

__all__ = ["check_data", "check_schema"]


def check_schema(schema: Mapping[str, Any], *, template: str) -> None:
    """Raise `template-invalid` where `schema` is none."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as e:
        raise InputError("template-invalid", template=template, problem="schema.json") from e


def check_data(data: object, schema: Mapping[str, Any], *, template: str, title: str) -> None:
    """Check `data`, in NFC.

    Raises:
        InputError: `template-data-invalid`: they break a rule, or are nested too deep to be looked at.
            `template-invalid`: a rule leads nowhere.
    """
    checker = jsonschema.Draft202012Validator(
        schema,
        registry=Registry(),  # nothing is fetched
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    try:
        error = jsonschema.exceptions.best_match(checker.iter_errors(nfc(data)))
    except Unresolvable as e:
        raise InputError("template-invalid", template=template, problem="$ref") from e
    except RecursionError as e:
        raise InputError("template-data-invalid", path="", title=title, problem="depth") from e
    if error is not None:
        field = error.schema.get("title", "") if isinstance(error.schema, Mapping) else ""
        path = "".join(f"/{part}" for part in error.absolute_path)
        raise InputError("template-data-invalid", path=path or "/", title=field, problem=_rule(error)) from None


def _rule(error: jsonschema.ValidationError) -> str:
    """The rule that was broken in the schema's own words, without the value that broke it."""
    rule, wanted = str(error.validator), error.validator_value
    if rule == "required" and isinstance(error.instance, Mapping) and isinstance(wanted, list):
        return f"required: {', '.join(str(n) for n in wanted if n not in error.instance)}"
    if rule == "additionalProperties":
        return rule
    return f"{rule}: {json.dumps(wanted, ensure_ascii=False)}" if isinstance(wanted, str | int | list) else rule
