"""Workers: they go on with whatever is unfinished, carry batches out, and do what is due by the clock.

Any number of them may run, on any number of hosts: the register says what there is to do, and a claim keeps two of
them from one result. A worker that dies leaves nothing but an unfinished intent, which the next one finds.
"""

from esign.work.batches import BatchIntake, BatchSpool, BatchWork
from esign.work.chores import Chore
from esign.work.worker import Office, Worker, WorkerHealth

__all__ = ["BatchIntake", "BatchSpool", "BatchWork", "Chore", "Office", "Worker", "WorkerHealth"]
