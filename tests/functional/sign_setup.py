"""What tests of ``/api/sign`` share: requests that are signed and shown to a verifier."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import ModuleType

    from tests.functional.auth_setup import House
    from tests.http_events import Answer

SIGN: Final = "/api/sign/request"
VERIFY: Final = "/api/sign/verify"
URL: Final = "https://shop.example/orders/7?dry=1"
BODY: Final = b'{"hello": "world"}'


def encoded(body: bytes) -> str:
    return base64.b64encode(body).decode("ascii")


def ask_to_sign(house: House, key: str, *, function: ModuleType | None = None, **members: Any) -> Answer:
    """Have a request signed, by default a POST of :data:`BODY`; a member that is ``...`` is left out."""
    document: dict[str, object] = {"method": "POST", "url": URL, "body_base64": encoded(BODY), **members}
    shown = {name: value for name, value in document.items() if value is not ...}
    return house.call(function or "sign_request", "POST", SIGN, shown, key=key)


def signed_headers(house: House, key: str, **members: Any) -> dict[str, str]:
    said = ask_to_sign(house, key, **members)
    assert said.status == 200, said.body
    headers: dict[str, str] = said.json()["headers"]
    return headers


def ask_to_verify(
    house: House,
    headers: object,
    *,
    function: ModuleType | None = None,
    key: str | None = None,
    **members: Any,
) -> Answer:
    """Show a request to a verifier, by default the one of :func:`ask_to_sign`, as its receiver."""
    document: dict[str, Any] = {
        "method": "POST",
        "url": URL,
        "headers": headers,
        "body_base64": encoded(BODY),
    }
    shown = {name: value for name, value in {**document, **members}.items() if value is not ...}
    return house.call(function or "sign_verify", "POST", VERIFY, shown, key=key or house.admin_key)


def nonce_items(house: House) -> list[dict[str, Any]]:
    """Every claim in the region's table."""
    from tests import engines

    client = engines.reference_client(house.environ["AWS_ENDPOINT_URL"], region="eu-west-3")
    return list(client.scan(TableName=house.environ["NONCES_TABLE"]).get("Items", []))
