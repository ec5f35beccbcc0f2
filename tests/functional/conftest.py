"""The template's tables on the engines that functions are tested with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.aws.regional import forget_clients
from edge.aws.secrets import forget_clients as forget_secret_clients
from edge.regions import DEPLOYED, GLOBAL_STACK_REGION
from infra.local.emulator import LOCAL_CREDENTIALS
from infra.local.provision import Provision
from infra.template import create_tables, load_stack
from tests import engines
from tests.functions import load_function
from tests.http_events import http_event, invoke

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
GLOBAL_TEMPLATE = TEMPLATE.parent / "infra" / "global.yaml"
REGION = "eu-west-3"


def _environment(url: str) -> dict[str, str]:
    """Create the template's tables and return what the template tells a function, and where the engine is."""
    stack = load_stack(TEMPLATE, aws_region=REGION)
    create_tables(stack, engines.reference_client(url, region=REGION))
    function = next(function for function in stack.functions if function.name == "ratelimit_check")
    return {**function.environment, "AWS_ENDPOINT_URL": url, "EDGE_STAGE": "development"}


@pytest.fixture(scope="session", autouse=True)
def _credentials() -> Iterator[None]:
    """Lambda has credentials in the environment for as long as a function lives, not only while it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LOCAL_CREDENTIALS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module", autouse=True)
def _connections() -> Iterator[None]:
    """Functions live as long as their process; their connections end with the tests that loaded them."""
    yield
    forget_clients()
    forget_secret_clients()


@pytest.fixture(scope="session")
def moto_environment(moto_url: str) -> dict[str, str]:
    """What a function needs to find its tables in moto."""
    return _environment(moto_url)


@pytest.fixture(scope="session")
def provision(ministack_url: str, tmp_path_factory: pytest.TempPathFactory) -> Provision:
    """All that ``make up`` prepares, in ministack: tables in four regions, the global ones, the keys of the house."""
    provision = Provision(ministack_url, tmp_path_factory.mktemp("house"))
    regional = {region.code: load_stack(TEMPLATE, aws_region=region.aws_region) for region in DEPLOYED}
    once = load_stack(
        GLOBAL_TEMPLATE, aws_region=GLOBAL_STACK_REGION.aws_region, stack_name="kaizen-edge-global"
    )
    provision.create_tables(regional, once)
    return provision


@pytest.fixture(scope="session")
def ministack_environment(provision: Provision) -> dict[str, str]:
    """What a function needs to find its tables in ministack."""
    return _environment(provision.emulator_url)


@pytest.fixture(scope="session")
def admin_key(provision: Provision, ministack_environment: dict[str, str]) -> str:
    """Text of a key that may do everything, on the plan without a limit."""
    return provision.create_demo_key(ministack_environment["KEYS_TABLE"])


@pytest.fixture(scope="session")
def user_key(ministack_environment: dict[str, str], admin_key: str) -> str:
    """Text of a USER's key on the plan without a limit, made over the API."""
    function = load_function("keys", ministack_environment)
    body = {"name": "user", "role": "USER", "plan": "enterprise"}
    event = http_event("POST", "/api/keys", body, headers={"x-api-key": admin_key})
    return str(invoke(function.handler, event).json()["api_key"])
