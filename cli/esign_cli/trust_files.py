"""What signing and verifying rest on, from files: certificates, revocation lists, and tables of keys and algorithms."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from esign.errors import ConfigurationError, InputError
from esign.reasons import system_problem
from esign_cli.places import read_file, read_files

if TYPE_CHECKING:
    from esign.authority import AuthorityTable
    from esign.seal import SealKeys
    from esign.trust import TrustStore, ValidationPolicy
    from esign_cli.config import Config
    from esign_cli.config.trust import TrustedListSection

__all__ = ["authority_table", "seal_key_table", "trust_store", "validation_policy"]

_CERTIFICATES = (".pem", ".crt", ".cer", ".der", ".p7b", ".p7c")
_LISTS = (".crl", ".pem", ".der")


def trust_store(
    *,
    anchors: Sequence[Path] = (),
    authorities: Sequence[Path] = (),
    intermediates: Sequence[Path] = (),
    crls: Sequence[Path] = (),
    lists: "Sequence[TrustedListSection]" = (),
    system: bool = False,
) -> "TrustStore":
    """From files and folders of certificates and revocation lists; `authorities` are trusted for time-stamps alone."""
    from esign.trust import TrustStore

    store = TrustStore.from_pem(
        *read_files(anchors, _CERTIFICATES),
        *(_system_certificates() if system else ()),
        authorities=read_files(authorities, _CERTIFICATES),
        intermediates=read_files(intermediates, _CERTIFICATES),
        crls=read_files(crls, _LISTS),
    )
    if not lists:
        return store
    from esign.trust.etsi import read_trusted_list

    listed = (read_trusted_list(read_file(each.file), sha256=each.sha256).anchors for each in lists)
    return replace(store, anchors=(*store.anchors, *(anchor for found in listed for anchor in found)))


def _system_certificates() -> Sequence[bytes]:
    from esign.trust.system import system_certificates

    return system_certificates()


def validation_policy(path: Path | None) -> "ValidationPolicy":
    """With the table of algorithms in a file; the one that comes with esign without a file."""
    from esign.trust import AlgorithmPolicy, ValidationPolicy

    if path is None:
        return ValidationPolicy()
    return ValidationPolicy(algorithms=AlgorithmPolicy.from_toml(read_file(path)))


def seal_key_table(path: Path | None) -> "SealKeys":
    """The table of seal keys in a file; an empty one without a file."""
    from esign.seal import SealKeys

    if path is None:
        return SealKeys()
    try:
        return SealKeys.from_json(read_file(path).decode("utf-8"))
    except UnicodeDecodeError as e:
        raise InputError("file-unreadable", file=path, problem="UTF-8") from e


def authority_table(config: "Config") -> "AuthorityTable | None":
    """Who may sign what; None where no table is named.

    Raises:
        ConfigurationError: `authority-table-missing`, or what is wrong with it.
    """
    path = config.authority.table
    if path is None:
        return None
    from esign.authority import AuthorityTable

    try:
        return AuthorityTable.from_toml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        problem = system_problem(e) if isinstance(e, OSError) else "UTF-8"
        raise ConfigurationError("authority-table-missing", file=path, problem=problem) from e
