"""``python -m infra.local``: four regions on this machine until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from infra.local.launcher import Launcher, Options


def main() -> int:
    """Parse the command line, run, and return the exit code: 0 stopped, 1 failed, 2 a port is taken."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=8000, help="of the global endpoint; the others follow (8000)"
    )
    parser.add_argument("--persist", action="store_true", help="keep the tables in .local/aws-state")
    parser.add_argument("--template", type=Path, default=Options.template, help="the stack to run")
    parser.add_argument("--local-dir", type=Path, default=Options.local_dir, help="logs and state go there")
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # a profile or an endpoint of the user's must not reach boto3 here
    options = Options(
        base_port=arguments.port,
        persist=arguments.persist,
        template=arguments.template.resolve(),
        local_dir=arguments.local_dir.resolve(),
    )
    return asyncio.run(Launcher(options).run())


if __name__ == "__main__":
    sys.exit(main())
