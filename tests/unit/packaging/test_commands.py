"""The check itself: it takes what the command line has, and nothing else."""

import pytest

from tests.unit.packaging.commands import understood


def test_what_there_is() -> None:
    assert understood(["doctor", "--online"]) == ["esign", "doctor"]
    assert understood(["--config", "x.toml", "token", "info", "van-thu"]) == ["esign", "token", "info"]


@pytest.mark.parametrize(
    "argv", [["dctor"], ["doctor", "--offline"], ["doctor", "more"], ["token", "inf"], ["issue", "--ordinal", "many"]]
)
def test_what_there_is_not(argv: list[str]) -> None:
    with pytest.raises(Exception, match=r"No such|unexpected|Invalid|not a valid int"):
        understood(argv)
