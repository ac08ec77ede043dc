"""Turns the tables of a TOML file into sections, by the sections' own field types; every mistake is named."""

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from esign.codes import AgencyCode
from esign.errors import ConfigurationError, Error
from esign.keys import KeyRef
from esign_cli.config.keys import PinKind, PinSection

__all__ = ["Reader"]

T = TypeVar("T")
_TOML: Final[dict[type, str]] = {
    str: "string",
    int: "integer",
    float: "float",
    bool: "boolean",
    list: "array",
    dict: "table",
}
_VALUES: Final = (AgencyCode, KeyRef, PinSection)
"""Dataclasses that are no tables: each is written as one value."""


class Reader:
    """Reads the tables of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def section(
        self, kind: type[T], table: Mapping[str, Any], name: str, *, extra: Mapping[str, Any] | None = None
    ) -> T:
        """The section `name` as a `kind`; what is left out has its default, and a path is relative to the file.

        Raises:
            ConfigurationError: `config-unknown-key`, `config-missing-key`, `config-wrong-type`, `config-choice`,
                `config-pin` or `config-value`.
        """
        values = dict(extra or {})
        # A dataclass type; typeshed's DataclassInstance is no public name.
        known = {f.name: f for f in dataclasses.fields(kind) if f.name not in values}  # type: ignore[arg-type]
        hints = get_type_hints(kind)
        for key, value in table.items():
            dotted = f"{name}.{key}" if name else key
            if key not in known:
                expected = ", ".join(known)
                raise ConfigurationError("config-unknown-key", file=self._path, key=dotted, expected=expected)
            values[key] = self._value(hints[key], value, dotted)
        for key, wanted in known.items():
            if key not in values:
                values[key] = self._default(wanted, f"{name}.{key}" if name else key)
        return kind(**values)

    def _default(self, wanted: dataclasses.Field[Any], key: str) -> object:
        """What is left out: an empty table has defaults of its own."""
        if wanted.default_factory is not dataclasses.MISSING:
            default = wanted.default_factory()
            return self.section(type(default), {}, key) if _is_section(type(default)) else default
        if wanted.default is dataclasses.MISSING:
            raise ConfigurationError("config-missing-key", file=self._path, key=key if "." in key else f"[{key}]")
        return self.place(wanted.default) if isinstance(wanted.default, Path) else wanted.default

    def _value(self, hint: Any, value: object, key: str) -> object:
        kinds = [k for k in get_args(hint) if k is not type(None)] if isinstance(hint, types.UnionType) else [hint]
        kind = kinds[0]
        if get_origin(kind) is tuple:
            items = self._exactly(list, value, key)
            return tuple(self._value(get_args(kind)[0], item, key) for item in items)
        if get_origin(kind) is Mapping:
            table = self._exactly(dict, value, key)
            return {k: self._value(get_args(kind)[1], item, f"{key}.{k}") for k, item in table.items()}
        if kind is PinSection:
            return self._pin(value, key)
        if _is_section(kind):
            return self.section(kind, self._exactly(dict, value, key), key)
        if kind is float:
            return float(self._exactly(int, value, key) if type(value) is int else self._exactly(float, value, key))
        if kind in (bool, int, str):
            return self._exactly(kind, value, key)
        text = self._exactly(str, value, key)
        if kind is Path and str in kinds and "://" in text:
            return text  # a place that is no path
        if kind is Path:
            return self.place(Path(text)) if text or hint is Path else None
        return self._parsed(kind, text, key)

    def _parsed(self, kind: Any, text: str, key: str) -> object:
        try:
            return kind(text) if issubclass(kind, Enum) else kind.parse(text)
        except Error as e:
            raise ConfigurationError("config-value", file=self._path, key=key, problem=e.reason) from e
        except ValueError as e:
            expected = " | ".join(member.value for member in kind)
            raise ConfigurationError("config-choice", file=self._path, key=key, found=text, expected=expected) from e

    def _exactly(self, kind: type[T], value: object, key: str) -> T:
        if type(value) is not kind:  # bool is an int to isinstance
            raise ConfigurationError(
                "config-wrong-type",
                file=self._path,
                key=key,
                found=_TOML.get(type(value), "?"),
                expected=_TOML[kind],
            )
        return value

    def _pin(self, value: object, key: str) -> PinSection:
        if value in (PinKind.PROMPT.value, PinKind.PIN_PAD.value):
            return PinSection(kind=PinKind(value))
        if isinstance(value, dict) and len(value) == 1:
            match value:
                case {"file": str(file)}:
                    return PinSection(kind=PinKind.FILE, file=self.place(Path(file)))
                case {"fd": int(fd)} if not isinstance(fd, bool):
                    return PinSection(kind=PinKind.FD, fd=fd)
                case {"credential": str(credential)}:
                    return PinSection(kind=PinKind.CREDENTIAL, credential=credential)
        # What stands there may be a PIN: it is not repeated.
        raise ConfigurationError("config-pin", file=self._path, key=key)

    def place(self, path: Path) -> Path:
        """`path`, relative to the folder of the file; what is absolute already stays."""
        return self._path.resolve().parent / path.expanduser()


def _is_section(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) and kind not in _VALUES
