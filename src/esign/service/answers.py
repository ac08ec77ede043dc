"""Values of the register as the interface's models say them."""

from esign.api.problems import Finding
from esign.api.results import Links, Promise, Result, ResultFile, Signer, Version
from esign.codes import AgencyCode, ResultId
from esign.profile import Level, Numbering
from esign.registry import FileVersion, Intent, IntentState, Registration
from esign.service.problems import finding

__all__ = ["level", "links", "promise", "result", "version"]


def result(intent: Intent) -> Result:
    """An entry of the register."""
    metadata = intent.metadata
    numbered = intent.numbering is not Numbering.AT_RELEASE or intent.number is not None
    return Result(
        id=str(intent.id),
        state=intent.state.value,
        kind=intent.kind.value,
        agency=str(intent.agency),
        number=str(intent.number) if intent.number else None,
        issue_date=intent.issue_date if numbered else None,
        procedure=str(metadata.procedure) if metadata else None,
        title=metadata.title if metadata else None,
        subject=metadata.subject if metadata else None,
        dossier=str(metadata.dossier) if metadata and metadata.dossier else None,
        result_code=str(metadata.result_code) if metadata and metadata.result_code else None,
        expires=metadata.expires if metadata else None,
        main=str(intent.main) if intent.main else None,
        reserved_at=intent.reserved_at,
        issued_at=intent.issued_at,
        void=_void(intent),
        void_why=intent.void_why or None,
        file=_file(intent.registration) if intent.registration else None,
        links=links(intent.agency, intent.id, issued=intent.state is IntentState.ISSUED),
    )


def links(agency: AgencyCode, result_id: ResultId, *, issued: bool) -> Links:
    """Where more of a result is."""
    place = f"/v1/agencies/{agency}/results/{result_id}"
    if not issued:
        return Links(self=place)
    return Links(self=place, document=f"{place}/document", standing=f"{place}/standing")


def version(found: FileVersion) -> Version:
    """A state of a file."""
    return Version(sha256=found.sha256, size=found.size, level=level(found.level), at=found.at)


def level(found: Level) -> str:
    """`B-B`, …, as configurations and reports say it."""
    return found.value.removeprefix("PAdES-")


def promise(intent: Intent) -> Promise | None:
    """What was promised for later."""
    found = intent.upgrade
    if found is None:
        return None
    return Promise(
        level=level(found.level),
        due=found.due,
        tries=found.tries,
        problem=finding(found.problem) if found.problem else None,
        done_at=found.done_at,
    )


def _void(intent: Intent) -> Finding | None:
    return finding(intent.void_reason) if intent.void_reason else None


def _file(found: Registration) -> ResultFile:
    return ResultFile(
        sha256=found.sha256,
        size=found.size,
        level=level(found.level),
        pages=found.pages,
        mechanism=found.mechanism.value,
        signing_time=found.signing_time,
        signers=[
            Signer(role=signer.role.value, sha256=signer.sha256, issuer=signer.issuer, serial=signer.serial)
            for signer in found.signers
        ],
        notices=[finding(notice) for notice in found.notices],
    )
