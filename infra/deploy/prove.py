"""How a region's deployment is proved: its smoke test, then its alarms, which the canary region watches for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.deploy.region import Proof
from infra.deploy.smoke import AT_ONCE, Address, checks_for, run_checks, send_check

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from infra.deploy.aws import Aws
    from infra.deploy.display import Progress
    from infra.deploy.emulated import Emulator
    from infra.deploy.pace import Pace
    from infra.deploy.site import Site
    from infra.deploy.stacks import Stack

API_TYPE: Final = "AWS::ApiGatewayV2::Api"
API_OUTPUT: Final = "ApiUrl"
OWN_TARGET: Final = "OwnTarget"
"""Where the region's own name will lead: with a domain, DNS knows the name only after the regions are there."""

WATCH_SECONDS: Final = 120.0
"""An alarm's period is a minute and its metric comes a minute late."""

KEYS_NOTE: Final = "there are no keys of the house yet: run `make admin-key STAGE={stage}`"


def region_proof(
    aws: Aws,
    site: Site,
    *,
    secret: str,
    stage: str,
    watch_seconds: float,
    known_alarms: Collection[str],
    emulator: Emulator | None,
    pace: Pace,
    progress: Progress,
) -> Callable[[Stack], Proof]:
    """
    Return what proves the stack of a region.

    Args:
        aws: makes clients.
        site: of the region.
        secret: name of the secret with the keys of the house.
        stage: for the operator's next command.
        watch_seconds: how long alarms are watched.
        known_alarms: alarms that were on before.
        emulator: in place of AWS.
        pace: of waiting.
        progress: is told what is tested.
    """

    def prove(stack: Stack) -> Proof:
        url = stack.outputs.get(API_OUTPUT)
        if url is None:
            return Proof((f"the stack has no output {API_OUTPUT}",))
        api = next((found for _, kind, found in site.stacks.resources(stack.name) if kind == API_TYPE), "")
        has_keys = (emulator or aws).secret_has_value(site.aws_region, secret)
        checks = checks_for(deployed_paths(aws, site.aws_region, api), has_keys=has_keys)
        progress.step(site.where, f"testing {len(checks)} routes of {url}")
        address = (
            Address(url, via=stack.outputs.get(OWN_TARGET)) if emulator is None else emulator.address(api)
        )
        send = send_check if emulator is None else emulator.send
        problems = run_checks(
            checks, address, site.where, pace, send, at_once=AT_ONCE if emulator is None else 1
        )
        notes: tuple[str, ...] = () if has_keys else (KEYS_NOTE.format(stage=stage),)
        if known_alarms:
            notes += (f"alarms were on before and are not counted: {', '.join(sorted(known_alarms))}",)
        if not problems:
            if watch_seconds:
                progress.step(site.where, f"watching alarms for {watch_seconds:.0f} s")
            problems = [
                f"alarm {name} is on" for name in site.alarms.watch(watch_seconds, known=known_alarms)
            ]
        return Proof(tuple(problems), notes)

    return prove


def deployed_paths(aws: Aws, aws_region: str, api: str) -> list[str]:
    """Return the paths of the routes of the API with id *api*, as it has them now; ``$default`` among them."""
    client = aws.client("apigatewayv2", aws_region)
    paths: list[str] = []
    token: dict[str, object] = {}
    while True:
        page = client.get_routes(ApiId=api, MaxResults="100", **token)
        paths += [str(item["RouteKey"]).rpartition(" ")[2] for item in page["Items"]]
        if not page.get("NextToken"):
            return sorted(set(paths))
        token = {"NextToken": page["NextToken"]}
