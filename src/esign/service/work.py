"""Work: what is left, what failed, who works; and letting workers try again what was set aside."""

from typing import Annotated

from fastapi import APIRouter, Depends

from esign.api.work import UnfinishedTask, WorkerSeen, WorkStatus
from esign.codes import ResultId
from esign.registry import Task
from esign.service.access import Act
from esign.service.offices import Office
from esign.service.permission import Asked, permitted
from esign.service.problems import finding
from esign.service.results import ResultPath

__all__ = ["router"]

router = APIRouter(tags=["work"])


@router.get("/agencies/{agency}/work", summary="What is left, what failed, and who works")
async def status(asked: Annotated[Asked, Depends(permitted(Act.READ))]) -> WorkStatus:
    """Nothing here needs a restart: what failed is tried again, and what was set aside waits for people."""
    return await asked.parts.reading.run(_status, asked.office)


@router.post("/agencies/{agency}/results/{result}/retry", summary="Let workers try again what was set aside")
async def retry(asked: Annotated[Asked, Depends(permitted(Act.RELEASE))], result: ResultPath) -> UnfinishedTask:
    """Once what it failed at is repaired; its tries are counted anew."""
    return await asked.parts.reading.run(_put_back, asked.office, ResultId.parse(result))


def _put_back(office: Office, id_: ResultId) -> UnfinishedTask:
    return _task(office.registry.tasks.put_back(office.entry(id_).id))


def _status(office: Office) -> WorkStatus:
    tasks = office.registry.tasks
    return WorkStatus(
        unfinished=tasks.count(agency=office.code),
        oldest=tasks.oldest(agency=office.code),
        set_aside=[_task(each) for each in tasks.set_aside(agency=office.code)],
        troubled=[_task(each) for each in tasks.troubled(agency=office.code)],
        workers=[
            WorkerSeen(
                name=each.name,
                began_at=each.began_at,
                seen_at=each.seen_at,
                problem=finding(each.problem) if each.problem else None,
            )
            for each in office.registry.workers.present()
        ],
    )


def _task(task: Task) -> UnfinishedTask:
    return UnfinishedTask(
        id=str(task.id),
        state=task.state.value,
        tries=task.tries,
        next_at=None if task.set_aside_at else task.next_at,
        set_aside_at=task.set_aside_at,
        problem=finding(task.problem) if task.problem else None,
    )
