"""Any value of a struct, for hypothesis."""

from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def instances(kind: type[Any], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy of structs of that kind, whatever JSON can carry in their fields.

    Args:
        kind: a struct.
        given: strategies of fields that not every value of their type suits.
    """
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: _values(hints[name]) for name in kind.__struct_fields__} | given)


def _values(kind: Any) -> st.SearchStrategy[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return instances(kind)
    if kind is Any:
        return TEXT | st.integers(-(2**53), 2**53) | st.booleans() | st.none()
    if kind is str:
        return TEXT
    if kind is int:
        return st.integers(-(2**63), 2**63 - 1)
    if kind is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    if origin is tuple and inner[-1] is not Ellipsis:
        return st.tuples(*map(_values, inner))
    if origin is tuple:
        return st.lists(_values(inner[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(_values(inner[0]), _values(inner[1]), max_size=3)
    if inner:
        return st.one_of([_values(each) for each in inner])
    return st.from_type(kind)
