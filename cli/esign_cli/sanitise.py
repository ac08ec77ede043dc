"""Foreign strings on a terminal: nothing that a document, a certificate or a file name says can move the cursor.

Escape sequences could rewrite the verdict above them, and right-to-left marks turn `exe.pdf` around.
"""

import json
import re
import unicodedata

__all__ = ["json_line", "printable"]

# Control, format (bidirectional marks, zero width), surrogate, private use, unassigned; line and paragraph separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# What JSON may hold as it is, and a terminal may not.
_UNSAFE_IN_JSON = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def printable(text: str) -> str:
    """`text` on one line, with what a terminal would act on spelled out."""
    return "".join(_spelled(c) if unicodedata.category(c) in _UNSAFE else c for c in text)


def _spelled(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def json_line(value: object) -> str:
    """`value` as one line of JSON, readable for people and safe for a terminal."""
    line = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
