"""Loads the application of every function that HTTP reaches, with the environment that the template gives it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from infra.template import load_stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from edge.app import EdgeApp

AWS_REGION: Final = "us-east-1"
NOWHERE: Final = {
    "AWS_REGION": AWS_REGION,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "EDGE_STAGE": "development",
}
"""No AWS: routes are read, not called."""


class Loaded(NamedTuple):
    """
    One function.

    Attributes:
        name: of its folder.
        app: with its routes.
    """

    name: str
    app: EdgeApp


def load_functions(root: Path) -> list[Loaded]:
    """
    Return every function that has a handler for HTTP, by name.

    Args:
        root: of the repository.
    """
    stack = load_stack(root / "template.yaml", aws_region=AWS_REGION)
    environments = {function.name: function.environment for function in stack.functions}
    paths = sorted((root / "functions").glob("*/app.py"))
    return [
        Loaded(path.parent.name, _load(path, environments.get(path.parent.name, {})))
        for path in paths
        if "make_handler(" in path.read_text(encoding="utf-8")
    ]


def _load(path: Path, environment: Mapping[str, str]) -> EdgeApp:
    name = f"documented_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    with _variables({**environment, **NOWHERE, "AWS_LAMBDA_FUNCTION_NAME": path.parent.name}):
        sys.modules[name] = module  # where pydantic looks annotations up
        try:
            spec.loader.exec_module(module)
        finally:
            del sys.modules[name]
    app: EdgeApp = module.app
    return app


@contextlib.contextmanager
def _variables(environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
