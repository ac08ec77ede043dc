"""A package whose modules are loaded when one of its names is first used (PEP 562).

A command that signs one file would wait for everything that a package offers. A package that wants to be cheap names
the homes of its names twice: for type checkers as ordinary imports, and for Python so::

    if TYPE_CHECKING:
        from esign.seal.keys import SealKey, SealKeys
    if not TYPE_CHECKING:
        __getattr__ = lazy.loader(__name__, {"keys": "SealKey SealKeys"})

No name may be that of a module of the package: importing that module would put it in the name's place.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["loader"]


def loader(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of `package`, whose modules are the keys of `homes`, each with the names that are public."""
    home = {name: f"{package}.{module}" for module, names in homes.items() for name in names.split()}

    def load(name: str) -> object:
        if name not in home:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=sys.modules[package])
        found: object = getattr(import_module(home[name]), name)
        setattr(sys.modules[package], name, found)  # the next use does not come here
        return found

    return load
