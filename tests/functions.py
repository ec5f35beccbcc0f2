"""Loads a function's ``app.py`` as Lambda does: by path, with its environment, anew each time."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

FUNCTIONS = Path(__file__).parent.parent / "functions"
FUNCTION_NAMES = sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))


def load_function(name: str, environ: Mapping[str, str]) -> ModuleType:
    """
    Return the module of function *name*.

    Args:
        name: of its folder.
        environ: its variables, beside a region.
    """
    spec = importlib.util.spec_from_file_location(f"function_{name}", FUNCTIONS / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    variables = {"AWS_REGION": "eu-west-3", "AWS_LAMBDA_FUNCTION_NAME": name, **environ}
    with patch.dict(os.environ, variables):
        spec.loader.exec_module(module)
    return module
