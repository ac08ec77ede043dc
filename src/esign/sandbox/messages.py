"""Messages between a process and its worker: length and pickle; what a worker says is read with suspicion.

A worker may have fallen to the file it looked at. From its pickles only plain values and classes of named modules are
made: no function of anybody's is ever called by reading one.
"""

import io
import pickle
import struct
from collections.abc import Collection
from enum import Enum
from typing import IO, Any, Final

__all__ = ["Unexpected", "packed", "receive", "send", "unpacked"]

_HEAD: Final = struct.Struct(">Q")
_MOST: Final = 256 << 20


class Unexpected(Exception):
    """What arrived is no message of this protocol."""


def send(channel: IO[bytes], data: bytes) -> None:
    """Write one message."""
    channel.write(_HEAD.pack(len(data)))
    channel.write(data)
    channel.flush()


def receive(channel: IO[bytes]) -> bytes | None:
    """The next message; None where the other side has gone.

    Raises:
        Unexpected: it is longer than any message, or breaks off.
    """
    head = channel.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise Unexpected
    (size,) = _HEAD.unpack(head)
    if size > _MOST:
        raise Unexpected
    data = channel.read(size)
    if len(data) < size:
        raise Unexpected
    return data


def packed(value: object) -> bytes:
    """`value` as a pickle."""
    written = io.BytesIO()
    _Writer(written, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return written.getvalue()


def unpacked(data: bytes, *, modules: Collection[str]) -> object:
    """The value that a worker sent; of classes, only those of `modules` are made.

    Raises:
        Unexpected: it holds anything else.
    """
    try:
        return _Reader(data, modules).load()
    except Exception as e:
        raise Unexpected from e


class _Writer(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:
        # Python before 3.11.4 has a member looked up by `getattr`, which is a function that nobody may call here.
        return (type(value), (value.value,)) if isinstance(value, Enum) else NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, modules: Collection[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._modules = modules

    def find_class(self, module: str, name: str) -> object:
        if module not in self._modules or "." in name:
            raise Unexpected
        found = super().find_class(module, name)
        plain = isinstance(found, type) and found.__module__ == module
        if not plain or not (module == "datetime" or hasattr(found, "__dataclass_fields__") or issubclass(found, Enum)):
            raise Unexpected
        return found
