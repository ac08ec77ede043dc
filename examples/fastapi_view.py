"""Issue over HTTP: `ESIGN_CONFIG=FOLDER/esign.toml uvicorn examples.fastapi_view:app`, then open /docs.

The view is a plain function, so FastAPI runs it in a thread of its own and a slow token blocks nobody.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse

import esign
from esign.errors import DuplicateNumber, InputError, RequestConflict
from esign_cli.config import Config
from esign_cli.wiring import Workplace

STATUS: dict[type[esign.Error], int] = {
    RequestConflict: 409,
    DuplicateNumber: 409,
    InputError: 422,
}  # all else is not the caller's fault: 503, and the same request goes on where it stopped

app = FastAPI(title="Issue a business-household certificate")
workplace = Workplace(Config.load(Path(os.environ["ESIGN_CONFIG"])), now=lambda: datetime.now(UTC))
issuer = workplace.issuer()


@app.post("/certificates/{dossier}")
def issue(dossier: str, data: Annotated[dict[str, Any], Body()], idempotency_key: Annotated[str, Header()]) -> Response:
    """The ten lines."""
    metadata = esign.ResultMetadata(
        procedure=esign.ProcedureCode.parse("1.001612"),
        title="Giấy chứng nhận đăng ký hộ kinh doanh",
        dossier=esign.DossierCode.parse(dossier),
    )
    content = esign.Filled(template="ho-kinh-doanh", data=data)
    number = esign.NextNumber(symbol="GCN-HKD")
    issued = issuer.issue(
        esign.Request(idempotency_key=idempotency_key, content=content, metadata=metadata, number=number)
    )
    headers = {"X-Result-Id": str(issued.id), "X-Result-Code": str(issued.result_code)}
    return Response(issued.pdf, media_type="application/pdf", headers=headers)


@app.exception_handler(esign.Error)
def explain(_request: Request, error: esign.Error) -> JSONResponse:
    """RFC 9457: what happened and what to do next; the status says whether the same request may come again."""
    explanation = error.diagnostics("vi")
    problem = {"type": error.code, "title": explanation.what, "detail": explanation.next_step}
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 503)
    return JSONResponse(problem, status_code=status, media_type="application/problem+json")
