"""A process of its own that holds the keys of a token: a crash or hang of a vendor's module ends there.

>>> with SignerProcess({"agency": KeyInUse(ref=uri, purpose=Purpose.DOCUMENT)}) as signer:
...     signature = signer.key("agency").sign(to_be_signed, mechanism=mechanism)

`supervisor` starts the process, watches it and starts it again; `process` is what runs in it; `wire` is the narrow
protocol between them: which keys there are, and "sign these bytes with this one".
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign_hsm.signer.supervisor import GuardMaker, KeyInUse, ProcessKey, SignerProcess
    from esign_hsm.signer.wire import Purpose

__all__ = ["GuardMaker", "KeyInUse", "ProcessKey", "Purpose", "SignerProcess"]

if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "supervisor": "GuardMaker KeyInUse ProcessKey SignerProcess",
            "wire": "Purpose",
        },
    )
