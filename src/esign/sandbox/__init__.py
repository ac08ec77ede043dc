"""Run a task in a worker process whose time and memory the operating system limits, for input from anybody.

>>> sandbox = shared("esign.examination")
>>> task = Task(examiner, answers={"esign.report"})       # picklable; sent to a worker once
>>> sandbox.run(task, pdf, moment, budget=Budget(cpu=2.0))

A task that needs more than its budget, or breaks the process, ends in `TaskStopped`; the next task gets a new worker.
docs/adr/0011-sandbox.md says what a worker can and cannot do.
"""

from esign.sandbox.budget import Budget, enforces_memory
from esign.sandbox.pool import Sandbox, Task, TaskStopped, shared

__all__ = ["Budget", "Sandbox", "Task", "TaskStopped", "enforces_memory", "shared"]
