"""Names for closures that numba compiles and caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def named_after(part: Any) -> Callable[[Function], Function]:
    """Name a closure after the generated function that it closes over, before numba sees it.

    numba's symbols hold the qualified name and a number counted anew in each process. Without this, code cached by
    two processes can carry one symbol for two closures, and a third that loads both calls the wrong one.
    """

    def rename(function: Function) -> Function:
        function.__qualname__ = f"{part.py_func.__module__}.{part.py_func.__qualname__}.{function.__name__}"
        return function

    return rename
