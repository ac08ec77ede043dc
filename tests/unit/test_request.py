"""A stored request is one canonical JSON text, however its PDF got into it, and is read back as it was."""

import base64
import json

import pytest

from esign.codes import DocumentNumber, ProcedureCode, ResultId
from esign.document import Box, CopyForm, ResultMetadata
from esign.request import Adopted, Attached, Content, Copied, Given, Request

PLACE = Box(page=0, left=1, bottom=2.5, width=3, height=4, rotate=90)
RESULT = ResultId(bytes(10))
METADATA = ResultMetadata(procedure=ProcedureCode.parse("1.012345"), title="Quyết định", subject="Về việc mẫu")
NUMBER = DocumentNumber.parse("15/QĐ-UBND")
PDFS = [b"", b"%PDF-1.7\n\x00\xff", bytes(range(256)) * 3]


@pytest.mark.parametrize("pdf", PDFS)
@pytest.mark.parametrize("kind", ["pdf", "adopted", "attached", "copied"])
def test_the_pdf_is_where_json_has_it(kind: str, pdf: bytes) -> None:
    contents: dict[str, tuple[Content, ResultMetadata | None]] = {
        "pdf": (Given(pdf=pdf, seal_place=PLACE), None),
        "adopted": (Adopted(pdf=pdf), METADATA),
        "attached": (Attached(pdf=pdf, main=RESULT), METADATA),
        "copied": (Copied(pdf=pdf, form=CopyForm.SAO_Y), None),
    }
    content, metadata = contents[kind]
    request = Request(
        idempotency_key='"content":{"pdf":""} ệ',
        content=content,
        metadata=metadata,
        number=NUMBER if metadata else None,
    )
    stored = request.to_bytes()
    found = json.loads(stored)
    assert found["content"][kind] == base64.b64encode(pdf).decode()
    assert json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == stored
    assert Request.from_bytes(stored) == request
