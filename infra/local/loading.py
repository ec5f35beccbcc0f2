"""
Loads a function's module as Lambda does at init: from its folder, with its environment, under a name of its own.

Environment variables are the process's while a module loads: loads take turns, and what a function needs later it has
read by then (as on AWS, where settings are read once, at init). Unlike on Lambda, the functions of one region share a
process, so modules under ``shared/`` are loaded once for all of them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infra.local.context import LambdaContext
    from infra.template import Function

    Handler = Callable[[dict[str, object], LambdaContext], object]

_LOADING: Final = threading.Lock()
_SERIAL: Final = itertools.count(1)


class LoadFailed(Exception):
    """The module does not import or has no such handler; the message is one line, the traceback is in the log."""


def load_handler(function: Function, environment: Mapping[str, str]) -> Handler:
    """
    Import the function's module and return its handler.

    Args:
        function: names the folder and the handler.
        environment: variables to show meanwhile, on top of the process's own.

    Raises:
        LoadFailed: the module does not import or has no such attribute.
    """
    module_name, _, attribute = function.handler.rpartition(".")
    path = function.code_dir / f"{module_name.replace('.', '/')}.py"
    unique = f"kaizen_local_{function.name}_{next(_SERIAL)}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None or not path.is_file():
        msg = f"function {function.name}: there is no {path}"
        raise LoadFailed(msg)
    module = importlib.util.module_from_spec(spec)
    with _LOADING, _variables(environment), _siblings(str(function.code_dir)):
        sys.modules[unique] = module
        try:
            spec.loader.exec_module(module)
            handler: Handler = getattr(module, attribute)
        except (Exception, SystemExit) as error:  # whatever stops the import is told in one line
            del sys.modules[unique]
            log_line("function does not import", function.name, error=stack_of(error))
            msg = f"function {function.name} does not import: {_one_line(error)}"
            raise LoadFailed(msg) from None
    return handler


@contextlib.contextmanager
def _variables(environment: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _siblings(folder: str) -> Iterator[None]:
    # A function's folder is importable while it loads, as /var/task is; two functions may both have a models.py.
    sys.path.insert(0, folder)
    before = set(sys.modules)
    try:
        yield
    finally:
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if origin.startswith(folder + os.sep) and not name.startswith("kaizen_local_"):
                del sys.modules[name]


def log_line(message: str, function: str, **details: object) -> None:
    """Write one JSON line to the region's log, in one piece: sandboxes write at the same time."""
    line = {"level": "ERROR", "message": message, "function": function, **details}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()


def stack_of(error: BaseException) -> str:
    """Return the traceback as Python prints it."""
    return "".join(traceback.format_exception(error))


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
