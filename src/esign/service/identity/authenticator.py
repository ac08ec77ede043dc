"""All ways to say who asks, behind one door; who fails there too often is asked to wait."""

from collections.abc import Sequence

from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection

from esign.errors import ServiceError
from esign.lookup import RateLimiter
from esign.service.access import Principal
from esign.service.client import client_of
from esign.service.identity.api_keys import PREFIX, ApiKeys
from esign.service.identity.bearer import BearerTokens
from esign.service.identity.proxy import ClientCertificates

__all__ = ["Credentials"]

_AT_ONCE = 8
"""Threads for keys, and as many for tokens: an issuer that does not answer keeps nobody with a key waiting."""


class Credentials:
    """Implements `esign.service.offices.Authenticator`.

    A key or a token in `Authorization` says who asks, whatever certificate a proxy showed beside it.
    """

    def __init__(
        self,
        *,
        keys: ApiKeys,
        tokens: Sequence[BearerTokens] = (),
        certificates: ClientCertificates | None = None,
        limiter: RateLimiter | None = None,
    ) -> None:
        """`limiter` counts failed attempts of each client: 10 a minute, and 20 at once, if not said otherwise."""
        self._keys = keys
        self._tokens = tokens
        self._certificates = certificates
        self._limiter = limiter or RateLimiter(rate=10, burst=20)
        self._for_keys, self._for_tokens = CapacityLimiter(_AT_ONCE), CapacityLimiter(_AT_ONCE)

    async def authenticate(self, request: HTTPConnection) -> Principal:
        """Whoever asks.

        Raises:
            ServiceError: `not-authenticated`, `credentials-rejected`, `access-key-malformed`, `credentials-too-often`,
                `bearer-keys-unavailable`.
        """
        try:
            return await self._principal(request)
        except ServiceError as e:
            if e.code == "bearer-keys-unavailable":  # not the client's failure
                raise
            wait = self._limiter.take(client_of(request))
            if wait is not None:
                raise ServiceError("credentials-too-often", seconds=-int(-wait.total_seconds() // 1)) from e
            raise

    async def _principal(self, request: HTTPConnection) -> Principal:
        shown = request.headers.getlist("authorization")
        if not shown:
            found = self._certificates.principal(request) if self._certificates is not None else None
            if found is None:
                raise ServiceError("not-authenticated")
            return found
        scheme, _, credentials = shown[0].partition(" ")
        credentials = credentials.strip()
        if len(shown) != 1 or scheme.lower() != "bearer":
            raise ServiceError("not-authenticated")
        if credentials.startswith(PREFIX):
            return await to_thread.run_sync(self._keys.principal, credentials, limiter=self._for_keys)
        return await to_thread.run_sync(self._of_token, credentials, limiter=self._for_tokens)

    def _of_token(self, token: str) -> Principal:
        """By the first issuer that vouches for it; each looks at its own name, key and audience."""
        failure = ServiceError("credentials-rejected")
        for issuer in self._tokens:
            try:
                return issuer.principal(token)
            except ServiceError as e:
                failure = e if e.code == "bearer-keys-unavailable" else failure
        raise failure
