"""Keys of access of one agency, for its operator: made, rotated, revoked; shown once.

A key that opens several agencies is made and ended with `esign access`: here it is not there.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from esign.api.access import Key, KeyList, KeyRequest, NewKey, RotationRequest
from esign.codes import AgencyCode
from esign.errors import InputError, NotRegistered
from esign.registry import AccessKey, Grant
from esign.service.access import Act, Role
from esign.service.bodies import read_model
from esign.service.identity.api_keys import digest_of, new_key
from esign.service.offices import Office
from esign.service.openapi import answering, taking
from esign.service.permission import Asked, permitted

__all__ = ["router"]

router = APIRouter(tags=["access"])

KeyPath = Annotated[str, Path(pattern=r"^[0-9a-z]{10}$", description="The key's id, not the key.")]


@router.get("/agencies/{agency}/access/keys", summary="The keys of access of this agency")
async def listing(asked: Annotated[Asked, Depends(permitted(Act.ACCESS))]) -> KeyList:
    """Oldest first, those that are over too."""
    found = await asked.parts.reading.run(asked.office.registry.access.listing)
    return KeyList(keys=[_shown(key) for key in found if _is_of(key, asked.office.code)])


@router.post(
    "/agencies/{agency}/access/keys",
    status_code=201,
    summary="Make a key of access",
    response_model=NewKey,
    openapi_extra=taking(KeyRequest),
)
async def issue(request: Request, asked: Annotated[Asked, Depends(permitted(Act.ACCESS))]) -> Response:
    """For somebody who has none that is good: a name has one key, so a repeated request makes no second.

    If the answer was lost, revoke the key of that name and make another.
    """
    body = await read_model(request, KeyRequest)
    key = new_key()
    made = await asked.parts.reading.run(
        asked.office.registry.access.issue,
        name=body.name,
        digest=digest_of(key),
        grants=[Grant(asked.office.code, _role(role).value) for role in body.roles],
        lifetime=timedelta(days=body.days),
        person=body.person,
    )
    return answering(NewKey(**dict(_shown(made)), key=key), status=201)


@router.post(
    "/agencies/{agency}/access/keys/{key}/rotation",
    status_code=201,
    summary="Rotate a key",
    response_model=NewKey,
    openapi_extra=taking(RotationRequest),
)
async def rotate(request: Request, asked: Annotated[Asked, Depends(permitted(Act.ACCESS))], key: KeyPath) -> Response:
    """A new key with the same name and roles; the old one lives on for a while, and is not rotated twice."""
    body = await read_model(request, RotationRequest)
    await asked.parts.reading.run(_mine, asked.office, key)
    new = new_key()
    made = await asked.parts.reading.run(
        asked.office.registry.access.rotate,
        key,
        digest=digest_of(new),
        lifetime=timedelta(days=body.days),
        overlap=timedelta(hours=body.overlap_hours),
    )
    return answering(NewKey(**dict(_shown(made)), key=new), status=201)


@router.post("/agencies/{agency}/access/keys/{key}/revocation", summary="End a key")
async def revoke(asked: Annotated[Asked, Depends(permitted(Act.ACCESS))], key: KeyPath) -> Key:
    """At once, and for good; again is the same."""
    await asked.parts.reading.run(_mine, asked.office, key)
    return _shown(await asked.parts.reading.run(asked.office.registry.access.revoke, key))


def _mine(office: Office, id_: str) -> AccessKey:
    found = office.registry.access.get(id_)
    if not _is_of(found, office.code):
        raise NotRegistered("access-key-unknown", id=id_)
    return found


def _is_of(key: AccessKey, agency: AgencyCode) -> bool:
    return {grant.agency for grant in key.grants} == {agency}


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError as e:
        raise InputError("access-role-unknown") from e


def _shown(key: AccessKey) -> Key:
    return Key(
        id=key.id,
        name=key.name,
        roles=[grant.role for grant in key.grants],
        person=key.person,
        made_at=key.made_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used=key.last_used,
    )
