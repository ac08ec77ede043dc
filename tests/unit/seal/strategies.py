"""Random claims, as hypothesis makes them."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from esign.codes import DocumentNumber, ProcedureCode, ResultId
from esign.seal import Kid, MaskedHolder, SealClaims

SYMBOLS = ("QĐ-UBND", "GCN", "QĐ-CTUBND", "VPCP-KSTT", "CT-TTg", "QĐ-SNN&PTNT", "NQ-HĐND.KT")
NAMES = ("Nguyễn Văn A", "Đỗ Thị Ánh", "Y", "H'Hen Niê", "trần", "A B C D E F G H I J")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@st.composite
def claims(draw: st.DrawFn) -> SealClaims:
    """Any claims that exist."""
    issued = EPOCH + timedelta(seconds=draw(st.integers(0, 2**32 - 2)))
    left = 2**32 - 1 - int(issued.timestamp())
    lasts = draw(st.none() | st.integers(1, left))
    year = draw(st.none() | st.integers(1945, 2199))
    name = draw(st.none() | st.sampled_from(NAMES))
    return SealClaims(
        issued_at=issued,
        result_id=ResultId(draw(st.binary(min_size=10, max_size=10))),
        status_number=draw(st.integers(0, 2**32 - 1) | st.sampled_from([23, 24, 255, 256, 65535, 65536])),
        digest=draw(st.binary(min_size=16, max_size=16)),
        procedure=ProcedureCode.from_number(draw(st.integers(0, 9_999_999))),
        number=DocumentNumber(draw(st.integers(1, 10**9 - 1)), year, draw(st.sampled_from(SYMBOLS))),
        holder=None if name is None else MaskedHolder.of(name),
        expires=None if lasts is None else issued + timedelta(seconds=lasts),
    )


kids = st.builds(Kid, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
