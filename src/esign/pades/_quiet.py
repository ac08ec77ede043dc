"""Keep pyHanko's account of hostile documents out of the host's log: what it found stands in our report.

Verifying an altered file is ordinary work, and pyHanko warns of each with a traceback that quotes the file. While we
are at work its records go to our own debug level or nowhere; other users of pyHanko in the process are not touched.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["quiet"]

_logger = logging.getLogger("esign.pades")
_at_work: ContextVar[bool] = ContextVar("esign.pades.at_work", default=False)


def _admit(record: logging.LogRecord) -> bool:
    """The filter of pyHanko's loggers: as always, unless this very thread or task is inspecting."""
    if not _at_work.get():
        return True
    if _logger.isEnabledFor(logging.DEBUG):
        _logger.debug("%s: %s", record.name, record.getMessage(), exc_info=record.exc_info)
    return False


def _filter_loggers() -> None:
    # A filter counts only for the very logger that it is added to, and modules make theirs when they are imported.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("pyhanko.", "pyhanko_certvalidator.")):
            logging.getLogger(name).addFilter(_admit)


@contextmanager
def quiet() -> Iterator[None]:
    """Also a decorator: what pyHanko has to say in here is for our debug log."""
    _filter_loggers()
    token = _at_work.set(True)
    try:
        yield
    finally:
        _at_work.reset(token)
