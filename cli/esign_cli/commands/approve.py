"""`esign approve`: the competent person looks at prepared documents and signs them, with a token of their own.

It needs no register and no connection to one: a `*.pending.json` comes in, a `*.signature.json` goes back. What is
shown comes out of the very document that is signed, never from what stands beside it.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import Error, InputError, KeyStoreError, SigningError
from esign.reasons import Reason
from esign_cli.exits import ExitCode, exit_code, worst
from esign_cli.options import AsJSON, PinFd, PinFile, Yes
from esign_cli.output import iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.keys import SigningKey
    from esign.pending import Pending
    from esign_hsm.pin import PinSource

__all__ = ["register"]

_SOON = timedelta(days=3)
_FIRST_LINES = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A document to sign, as it says of itself."""

    file: Path
    pending: "Pending"
    number: str
    pages: int
    lines: tuple[str, ...]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("approve", help="cmd-approve", no_args_is_help=True)(approve)


def approve(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR", help="arg-pending", readable=False)],
    *,
    key: Annotated[str | None, typer.Option("--key", metavar="URI", help="opt-person-key")] = None,
    module: Annotated[str | None, typer.Option("--module", metavar="NAME|FILE", help="opt-module")] = None,
    view: Annotated[bool, typer.Option("--view", help="opt-view")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="opt-signature-out", readable=False)
    ] = None,
    yes: Yes = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Show them, ask, and sign."""
    from esign_cli.handover import PENDING
    from esign_cli.outputs import collected

    run = session(ctx)
    found = [file for file, _ in collected(files, ending=PENDING)]
    if not found:
        raise InputError("nothing-pending")
    documents = [_read(run, file) for file in found]
    for document in documents:
        _show(run, document)
    if view:
        return _view(run, documents, out)
    for document in documents:
        _check_time(run, document)
    if not yes and not run.output.confirm("confirm-approve", count=len(documents)):
        raise InputError("not-confirmed")
    return _sign(run, documents, _Key(run, key, module, pin_file, pin_fd), out=out, as_json=as_json)


def _read(run: Session, file: Path) -> _Shown:
    """Read a hand-over, and make sure that what would be signed is the document in it."""
    from esign.document import SignerRole
    from esign.pades.sign import check_prepared
    from esign.pdf import page_count, page_text
    from esign.pending import Pending
    from esign_cli.places import read_file

    pending = Pending.from_file(read_file(file))
    try:
        check_prepared(pending.prepared)
    except (SigningError, ValueError, TypeError, IndexError) as e:  # whoever can write a file can write nonsense
        raise SigningError("pending-other-document", file=file) from e
    if pending.role is not SignerRole.PERSON:
        raise InputError("pending-unreadable", problem="role")
    lines = tuple(dict.fromkeys(line.strip() for line in page_text(pending.document, 0) if line.strip()))
    return _Shown(
        file=file,
        pending=pending,
        number=_number(pending.document) or run.output.say("number-at-release"),
        pages=page_count(pending.document),
        lines=lines[:_FIRST_LINES],
    )


def _number(document: bytes) -> str:
    """The number in the document's own seal; nothing where it is given at release."""
    from esign.pdf.links import seal_links
    from esign.seal import SealToken

    links = seal_links(document)
    return str(SealToken.from_url(links[0].url).claims.number) if links else ""


def _show(run: Session, document: _Shown) -> None:
    out = run.output
    facts = {
        "number": document.number,
        "pages": document.pages,
        "id": document.pending.id,
        "expires": shown(document.pending.expires),
    }
    out.tell(f"{document.file.name}: {out.say('approve-facts', **facts)}")
    for line in document.lines:
        out.tell(f"    {line}")


def _check_time(run: Session, document: _Shown) -> None:
    left = document.pending.expires - run.now()
    if left <= timedelta(0):
        raise SigningError("pending-over", file=document.file, expires=shown(document.pending.expires))
    if left < _SOON:
        facts = {"file": document.file, "expires": shown(document.pending.expires)}
        run.output.warn(Reason("pending-soon-over", facts))


def _view(run: Session, documents: list[_Shown], out: Path | None) -> ExitCode:
    """Write the documents for a PDF reader; nothing is signed."""
    from esign.files import write_durably
    from esign_cli.handover import VIEW

    for document in documents:
        path = (out or document.file.parent) / f"{document.pending.id}{VIEW}"
        write_durably(path, document.pending.document)
        run.output.line(str(path))
    return ExitCode.OK


def _sign(run: Session, documents: list[_Shown], wanted: "_Key", *, out: Path | None, as_json: bool) -> ExitCode:
    """With one PIN; a document that is somebody else's to sign does not stop the others."""
    from esign.files import write_durably
    from esign_cli.handover import SIGNATURE, Signature

    codes = []
    with wanted as key:
        for document in documents:
            pending, path = document.pending, (out or document.file.parent) / f"{document.pending.id}{SIGNATURE}"
            try:
                _check_key(key, pending)
                value = key.sign(pending.to_be_signed, mechanism=pending.mechanism)
                write_durably(path, Signature(id=pending.id, value=value).to_file(), private=False)
            except Error as e:
                run.output.error(e)
                codes.append(exit_code(e))
                if isinstance(e, KeyStoreError) and e.code != "approve-other-key":
                    break
                continue
            codes.append(ExitCode.OK)
            if as_json:
                run.output.json({"id": str(pending.id), "file": str(path), "at": iso(run.now())})
            else:
                run.output.row(run.output.say("status-signed"), str(pending.id), str(path))
    return worst(*codes)


def _check_key(key: "SigningKey", pending: "Pending") -> None:
    """The certificate is part of what is signed: another key's signature would be refused later."""
    from asn1crypto import x509

    from esign.trust import common_name

    if x509.Certificate.load(pending.certificate).public_key.dump() != key.public_key:
        raise KeyStoreError("approve-other-key", id=str(pending.id), expected=common_name(pending.certificate))


class _Key:
    """The signer's key while it is used; its PIN never comes from the source that is configured for another key."""

    def __init__(
        self, run: Session, uri: str | None, module: str | None, pin_file: Path | None, pin_fd: int | None
    ) -> None:
        from esign.keys import KeyRef
        from esign_cli.pins import chosen_pin

        self._run = run
        config = run.config_if_any()
        if uri is None and config is None:
            raise InputError("option-needed", option="--key")
        self._ref: KeyRef = KeyRef.parse(uri) if uri is not None else config.key.uri  # type: ignore[union-attr]  # one of both is there
        self._module = module or (config.key.module if config else "") or None
        self._pin: PinSource = chosen_pin(run.output, config if uri is None else None, pin_file=pin_file, pin_fd=pin_fd)
        if config is not None and config.softhsm is not None:
            from esign_hsm.softhsm import use

            use(config.softhsm.conf)

    def __enter__(self) -> "SigningKey":
        from esign_cli.pins import typing_again
        from esign_hsm import FilePinGuard, TokenKeyStore, protect_process

        protect_process()
        self._store = TokenKeyStore(module=self._module, pin=self._pin, guard=FilePinGuard())
        return typing_again(self._run.output, self._pin, lambda: self._store.key(self._ref))

    def __exit__(self, *_: object) -> None:
        self._store.close()
