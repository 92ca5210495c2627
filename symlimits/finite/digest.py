"""A short name for an experiment, the same in every process: from its code and parameters, not from its address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import partial
from inspect import unwrap
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from symlimits.disk import checksum

DEPTH = 12  # of nested parameters; what lies deeper is named by its type
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def digest(thing: Any) -> str:
    """The name: functions by their code, defaults and closure, objects by their type and parameters.

    Two things of one name may still differ: by a function that is called from the code, or by state that does not
    show in `vars` or `repr`.

    >>> digest(lambda x: x + 1) == digest(lambda x: x + 1), digest(lambda x: x + 1) == digest(lambda x: x + 2)
    (True, False)
    """
    return checksum("\n".join(_words(thing, DEPTH)).encode())[:16]


def _words(thing: Any, depth: int) -> Iterator[str]:
    """What makes a thing up, as text in a fixed order."""
    yield type(thing).__qualname__
    if depth:
        parts = _parts(thing)
        for part in [_ADDRESS.sub("", repr(thing))] if parts is None else parts:
            yield from [part] if isinstance(part, str) else _words(part, depth - 1)


def _parts(thing: Any) -> list[Any] | None:
    """The parts of a compound; None for what its `repr` tells in full."""
    if isinstance(thing, FunctionType):
        function = unwrap(thing)
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        return [function.__code__, function.__defaults__, function.__kwdefaults__, *cells]
    if isinstance(thing, CodeType):
        return [thing.co_code.hex(), str(thing.co_names), *thing.co_consts]
    if isinstance(thing, MethodType):
        return [thing.__func__, thing.__self__]
    if isinstance(thing, partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, np.ndarray):
        return [str(thing.dtype), str(thing.shape), checksum(np.ascontiguousarray(thing).tobytes())]
    if isinstance(thing, dict):
        return [part for key in sorted(thing, key=str) for part in (key, thing[key])]
    if isinstance(thing, set | frozenset):
        return sorted(map(str, thing))
    if isinstance(thing, tuple | list):
        return list(thing)
    if is_dataclass(thing) and not isinstance(thing, type):
        return [getattr(thing, field.name) for field in fields(thing)]
    if type(thing).__repr__ is object.__repr__ and hasattr(thing, "__dict__"):
        return [vars(thing)]
    return None
