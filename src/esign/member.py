"""One request on its way along a line, and what it carries from station to station (`esign.stations`)."""

import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import ParamSpec, TypeVar

from esign.codes import DocumentNumber
from esign.errors import Error
from esign.issued import Issued
from esign.layout import Layout
from esign.preparation import Fixed
from esign.registry import Actor, Intent, NextNumber, actor
from esign.request import Request
from esign.sealing import SealOrder

__all__ = ["Member"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """One request on its way."""

    request: Request
    """What is asked for."""
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """Where it was asked for: what is done for it is done in the name of whoever asked (`esign.registry.audit`)."""
    outcome: Issued | Error | None = None
    """What became of it; None while it is on its way."""
    alone: bool = False
    """It goes the ordinary way, by itself."""
    digest: str = ""
    """By which the register knows the request."""
    guess: tuple[NextNumber, date] | None = None
    """The book that a number was guessed of."""
    foreseen: DocumentNumber | None = None
    """The number that it will probably get."""
    laid_out: Layout | None = None
    """The page, with the number that was guessed; None before it is set."""
    recorded: Intent | None = None
    """What the register has of it; None before it has anything."""
    order: SealOrder | None = None
    """What the seal's key signs; None where there is no seal on the page."""
    sealed: bytes | None = field(default=None, repr=False)
    """The page with its seal."""
    prepared: Fixed | None = None
    """What the next key signs; None before anything is fixed."""
    approved: bytes | None = field(default=None, repr=False)
    """The file with the person's signature; None where no person signs."""
    approved_sha256: str = ""
    """Of that file, as it is recorded, hex."""
    signed: bytes = field(default=b"", repr=False)
    """The file with the last signature."""

    @property
    def walks(self) -> bool:
        """Whether it is with its group still."""
        return self.outcome is None and not self.alone

    @property
    def layout(self) -> Layout:
        """The page, which is set."""
        assert self.laid_out is not None
        return self.laid_out

    @property
    def intent(self) -> Intent:
        """What the register has of it, which is recorded."""
        assert self.recorded is not None
        return self.recorded

    @property
    def fixed(self) -> Fixed:
        """What the next key signs, which is fixed."""
        assert self.prepared is not None
        return self.prepared

    @property
    def actor(self) -> Actor:
        """Who asked."""
        return self.by_them(actor)

    def by_them(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns, done in the name of whoever asked."""
        return self.context.run(work, *args, **kwargs)
