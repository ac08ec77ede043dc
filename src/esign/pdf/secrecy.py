"""Secrecy marks on a page: documents that bear one are not issued electronically (ND30 Đ.1; Luật BVBMNN 2018).

Only marks that stand alone count, as box 10a of ND30 has them; "bí mật" in a sentence is a word like others.
"""

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["secrecy_mark"]

_MARKS = {"TUYỆTMẬT": "TUYỆT MẬT", "TỐIMẬT": "TỐI MẬT", "MẬT": "MẬT"}
_LEVEL = re.compile(r"(?:độ|mức độ) mật\s*[:：]\s*(tuyệt mật|tối mật|mật)\b", re.IGNORECASE)
_COLUMNS = re.compile(r"\s{2,}|\t")
_AROUND = " .,:;()[]|*_-–—\"'"


def secrecy_mark(lines: Iterable[str]) -> str:
    """The secrecy mark that stands among `lines`, in NFC or NFD, with its letters apart or together; "" for none."""
    before = ""
    for raw in lines:
        line = unicodedata.normalize("NFC", raw).strip()
        level = _LEVEL.match(line)
        if level:
            return level[1].upper()
        # A column beside the mark may be on the same line; letters that are set apart must stay together.
        for piece in (line, *_COLUMNS.split(line)):
            mark = _MARKS.get("".join(piece.strip(_AROUND).split()))
            # "… BẢO VỆ BÍ" and "MẬT" on the next line: a heading that was broken.
            if mark and not (mark == "MẬT" and before.endswith("BÍ")):
                return mark
        before = line or before
    return ""
