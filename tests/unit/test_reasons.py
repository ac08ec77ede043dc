"""Reasons: sentences in the reader's language, whatever their facts are."""

import errno
import os
import pickle

from esign.errors import InputError
from esign.reasons import Reason, system_problem


def test_a_code_without_a_sentence_still_says_what_it_is_about() -> None:
    assert str(Reason("no-such-code", {"file": "esign.toml"})) == "no-such-code (file=esign.toml)"
    assert str(Reason("no-such-code")) == "no-such-code"


def test_what_a_system_says_is_told_in_both_languages() -> None:
    problem = system_problem(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    error = InputError("disk-not-writable", folder="out", problem=problem)
    assert error.diagnostics("vi").what == "không ghi được vào thư mục out: không có quyền"
    assert str(pickle.loads(pickle.dumps(error))) == "cannot write to folder out: permission denied"


def test_what_no_words_are_known_for_is_passed_on() -> None:
    assert system_problem(OSError(errno.ECONNRESET, "Connection reset by peer")) == "Connection reset by peer"
    assert system_problem(TimeoutError()) == "TimeoutError"
