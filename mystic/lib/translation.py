"""Plain functions on numbers and arrays translated by numba: the same text, much faster.

What is translated allocates nothing and calls only functions of its own modules. The translation is
kept on disk beside the code and made anew when any of the code changes.
"""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any


def translated(
    modules: Sequence[ModuleType],
    types: Mapping[Any, Any],
    *,
    options: Mapping[str, Any] | None = None,
    inside: Collection[str] = (),
) -> dict[str, Any]:
    """Return the functions of all modules by name, translated.

    Parameters
    ----------
    modules : sequence
        In the order of who uses whom; the last one gives the names' module.
    types : mapping
        The numba type that each annotation stands for; one form of each function will do.
    options : mapping, optional
        Of `numba.njit`.
    inside : collection of str
        Functions that are translated into what calls them.
    """
    sources = [Path(str(module.__file__)).read_bytes() for module in modules]
    version = sha256(b"".join(sources)).hexdigest()[:12]
    names: dict[str, Any] = {"__name__": modules[-1].__name__}
    for module in modules:
        names.update({key: value for key, value in vars(module).items() if key not in names})
    # Nothing is allocated, so numba need not count references (`_nrt`): that takes nine tenths of
    # the time of a translation.
    common = {**(options or {}), "_nrt": False}
    for module in modules:
        for function in _callees_first(module):
            copy = FunctionType(function.__code__, names, function.__name__)
            # numba names its file on disk after this and looks at one module's date only.
            copy.__qualname__ = f"{function.__name__}_{version}"
            wanted = [types[one] for one in function.__annotations__.values()]
            own = {**common, "forceinline": True} if function.__name__ in inside else common
            names[function.__name__] = _translate(copy, wanted[-1](*wanted[:-1]), own)
    return names


def _translate(function: FunctionType, signature: Any, options: Mapping[str, Any]) -> Any:
    import numba

    try:
        return numba.njit(signature, cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in
        return numba.njit(signature, **options)(function)


def _callees_first(module: ModuleType) -> list[FunctionType]:
    own = {
        name: one
        for name, one in vars(module).items()
        if isinstance(one, FunctionType) and one.__module__ == module.__name__
    }
    ordered: dict[str, FunctionType] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for used in own[name].__code__.co_names:
                if used in own and used != name:
                    add(used)
            ordered.setdefault(name, own[name])

    for name in own:
        add(name)
    return list(ordered.values())
