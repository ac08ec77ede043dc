"""What runs in the signer process: open the keys, then answer until nobody is left (`python -m esign_hsm.signer`).

Its settings come as one line of JSON on standard input, never as arguments, which other users of the machine can read.
The end of standard input is the end of its caller, and of the process: no orphan keeps a token logged in.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from importlib import import_module
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from typing import Any, Protocol

from esign.errors import Error, InputError, KeyNotFound, KeyStoreError
from esign.keys import KeyRef, Mechanism, PinGuard, SigningKey
from esign_hsm.keystore import TokenKeyStore
from esign_hsm.pin import protect_process
from esign_hsm.signer.wire import Purpose, decoded, encoded, error_to, fits, receive, send

__all__ = ["main", "serve"]


class _Key(SigningKey, Protocol):
    """A key that can say whether it is still there."""

    def check(self) -> None: ...


class _Keys(Protocol):
    """What `serve` needs of a key store."""

    def key(self, ref: KeyRef) -> _Key: ...


def main() -> None:
    """Read the settings, open the keys, say so, serve."""
    protect_process()
    settings = json.loads(sys.stdin.readline())
    try:
        keys = _opened(settings["keys"], TokenKeyStore(guard=_guard(settings["guard"])))
        listener = Listener(settings["address"], authkey=decoded(settings["secret"]))
    except Error as e:
        _say({"error": error_to(e)})
        return
    _say({"ready": os.getpid()})
    # The caller read the one line that it waits for; what a vendor's module prints from now on goes to the log.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=_die_with_caller, daemon=True).start()
    serve(listener, keys)


def serve(listener: Listener, keys: Mapping[str, tuple[_Key, Purpose]]) -> None:
    """Answer every connection in a thread of its own: tokens sign for several at a time."""
    while True:
        try:
            connection = listener.accept()
        except (OSError, EOFError, AuthenticationError):
            continue  # it died while it said hello, or it does not know the secret
        threading.Thread(target=_answer_all, args=(connection, keys), daemon=True).start()


def _say(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _guard(wanted: Mapping[str, str] | None) -> PinGuard | None:
    """The guard that our caller named: its function is in a package that this one does not know."""
    if wanted is None:
        return None
    module, _, name = wanted["made_by"].partition(":")
    guard: PinGuard = getattr(import_module(module), name)(wanted["place"])
    return guard


def _opened(wanted: Mapping[str, Mapping[str, str]], store: _Keys) -> dict[str, tuple[_Key, Purpose]]:
    return {name: (store.key(KeyRef.parse(w["ref"])), Purpose(w["purpose"])) for name, w in wanted.items()}


def _answer_all(connection: Connection, keys: Mapping[str, tuple[_Key, Purpose]]) -> None:
    with connection:
        while True:
            try:
                asked = receive(connection)
            except (OSError, EOFError, ValueError):
                return
            try:
                for said in _answers(asked, keys):
                    send(connection, said)
            except OSError:
                return


def _answers(asked: Mapping[str, Any], keys: Mapping[str, tuple[_Key, Purpose]]) -> Iterator[dict[str, Any]]:
    """One answer; or one for each signature, as it is made, up to the first that fails."""
    try:
        match asked:
            case {"do": "keys"}:
                yield {"keys": {name: _described(key) for name, (key, _) in keys.items()}}
            case {"do": "check"}:
                for key, _ in keys.values():
                    key.check()
                yield {"there": True}
            case {"do": "sign", "key": str(name), "mechanism": str(mechanism), "data": [*orders]}:
                for data in orders:
                    yield {"signature": encoded(_signed(keys, name, mechanism, data))}
            case _:
                raise InputError("signer-request-unknown")
    except Error as e:
        yield {"error": error_to(e)}


def _signed(keys: Mapping[str, tuple[_Key, Purpose]], name: str, mechanism: str, data: object) -> bytes:
    if name not in keys:
        raise KeyNotFound("signer-key-unknown", key=name)
    key, purpose = keys[name]
    try:
        to_be_signed, wanted = decoded(str(data)), Mechanism(mechanism)
    except ValueError as e:
        raise InputError("signer-request-unknown") from e
    if not fits(to_be_signed, purpose):
        raise KeyStoreError("signer-shape-refused", key=name, purpose=purpose.value)
    return key.sign(to_be_signed, mechanism=wanted)


def _described(key: SigningKey) -> dict[str, Any]:
    return {
        "ref": str(key.ref),
        "protection": key.protection.value,
        "key_type": key.key_type.value,
        "public_key": encoded(key.public_key),
        "certificates": [encoded(c) for c in key.certificates],
        "mechanisms": sorted(m.value for m in key.mechanisms),
    }


def _die_with_caller() -> None:
    # Not sys.exit: threads may hang inside the module, and nothing here needs to be put in order.
    sys.stdin.read()
    os._exit(0)
