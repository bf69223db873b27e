"""The static files are listed once in a process, else every client of every test lists them."""

from typing import Any

from servestatic.middleware import ServeStaticMiddleware

_listed: dict[tuple[str, bool], tuple[dict[str, Any], list[Any]]] = {}
_list_them = ServeStaticMiddleware.add_files_from_finders


def _listed_once(self: ServeStaticMiddleware) -> None:
    """Take the list that the first middleware of the same settings made."""
    key = (self.static_prefix, self.autorefresh)
    if key not in _listed:
        _list_them(self)
        _listed[key] = (dict(self.files), list(self.directories))
    files, directories = _listed[key]
    self.files, self.directories = dict(files), list(directories)


def list_once() -> None:
    """Let every middleware of this process share one list; files do not change during a run."""
    ServeStaticMiddleware.add_files_from_finders = _listed_once
