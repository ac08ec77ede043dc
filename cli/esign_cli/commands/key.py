"""`esign key`: make keys in the token, have them certified, put the certificates beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, PinFd, PinFile, Token
from esign_cli.output import iso, shown
from esign_cli.session import session

if TYPE_CHECKING:
    from esign.keys import KeyInfo, KeyRef
    from esign_cli.wiring import Workplace

__all__ = ["register"]

_Key = Annotated[str | None, typer.Argument(metavar="KEY", help="arg-key")]
_KINDS = ("rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384", "ed25519")  # esign_hsm.KeyKind, not imported for --help


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-key", no_args_is_help=True)
    group.command("generate", help="cmd-key-generate")(generate)
    group.command("list", help="cmd-key-list")(list_)
    group.command("csr", help="cmd-key-csr")(csr)
    group.command("import", help="cmd-key-import")(import_)
    app.add_typer(group, name="key")


def generate(
    ctx: typer.Context,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="arg-key-label")],
    *,
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="opt-key-kind", autocompletion=lambda: list(_KINDS))
    ] = "rsa-3072",
    token: Token = None,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Make a key that cannot leave its token; prints its URI."""
    from esign_cli.pins import at_work, typing_again
    from esign_hsm import KeyKind, generate_key

    run = session(ctx)
    if kind not in _KINDS:
        raise InputError("key-kind-unknown", found=kind, expected=", ".join(_KINDS))
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        ref = _token(workplace, token)
        typing_again(run.output, workplace.pin, lambda: workplace.store.token(ref))
        made = generate_key(workplace.store, kind=KeyKind(kind), label=label, token=ref)
        run.output.line(str(made))
        run.output.note("key-made", label=label)
    return ExitCode.OK


def list_(
    ctx: typer.Context, *, token: Token = None, as_json: AsJSON = False, pin_file: PinFile = None, pin_fd: PinFd = None
) -> ExitCode:
    """One row a key."""
    from esign_cli.pins import at_work, typing_again

    run = session(ctx)
    with (
        at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace,
        workplace.store_of(_token(workplace, token)) as store,
    ):
        # Tokens show them in any order, which may change from call to call.
        found = sorted(
            typing_again(run.output, workplace.pin, store.keys), key=lambda k: (k.ref.object or "", k.ref.id or b"")
        )
    if as_json:
        for key in found:
            run.output.json(_members(key))
        return ExitCode.OK
    rows = [(k.ref.object or "—", _kind(k), *_certified(k), ", ".join(k.notes), str(_short(k, found))) for k in found]
    run.output.table(("col-label", "col-kind", "col-certificate", "col-until", "col-notes", "col-uri"), rows)
    if not found:
        run.output.note("no-keys")
    return ExitCode.OK


def csr(
    ctx: typer.Context,
    key: _Key = None,
    *,
    subject: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="opt-subject")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="opt-csr-out", readable=False)] = None,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """A certification request in PEM, signed by the key where it is."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from esign.files import write_durably
    from esign_cli.pins import at_work, key_ref, typing_again
    from esign_hsm import create_csr

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        agency = workplace.config.agency
        names = [_pair(s) for s in subject or ()] or [
            ("C", "VN"),
            ("L", agency.place),
            ("O", agency.name),
            ("CN", agency.name),
        ]
        ref = key_ref(workplace.config, key)
        found = typing_again(run.output, workplace.pin, lambda: workplace.store.key(ref))
        request = x509.load_der_x509_csr(create_csr(found, subject=names))
    pem = request.public_bytes(Encoding.PEM)
    run.output.note("csr-subject", subject=request.subject.rfc4514_string())
    if out is None:
        run.output.raw(pem.decode())
    else:
        write_durably(out, pem, private=False)
        run.output.line(str(out))
    return ExitCode.OK


def import_(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="arg-certificates", readable=False)],
    *,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="arg-key")] = None,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Put a certificate and its chain beside its key."""
    from esign.trust import certificates
    from esign_cli.pins import at_work, key_ref, typing_again
    from esign_cli.places import read_file
    from esign_cli.seal_table import add_own_signer
    from esign_hsm import import_certificates

    run = session(ctx)
    found = [c for file in files for c in certificates(read_file(file))]
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        ref = key_ref(workplace.config, key)
        typing_again(run.output, workplace.pin, lambda: workplace.store.key(ref))
        made = import_certificates(workplace.store, ref, certificates=found)
        run.output.note("certificates-beside", count=len(made.certificates), label=ref.object or str(ref))
        own = workplace.config.key.uri
        if (ref.token, ref.object) == (own.token, own.object) and add_own_signer(workplace):
            run.output.note("seal-signer-named", file=workplace.config.trust.seal_keys)
    return ExitCode.OK


def _token(workplace: "Workplace", label: str | None) -> "KeyRef":
    from esign.keys import KeyRef

    configured = workplace.config.key.uri
    return KeyRef(token=label) if label else KeyRef(token=configured.token, serial=configured.serial)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise InputError("csr-subject-invalid", name=text[:40], detail="NAME=VALUE")
    return name, value


def _short(key: "KeyInfo", among: "Sequence[KeyInfo]") -> "KeyRef":
    """A URI that a person can copy: the label where it is the only one of its kind, else everything."""
    from esign.keys import KeyRef

    alone = sum(k.ref.object == key.ref.object for k in among) == 1
    return KeyRef(token=key.ref.token, object=key.ref.object) if alone and key.ref.object else key.ref


def _kind(key: "KeyInfo") -> str:
    return f"{key.key_type.value if key.key_type else '?'} {key.bits}"


def _certified(key: "KeyInfo") -> tuple[str, str]:
    from cryptography import x509

    if not key.certificates:
        return "—", "—"
    own = x509.load_der_x509_certificate(key.certificates[0])
    names = own.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else own.subject.rfc4514_string(), shown(own.not_valid_after_utc)


def _members(key: "KeyInfo") -> dict[str, object]:
    import hashlib

    from cryptography import x509

    parsed = [x509.load_der_x509_certificate(c) for c in key.certificates]
    return {
        "uri": str(key.ref),
        "label": key.ref.object,
        "kind": key.key_type.value if key.key_type else None,
        "bits": key.bits,
        "notes": dict(key.notes),
        "certificates": [
            {
                "subject": c.subject.rfc4514_string(),
                "issuer": c.issuer.rfc4514_string(),
                "not_before": iso(c.not_valid_before_utc),
                "not_after": iso(c.not_valid_after_utc),
                "sha256": hashlib.sha256(der).hexdigest(),
            }
            for c, der in zip(parsed, key.certificates, strict=True)
        ],
    }
