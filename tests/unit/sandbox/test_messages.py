"""What a worker says is read as values of the classes that were named, whatever Python wrote it."""

from enum import Enum

import pytest

from esign.sandbox.messages import Unexpected, packed, unpacked


class Old(Enum):
    """Members are pickled as Python 3.11.0 to 3.11.3 does it."""

    ONE = "1"

    def __reduce_ex__(self, protocol: object, /) -> "tuple[object, ...]":
        return getattr, (type(self), self.name)


def test_a_member_needs_no_function() -> None:
    assert unpacked(packed([Old.ONE]), modules={__name__}) == [Old.ONE]


def test_functions_and_other_classes_are_refused() -> None:
    with pytest.raises(Unexpected):
        unpacked(packed(getattr), modules={__name__, "builtins"})
    with pytest.raises(Unexpected):
        unpacked(packed(Old.ONE), modules={"datetime"})
