"""Languages, exit codes, and foreign strings on a terminal."""

import io
import json
import re
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esign import errors
from esign.errors import InputError, PINError, PreflightError, VerificationFailed
from esign.reasons import Reason
from esign.texts import Language
from esign_cli.exits import ExitCode, exit_code, worst
from esign_cli.language import choose, explain
from esign_cli.output import Output
from esign_cli.sanitise import json_line, printable


@pytest.mark.parametrize(
    ("argv", "environ", "language"),
    [
        ([], {}, "en"),
        ([], {"LANG": "vi_VN.UTF-8"}, "vi"),
        ([], {"LANG": "en_US.UTF-8"}, "en"),
        ([], {"LANG": "vi_VN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ([], {"LANG": "en_US.UTF-8", "LC_ALL": "vi_VN"}, "vi"),
        ([], {"LC_ALL": "vi_VN", "ESIGN_LANG": "en"}, "en"),
        ([], {"LANG": "C", "ESIGN_LANG": "vi"}, "vi"),
        ([], {"LC_ALL": "", "LANG": "vi"}, "vi"),
        (["--lang", "vi", "doctor"], {"ESIGN_LANG": "en"}, "vi"),
        (["doctor", "--lang=en"], {"ESIGN_LANG": "vi"}, "en"),
        (["verify", "--", "--lang", "vi"], {}, "en"),
        (["verify", "--lang"], {"ESIGN_LANG": "vi"}, "vi"),
        (["--lang", "fr"], {"LANG": "vi"}, "vi"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a language of its own where LANG is not set")
def test_the_language(argv: list[str], environ: dict[str, str], language: Language) -> None:
    assert choose(argv, environ) == language


def test_every_class_of_errors_has_an_exit_code() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__ if name != "Error"]
    codes = {kind.__name__: exit_code(kind("x")) for kind in kinds}
    assert ExitCode.UNEXPECTED not in codes.values()
    assert codes["VerificationFailed"] is ExitCode.NO
    assert codes["PreflightError"] is codes["SealError"] is ExitCode.INPUT
    assert codes["PINError"] is codes["SigningError"] is ExitCode.KEY
    assert codes["DuplicateNumber"] is ExitCode.REGISTER
    assert codes["ConfigurationError"] is ExitCode.CONFIGURATION
    assert exit_code(errors.Error("x")) is ExitCode.UNEXPECTED


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], ExitCode.OK),
        ([ExitCode.OK, ExitCode.OK], ExitCode.OK),
        ([ExitCode.OK, ExitCode.UNDECIDED], ExitCode.UNDECIDED),
        ([ExitCode.UNDECIDED, ExitCode.NO, ExitCode.OK], ExitCode.NO),
        ([ExitCode.NO, ExitCode.INPUT], ExitCode.INPUT),
    ],
)
def test_of_several_answers_the_worst_counts(codes: list[ExitCode], code: ExitCode) -> None:
    assert worst(*codes) is code


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("UỶ BAN NHÂN DÂN", "UỶ BAN NHÂN DÂN"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("line\r\nline", r"line\x0d\x0aline"),
        ("\u202efdp.exe", r"\u202efdp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\udc80", r"\udc80"),
        ("\U000e0001", r"\U000e0001"),
        ("Việt", "Việt"),  # NFD: combining marks are letters here
    ],
)
def test_foreign_strings_are_harmless(text: str, shown: str) -> None:
    assert printable(text) == shown


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text())
def test_nothing_that_a_terminal_acts_on_is_printed(text: str) -> None:
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", printable(text))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(st.text() | st.integers() | st.none(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
def test_json_is_one_safe_line_that_means_the_same(value: object) -> None:
    line = json_line(value)
    assert json.loads(line) == value
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", line)


def test_a_reason_among_the_facts_is_told_in_the_same_language() -> None:
    why = Reason("pin-count-low", {"token": "van-thu"})
    told = explain(Reason("config-value", {"file": "f", "key": "k", "problem": why}), "vi")
    assert explain(why, "vi").what in told.what


def test_a_fact_that_is_missing_does_not_hide_the_reason() -> None:
    assert "config-value" in explain(Reason("config-value", {"file": "esign.toml"}), "en").what
    assert explain(Reason("no-such-code"), "en").what == "no-such-code"


@pytest.fixture
def output() -> Output:
    return Output("en", environ={})


def test_errors_and_hints_go_to_stderr(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    output.error(InputError("file-unreadable", file="\x1b[2Ja.pdf", problem="not found"))
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first == r"esign: error: cannot read \x1b[2Ja.pdf (not found)"
    assert second.startswith("esign: hint: ")


def test_preflight_tells_everything_that_it_found(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    findings = [Reason("pdf-encrypted"), Reason("no-room-for-seal", {"width": "20", "height": "24"})]
    output.error(PreflightError("document-not-issuable", findings=findings, count=2))
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("esign:   - ") for line in lines) == 2


def test_vietnamese_labels(capsys: pytest.CaptureFixture[str]) -> None:
    Output("vi", environ={}).error(PINError("pin-refused", token="van-thu", serial="1"))
    assert capsys.readouterr().err.startswith("esign: lỗi: ")


def test_a_table_is_tabs_where_nobody_looks(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("col-label", "col-serial"), [("a\tb", "1"), ("c", "2")])
    assert capsys.readouterr().out == "a\\x09b\t1\nc\t2\n"


def test_a_closed_reader_is_no_failure(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    output.line("nobody reads this")


def test_no_answer_is_no(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not output.confirm("confirm-unblock", token="x")


def test_verification_failed_is_an_answer() -> None:
    assert exit_code(VerificationFailed("document-altered")) is ExitCode.NO
