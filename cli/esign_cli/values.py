"""What is typed becomes a value: texts, numbers, paths and lists of them.

The parser would use pydantic for it, for every option of a command, given or not; loading that takes longer than a
token takes to sign.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import typer
from typer._coercion import RuntimeParam

__all__ = ["convert_plainly"]

_KINDS: Mapping[Any, Callable[[Any], Any]] = {str: str, int: int, float: float, bool: bool, Path: Path}


class _Plain(RuntimeParam):
    """How one option or argument is converted; what is not given has been dealt with before."""

    def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
        annotation: Any = self.annotation
        if get_origin(annotation) is list:
            (kind,) = get_args(annotation)
            return [self._one(kind, item, param, ctx) for item in value]
        return self._one(annotation, value, param, ctx)

    def _one(self, kind: Any, value: Any, param: Any, ctx: Any) -> Any:
        least, most = self.parameter_info.min, self.parameter_info.max
        try:
            found = _KINDS[kind](value)
        except ValueError as e:
            raise typer.BadParameter(f"not a valid {kind.__name__}", ctx=ctx, param=param) from e
        if (least is not None and not found >= least) or (most is not None and not found <= most):
            raise typer.BadParameter(f"{least} … {most}", ctx=ctx, param=param)
        return found


def convert_plainly(param: Any) -> None:
    """Let `param`, an option or argument of typer's, be converted without pydantic; others are left to the parser."""
    annotation = param.type_descriptor.annotation
    kind = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    if kind in _KINDS:
        param._runtime_param = _Plain(param.type_descriptor.parameter_info, annotation)  # noqa: SLF001  # there is no public way
