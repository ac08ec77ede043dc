"""What every answer says to browsers, and which hosts it is given for."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Shield"]

_ALWAYS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}
"""What a route does not say otherwise: nothing is framed, run or kept."""


class Shield:
    """Middleware: headers that a route forgot are there all the same."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(name.lower(), value) for name, value in message.get("headers", ())]
                names = {name for name, _ in given}
                message["headers"] = [*given, *((n, v) for n, v in _ALWAYS.items() if n not in names)]
            await send(message)

        await self._app(scope, receive, sending)
