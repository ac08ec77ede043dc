"""Many documents under one authorisation: a plan that people confirm, then each document exactly once.

    look       every task is examined without a key: to do, done before, or refused with its reasons
    confirm    a person sees the plan; what is refused is refused before anybody types a PIN
    run        many under way at a time, and a row for each, in the order of the plan

A task is known by its content, so a run that was killed is simply started again: what the register has is not made a
second time, and what was left half done is finished (`Issuer` goes on from where it stopped).

>>> batch = plan([Requested(name="a.pdf", request=ask), ...], issuer=keyless, registry=registry)
>>> rows = [row for row in run(batch, issuer, keep=write)]
"""

from esign.batch.planning import Entry, Plan, findings, plan
from esign.batch.running import Outcome, Row, run
from esign.batch.tasks import Outlook, Refused, Released, Requested, Seen, Task

__all__ = [
    "Entry",
    "Outcome",
    "Outlook",
    "Plan",
    "Refused",
    "Released",
    "Requested",
    "Row",
    "Seen",
    "Task",
    "findings",
    "plan",
    "run",
]
