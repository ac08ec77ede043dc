"""Signing keys in PKCS#11 tokens: found by their URI, pinned by their public key, healed when a token comes back.

>>> store = TokenKeyStore(module="softhsm2", pin=FilePin(Path("pin")))
>>> key = store.key(KeyRef.parse("pkcs11:token=van-thu;object=con-dau"))
>>> signature = key.sign(b"...", mechanism=Mechanism.RSA_PKCS1_SHA256)
"""

import contextlib
import logging
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import NoReturn, Self

from cryptography import x509
from pkcs11 import exceptions as p11
from pkcs11.constants import TokenFlag

from esign.errors import KeyNotFound, KeyStoreError, TokenUnavailable
from esign.keys import KeyInfo, KeyRef, KeyType, Mechanism, PinGuard, Protection, check_signature
from esign_hsm._faults import lost, refuse
from esign_hsm._library import Module, load
from esign_hsm._objects import (
    PrivateKeyObject,
    TokenObject,
    all_certificates,
    certificates_for,
    private_keys,
    public_key_of,
)
from esign_hsm.guard import FilePinGuard
from esign_hsm.mechanisms import Way, offered
from esign_hsm.modules import find_modules, module_named
from esign_hsm.pin import PinSource, pin_source
from esign_hsm.token import Lease, Token, Visible, close_token, open_token, visible

__all__ = ["TokenKey", "TokenKeyStore"]

_logger = logging.getLogger(__name__)


class TokenKey:
    """Implements `esign.keys.SigningKey` for a private key in a token."""

    def __init__(
        self,
        token: Token,
        found: PrivateKeyObject,
        *,
        ref: KeyRef,
        key_type: KeyType,
        public_key: bytes,
        certificates: tuple[bytes, ...],
        ways: Mapping[Mechanism, Way],
    ) -> None:
        self.ref = ref
        self.protection = Protection.TOKEN
        self.key_type = key_type
        self.public_key = public_key
        self.certificates = certificates
        self.mechanisms = frozenset(ways)
        self.closed = False
        self._token = token
        self._id = found.id
        self._label = found.label
        self._ways = ways

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        """See `SigningKey.sign`."""
        return self.sign_all((data,), mechanism=mechanism)[0]

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        """A signature over each of `data`, one after the other in one session, then, without it, each of them checked.

        They are checked with the public key that was seen when the key was opened: a handle that has come to name
        another key cannot get a signature out. A dead session is opened again once; so is the key when a signature does
        not fit. Nothing is signed again that was signed.

        Raises:
            KeyStoreError: As `SigningKey.sign`.
        """
        way = self._way(mechanism)
        signed: list[bytes] = []
        for last in (False, True):
            try:
                with self._token.session(fresh=last) as lease:
                    handle = self._handle(lease)
                    for each in data[len(signed) :]:
                        signed.append(_signed(handle, each, way))  # noqa: PERF401 - what came before a failure stays
                # The token is free by now: others may use it while this is checked.
                self._check(signed, data, mechanism)
            except (_OtherKeyError, ValueError) as e:
                if last:
                    self._token.forget()
                    raise KeyStoreError("key-changed", label=self._label, token=self._token.label) from e
                _logger.warning("token %s: a signature does not fit key %s", self._token.label, self._label)
            except p11.PKCS11Error as e:
                if last and lost(e):
                    self._token.forget()
                if last or not lost(e):
                    refuse(e, token=self._token.label, doing="C_Sign")
                _logger.warning("token %s: %s, opening the session again", self._token.label, type(e).__name__)
            else:
                return signed
        raise AssertionError  # the second turn returns or raises

    def check(self) -> None:
        """Find out whether the token is there, logged in to, and still has this key; nothing is signed.

        Raises:
            KeyStoreError: As `sign`.
        """
        if self.closed:
            raise KeyStoreError("key-store-closed", token=self._token.label)
        with _working(self._token) as lease:
            self._find(lease)

    def _way(self, mechanism: Mechanism) -> Way:
        if self.closed:
            raise KeyStoreError("key-store-closed", token=self._token.label)
        way = self._ways.get(mechanism)
        if way is None:
            raise KeyStoreError(
                "mechanism-not-offered",
                mechanism=mechanism.value,
                key=self.key_type.value,
                token=self._token.label,
                offered=", ".join(sorted(m.value for m in self.mechanisms)) or "—",
            )
        return way

    def _handle(self, lease: Lease) -> TokenObject:
        handle = lease.keys.get(self.public_key)
        if handle is None:
            handle = lease.keys[self.public_key] = self._find(lease)
        return handle

    def _check(self, signed: list[bytes], data: Sequence[bytes], mechanism: Mechanism) -> None:
        """Leave in `signed` what is this key's, up to the first that is not.

        Raises:
            _OtherKeyError: There was one.
        """
        for i, (signature, each) in enumerate(zip(signed, data, strict=True)):
            if not check_signature(self.public_key, signature, each, mechanism=mechanism):
                del signed[i:]
                raise _OtherKeyError

    def _find(self, lease: Lease) -> TokenObject:
        """The key's handle in this session: by CKA_ID, and only if its public key is the one we know."""
        session = lease.session
        found = private_keys(session, key_id=self._id) if self._id else private_keys(session, label=self._label)
        if not found:
            facts = {"token": self._token.label, "label": self._label, "id": self._id.hex()}
            raise KeyNotFound("key-gone", **facts)
        certificates = all_certificates(session)
        for candidate in found:
            if candidate.key_type is self.key_type and (
                public_key_of(session, candidate, certificates=certificates) == self.public_key
            ):
                return candidate.handle
        raise KeyStoreError("key-changed", label=self._label, token=self._token.label)

    def __repr__(self) -> str:
        return f"<TokenKey {self.ref}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key in a token belongs to one process; pass its URI and open it there")


def _signed(handle: TokenObject, data: bytes, way: Way) -> bytes:
    return way.after(handle.sign(way.before(data), mechanism=way.mechanism, parameter=way.parameter))


class _OtherKeyError(Exception):
    """A signature that the pinned public key does not verify."""


class TokenKeyStore:
    """Implements `esign.keys.KeyStore` for the tokens of one PKCS#11 module.

    It is bound to one module from its first use on: a PIN is never tried on a second one.
    """

    def __init__(
        self,
        *,
        module: str | os.PathLike[str] | None = None,
        pin: PinSource | None = None,
        guard: PinGuard | None = None,
        defaults: KeyRef | None = None,
    ) -> None:
        """`module`: a path, or a name of the module table; None leaves it to URIs, then to discovery.

        `pin`: for tokens whose URI has no `pin-source`. `guard`: `FilePinGuard()` where None.
        `defaults`: fills what URIs leave open, for instance the token.
        """
        self._defaults = defaults or KeyRef()
        self._given = module
        self._module: Module | None = None
        self._pin = pin
        self._guard = guard or FilePinGuard()
        self._tokens: dict[tuple[str, str, str], Token] = {}
        self._keys: weakref.WeakSet[TokenKey] = weakref.WeakSet()

    def key(self, ref: KeyRef) -> TokenKey:
        """See `KeyStore.key`."""
        ref = ref.filled(self._defaults)
        if ref.type not in (None, "private"):
            raise KeyNotFound("key-type-not-private", uri=ref, type=ref.type)
        token = self.token(ref)
        with _working(token) as lease:
            found = self._one(lease, token, ref)
            key = self._opened(lease, token, found, ref)
            lease.keys[key.public_key] = found.handle
        self._keys.add(key)
        return key

    def keys(self) -> tuple[KeyInfo, ...]:
        """See `KeyStore.keys`: of the one token that the store's `defaults` and its module lead to."""
        token = self.token(KeyRef())
        with _working(token) as lease:
            certificates = all_certificates(lease.session)
            return tuple(
                KeyInfo(
                    ref=_full_ref(token, found),
                    key_type=found.key_type,
                    bits=found.bits,
                    certificates=_chain(lease, found, certificates),
                    notes=_notes(found),
                )
                for found in private_keys(lease.session)
            )

    def token(self, ref: KeyRef) -> Token:
        """The one initialised token that `ref` and the store's `defaults` name, logged in.

        Raises:
            KeyNotFound: `token-not-found` or `token-ambiguous`: none matches, or several; no PIN was tried.
        """
        ref = ref.filled(self._defaults)
        seen = self._seen(ref)
        token = self._tokens.get(seen.identity)
        if token is None:
            assert self._module is not None
            pin = pin_source(ref.pin_source) if ref.pin_source else self._pin
            token = open_token(self._module, seen, pin=pin, guard=self._guard)
            self._tokens[seen.identity] = token
        return token

    def close(self) -> None:
        """See `KeyStore.close`."""
        for key in self._keys:
            key.closed = True
        self._keys.clear()
        while self._tokens:
            close_token(self._tokens.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token's key store belongs to one process; pass its settings and open it there")

    def _seen(self, ref: KeyRef) -> Visible:
        self._module, seen = only_token(self._candidates(ref), ref)
        return seen

    def _candidates(self, ref: KeyRef) -> list[Module]:
        """The modules to look in: the one that was named, else all that this machine has."""
        named = ref.module_path or self._given or ref.module_name
        if named is not None:
            module = load(module_named(os.fspath(named)))
            if self._module not in (None, module):
                assert self._module is not None
                raise KeyStoreError("key-store-bound", module=self._module.path, other=module.path)
            return [module]
        if self._module is not None:
            return [self._module]
        modules = find_modules()
        if not modules:
            raise KeyStoreError("no-module-found")
        return [load(m.path) for m in modules]

    def _one(self, lease: Lease, token: Token, ref: KeyRef) -> PrivateKeyObject:
        everything = private_keys(lease.session)
        found = [k for k in everything if ref.id in (None, k.id) and ref.object in (None, k.label)]
        facts = {"uri": ref, "slot": lease.session.token.slot.slot_id, "token": token.label, "serial": token.serial}
        if not found:
            raise KeyNotFound("key-not-found", found=_listed(everything), **facts)
        if len(found) > 1:
            raise KeyNotFound("key-ambiguous", found=_listed(found), **facts)
        return found[0]

    def _opened(self, lease: Lease, token: Token, found: PrivateKeyObject, ref: KeyRef) -> TokenKey:
        facts = {"label": found.label, "token": token.label}
        if found.key_type is None:
            if found.bits:
                raise KeyStoreError("key-too-weak", bits=found.bits, expected=2048)
            raise KeyStoreError("key-kind-unsupported", found=found.label or found.id.hex())
        if found.always_authenticate:
            raise KeyStoreError("key-always-authenticate", **facts)
        if not found.signs:
            raise KeyStoreError("key-cannot-sign", **facts)
        session = lease.session
        certificates = all_certificates(session)
        public_key = public_key_of(session, found, certificates=certificates)
        full = _full_ref(token, found)
        return TokenKey(
            token,
            found,
            ref=replace(full, pin_source=ref.pin_source, module_path=str(token.module.path)),
            key_type=found.key_type,
            public_key=public_key,
            certificates=certificates_for(public_key, certificates),
            ways=offered(session.token.slot, key_type=found.key_type, bits=found.bits),
        )


@contextlib.contextmanager
def _working(token: Token) -> Iterator[Lease]:
    """`Token.session` with PKCS#11 errors in our words, for work that is not repeated."""
    try:
        with token.session(fresh=True) as lease:
            yield lease
    except p11.PKCS11Error as e:
        refuse(e, token=token.label, doing="C_FindObjects")


def _chain(lease: Lease, found: PrivateKeyObject, certificates: Sequence[x509.Certificate]) -> tuple[bytes, ...]:
    try:
        public_key = public_key_of(lease.session, found, certificates=certificates)
    except KeyStoreError:  # a key that cannot be used is listed all the same
        return ()
    return certificates_for(public_key, certificates)


def only_token(modules: Sequence[Module], ref: KeyRef) -> tuple[Module, Visible]:
    """The one token among `modules` that `ref` names; two modules that show the same token are two.

    Raises:
        KeyNotFound: `token-not-found` or `token-ambiguous`.
    """
    seen = [(module, v) for module in modules for v in _seen_in(module)]
    found = [(module, v) for module, v in seen if _matches(v, ref)]
    if len(found) == 1:
        return found[0]
    shown = "; ".join(f"{module.path.name}, {v}" for module, v in found or seen) or "—"
    raise KeyNotFound("token-ambiguous" if found else "token-not-found", uri=ref, found=shown)


def _seen_in(module: Module) -> tuple[Visible, ...]:
    try:
        return tuple(v for v in visible(module) if v.flags & TokenFlag.TOKEN_INITIALIZED)
    except p11.PKCS11Error as e:
        raise TokenUnavailable("module-unavailable", module=module.path, error=type(e).__name__) from e


def _matches(seen: Visible, ref: KeyRef) -> bool:
    pairs = (
        (ref.token, seen.label),
        (ref.serial, seen.serial),
        (ref.manufacturer, seen.manufacturer),
        (ref.model, seen.model),
        (ref.slot_id, str(seen.slot_id)),
    )
    return all(wanted in (None, found) for wanted, found in pairs)


def _full_ref(token: Token, found: PrivateKeyObject) -> KeyRef:
    return KeyRef(
        token=token.label, serial=token.serial, object=found.label or None, id=found.id or None, type="private"
    )


def _notes(found: PrivateKeyObject) -> dict[str, str]:
    notes = {
        "always-authenticate": found.always_authenticate,
        "extractable": found.extractable,
        "cannot-sign": not found.signs,
    }
    return {name: "yes" for name, applies in notes.items() if applies}


def _listed(keys: list[PrivateKeyObject]) -> str:
    return ", ".join(f"{k.label or '—'} (id {k.id.hex() or '—'})" for k in keys) or "—"
