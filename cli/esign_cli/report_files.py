"""Reports as files: ETSI's XML, a page, and a receipt with its report and signature, named after what was verified."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from esign.errors import ConfigurationError, InputError
from esign_cli.inputs import Input

if TYPE_CHECKING:
    from esign.keys import KeyRef, Mechanism, SigningKey
    from esign.report import VerificationReport
    from esign.reports.receipt import Basis
    from esign.texts import Language
    from esign_cli.wiring import Workplace

__all__ = ["ReceiptSigner", "ReportFiles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSigner:
    """Makes receipts with one key."""

    key: "SigningKey"
    """What signs."""
    mechanism: "Mechanism"
    """How."""
    basis: "Basis"
    """On what the verdicts rest."""
    now: Callable[[], datetime]
    """The clock."""

    @classmethod
    def of(
        cls, workplace: "Workplace", ref: "KeyRef", *, basis: "Basis", now: Callable[[], datetime]
    ) -> "ReceiptSigner":
        """With the key that `ref` names; the token asks for its PIN here.

        Raises:
            ConfigurationError: `receipt-mechanism`: the profile allows nothing that the key can do.
        """
        key = workplace.store_of(ref).key(ref)
        mechanism = workplace.config.profile.signature.mechanism(key.key_type, key.mechanisms)
        if mechanism is None:
            raise ConfigurationError("receipt-mechanism", profile=workplace.config.profile.signature.name)
        return cls(key=key, mechanism=mechanism, basis=basis, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """The folders that were asked for; a report that is there already gives way, a receipt never does."""

    xml: Path | None = None
    """For TS 119 102-2."""
    html: Path | None = None
    """For pages."""
    receipts: Path | None = None
    """For receipts."""
    signer: ReceiptSigner | None = None
    """Signs them; there with `receipts`."""
    language: "Language" = "vi"
    """Which language a page opens with."""

    def write(self, source: Input, report: "VerificationReport") -> Iterator[Path]:
        """Write what was asked for on `report`; gives each file."""
        from esign.files import write_durably

        for path, data in (*self._xml(source, report), *self._html(source, report), *self._receipt(source, report)):
            write_durably(path, data, private=False)
            yield path

    def _xml(self, source: Input, report: "VerificationReport") -> Iterator[tuple[Path, bytes]]:
        if self.xml is None:
            return
        from esign.reports.etsi import to_xml

        # ETSI has no report on a file that nobody signed; the command has said so of the file already.
        with suppress(InputError):
            yield source.output(self.xml, ".report.xml"), to_xml(report)

    def _html(self, source: Input, report: "VerificationReport") -> Iterator[tuple[Path, bytes]]:
        if self.html is None:
            return
        from esign.reports.page import to_html

        page = to_html(report, name=source.path.name, language=self.language)
        yield source.output(self.html, ".report.html"), page.encode("utf-8")

    def _receipt(self, source: Input, report: "VerificationReport") -> Iterator[tuple[Path, bytes]]:
        if self.receipts is None or self.signer is None:
            return
        from esign.reports.receipt import Receipt, report_bytes, sign_receipt

        signer = self.signer
        receipt = Receipt.of(report, basis=signer.basis, issued_at=signer.now())
        signed = sign_receipt(receipt, signer.key, mechanism=signer.mechanism)
        stem = source.output(self.receipts, f".{receipt.issued_at:%Y%m%dT%H%M%SZ}.{receipt.report_sha256[:8]}")
        for ending, data in (
            (".report.json", report_bytes(report)),
            (".receipt.json", signed.content),
            (".receipt.p7s", signed.signature),
        ):
            yield stem.with_name(stem.name + ending), data
