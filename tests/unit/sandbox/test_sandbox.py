"""A worker answers, or is ended by the operating system and replaced; nothing that happens in it reaches the caller."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.errors import ConfigurationError
from esign.sandbox import Budget, Sandbox, Task, TaskStopped, enforces_memory, shared
from tests.support.stopwatch import seconds_of
from tests.support.unruly import Answer, Unruly

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
BUDGET = Budget(cpu=20, memory=256 << 20)
"""What none of these tasks needs; one that goes on for ever gets less."""
LITTLE = Budget(cpu=0.5, memory=256 << 20)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(preload=("tests.support.unruly",))
    yield made
    made.close()


@pytest.fixture(scope="module")
def task() -> Task:
    return Task(Unruly(), answers={"tests.support.unruly"})


def stopped(sandbox: Sandbox, task: Task, *arguments: object, budget: Budget = BUDGET) -> str:
    with pytest.raises(TaskStopped) as caught:
        sandbox.run(task, *arguments, budget=budget)
    assert caught.value.diagnostics("vi").next_step
    return caught.value.code


def test_an_answer_comes_back(sandbox: Sandbox, task: Task) -> None:
    value = {"a": [1, b"x", None, (2.5, True)]}
    assert sandbox.run(task, "echo", value, budget=BUDGET) == Answer(value=value)


def test_a_worker_is_used_again_and_is_another_process(sandbox: Sandbox, task: Task) -> None:
    first = sandbox.run(task, "pid", budget=BUDGET)
    assert first == sandbox.run(task, "pid", budget=BUDGET)
    assert first != os.getpid()


@POSIX
@pytest.mark.parametrize("what", ["spin", "spin in C"])
def test_time_is_limited(sandbox: Sandbox, task: Task, what: str) -> None:
    codes: list[str] = []
    took = seconds_of(lambda: codes.append(stopped(sandbox, task, what, budget=LITTLE)))
    assert codes == ["sandbox-time"]
    assert took < LITTLE.wall / 2, "it was ended for its processor time"
    assert sandbox.run(task, "echo", 1, budget=BUDGET) == Answer(value=1)


def test_waiting_is_limited(sandbox: Sandbox, task: Task) -> None:
    class Impatient(Budget):
        @property
        def wall(self) -> float:
            return 0.5

    # The worker is told an ordinary budget, the parent waits half a second.
    assert Impatient().wall < Budget().wall
    idle = Sandbox(preload=("tests.support.unruly",))
    idle.run(task, "echo", 1, budget=BUDGET)
    worker, _ = idle._asked(task, ("echo", 1), BUDGET)
    worker.ask(task, ("sleep",), BUDGET)
    assert worker.answer(Impatient()) is None
    assert worker.late
    worker.stop()
    idle.close()


@pytest.mark.skipif(not enforces_memory(), reason="the memory limit is held on Linux only")
@pytest.mark.parametrize("what", ["eat", "eat slowly"])
def test_memory_is_limited(sandbox: Sandbox, task: Task, what: str) -> None:
    assert stopped(sandbox, task, what) == "sandbox-memory"
    assert sandbox.run(task, "eat", 100 << 20, budget=BUDGET) == 100 << 20


@POSIX
def test_a_crash_is_a_finding(sandbox: Sandbox, task: Task) -> None:
    assert stopped(sandbox, task, "crash") == "sandbox-broken"
    assert stopped(sandbox, task, "exit") == "sandbox-broken"
    assert sandbox.run(task, "echo", 2, budget=BUDGET) == Answer(value=2)


def test_an_exception_is_a_finding_and_the_worker_lives(sandbox: Sandbox, task: Task) -> None:
    before = sandbox.run(task, "pid", budget=BUDGET)
    assert stopped(sandbox, task, "raise", "secret text") == "sandbox-failed"
    assert stopped(sandbox, task, "recurse") == "sandbox-failed"
    assert sandbox.run(task, "pid", budget=BUDGET) == before


@pytest.mark.parametrize("what", ["evil", "foreign"])
def test_nothing_but_named_values_is_made_of_an_answer(sandbox: Sandbox, task: Task, what: str) -> None:
    assert stopped(sandbox, task, what) == "sandbox-broken"


def test_what_libraries_print_is_no_answer(sandbox: Sandbox, task: Task) -> None:
    assert sandbox.run(task, "print", budget=BUDGET) == "quiet"


@POSIX
def test_a_worker_writes_no_file(sandbox: Sandbox, task: Task, tmp_path: Path) -> None:
    assert sandbox.run(task, "write", str(tmp_path / "out"), budget=BUDGET) == "OSError"


def test_a_worker_has_no_secrets_of_its_parent(sandbox: Sandbox, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESIGN_PIN", "1234")
    fresh = Sandbox(preload=("tests.support.unruly",))
    environment = fresh.run(task, "environment", budget=BUDGET)
    fresh.close()
    assert isinstance(environment, dict)
    assert environment.keys() <= {"SYSTEMROOT", "LANG", "LC_ALL", "TZ", "LC_CTYPE"}


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_a_worker_reaches_no_network_where_the_system_lets_go_of_it(sandbox: Sandbox, task: Task) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = sandbox.run(task, "connect", server.getsockname(), budget=BUDGET)
    if found == "connected":
        pytest.skip("this system forbids user namespaces")
    assert found == "OSError"


def test_a_worker_that_somebody_killed_is_replaced(task: Task) -> None:
    own = Sandbox(preload=("tests.support.unruly",))
    pid = own.run(task, "pid", budget=BUDGET)
    assert isinstance(pid, int)
    own._idle[0]._process.kill()
    own._idle[0]._process.wait()
    assert own.run(task, "pid", budget=BUDGET) != pid
    own.close()


def test_threads_take_turns(sandbox: Sandbox, task: Task) -> None:
    answers: list[object] = []

    def ask(number: int) -> None:
        answers.append(sandbox.run(task, "echo", number, budget=BUDGET))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.value for a in answers if isinstance(a, Answer)) == list(range(8))  # type: ignore[type-var]
    assert len(sandbox._idle) == 1


def test_several_tasks_keep_their_definitions_apart(sandbox: Sandbox) -> None:
    for name in ("a", "b", "c", "d", "e", "f", "a"):
        task = Task(Unruly(name=name), answers={"tests.support.unruly"})
        assert sandbox.run(task, "echo", name, budget=BUDGET) == Answer(value=name)


def test_a_task_that_a_worker_does_not_know_is_a_finding(sandbox: Sandbox, task: Task) -> None:
    stranger = Task(Unruly(), answers=())
    stranger.__dict__["definition"] = task.definition.replace(b"tests.support.unruly", b"tests.support.notone")
    assert stopped(sandbox, stranger, "pid") == "sandbox-failed"
    assert sandbox.run(task, "echo", 3, budget=BUDGET) == Answer(value=3)


def test_a_machine_without_an_interpreter_is_a_matter_of_configuration(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ConfigurationError) as caught:
        Sandbox().run(task, "echo", 1, budget=BUDGET)
    assert caught.value.code == "sandbox-unavailable"


def test_the_shared_sandbox_is_one_for_a_process() -> None:
    assert shared("json") is shared("json")
