"""How much a PDF's streams unpack to, found on the bytes before a parser that keeps everything in memory sees them.

A megabyte of deflated zeros is a gigabyte; in a cross-reference or object stream qpdf unpacks it merely to open the
file.
"""

import re
import zlib

__all__ = ["expands_beyond", "inflated"]

# With `(?<!end)` before it the search would look at every byte, and take twenty times as long.
_STREAM = re.compile(rb"stream\r?\n")
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
_TWICE = re.compile(rb"/Fl(?:ateDecode)?\b.*/Fl(?:ateDecode)?\b", re.DOTALL)
_DICTIONARY_WITHIN = 4096
_CHUNK = 1 << 16
_BASE = 128 * 1024 * 1024
_RATIO = 20  # text and drawings unpack to three to ten times their size


def expands_beyond(pdf: bytes) -> bool:
    """Whether the deflated streams of `pdf`, without its images, unpack to more than any document needs.

    Images are left out because a scan is honestly large and is unpacked only when it is drawn. The work is bounded by
    the budget, whatever the bytes are.
    """
    left = _BASE + _RATIO * len(pdf)
    for match in _STREAM.finditer(pdf):
        if pdf.endswith(b"end", 0, match.start()):
            continue
        start = pdf.rfind(b"obj", max(0, match.start() - _DICTIONARY_WITHIN), match.start())
        dictionary = pdf[max(start, match.start() - _DICTIONARY_WITHIN, 0) : match.start()]
        if _TWICE.search(dictionary):
            return True  # deflated twice: a thousand times a thousand
        if _IMAGE.search(dictionary) and b"#" not in dictionary and b"/ObjStm" not in dictionary:
            continue
        left -= _inflated_size(pdf, match.end(), left)
        if left < 0:
            return True
    return False


def inflated(data: bytes, limit: int) -> bytes:
    """The first `limit` bytes that `data` unpacks to; `data` itself where it is not deflated."""
    try:
        return zlib.decompressobj().decompress(data, limit)
    except zlib.error:
        return data[:limit]


def _inflated_size(pdf: bytes, start: int, limit: int) -> int:
    """How much the stream at `start` unpacks to, up to one chunk beyond `limit`; 0 where it is not deflated."""
    unpack = zlib.decompressobj()
    size = 0
    at = start
    pending = b""
    try:
        while size <= limit and not unpack.eof and (pending or at < len(pdf)):
            if not pending:
                pending = pdf[at : at + _CHUNK]
                at += _CHUNK
            size += len(unpack.decompress(pending, 16 * _CHUNK))
            pending = unpack.unconsumed_tail
    except zlib.error:
        pass
    return size
