"""
Which Lambda authorizer guards which route of an HTTP API, read from a SAM template.

Only what API Gateway calls payload format 2.0 with simple responses. A route that is guarded in any other way is
refused, not run without its guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.template_document import TemplateError, absent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.intrinsics import Resolver

__all__ = ["Authorizer", "function_of_arn", "read_authorizer"]

MAX_TTL_SECONDS: Final = 3600
NO_AUTHORIZER: Final = "NONE"
"""What a route names to be open although its API has a default authorizer."""

_SOURCES: Final = {"Headers": "header", "QueryStrings": "querystring"}


@dataclass(frozen=True)
class Authorizer:
    """
    One Lambda authorizer of one HTTP API.

    Attributes:
        api: logical id of the API.
        name: its key under ``Authorizers``.
        function: logical id of the function that decides; where the template takes its ARN as a parameter, the
            parameter's name, which is no logical id of the same template.
        identity_sources: ``header.<name in lower case>`` and ``querystring.<name>``, in order; all must be there.
        ttl_seconds: how long an answer is kept for the values of the identity sources; 0 for not at all.
    """

    api: str
    name: str
    function: str
    identity_sources: tuple[str, ...]
    ttl_seconds: int


def read_authorizer(
    name: object, auth: Mapping[str, object], *, api: str, resolver: Resolver, where: str
) -> Authorizer | None:
    """
    Return the authorizer *name* of an API, None for an open route.

    Args:
        name: what the route names, else None.
        auth: the API's ``Auth``, unevaluated.
        api: logical id of the API.
        resolver: of the template.
        where: place of the route, for the error message.

    Raises:
        TemplateError: there is none of that name, or it is of a kind that does not run on this machine.
    """
    chosen = resolver.resolve(name, where=where)
    if chosen is None or absent(chosen):
        chosen = resolver.resolve(auth.get("DefaultAuthorizer"), where=where)
    if chosen is None or absent(chosen) or chosen == NO_AUTHORIZER:
        return None
    known = auth.get("Authorizers")
    definition = known.get(chosen) if isinstance(known, dict) else None
    if not isinstance(definition, dict):
        msg = f"{where}: {api} has no authorizer {chosen} that runs on this machine"
        raise TemplateError(msg)
    where = f"{api}.Auth.Authorizers.{chosen}"

    def value(key: str) -> str:
        return str(resolver.resolve(definition.get(key), where=f"{where}.{key}"))

    if value("AuthorizerPayloadFormatVersion") != "2.0" or value("EnableSimpleResponses").lower() != "true":
        msg = f"{where}: only payload format 2.0 with simple responses runs on this machine"
        raise TemplateError(msg)
    function = function_of_arn(definition.get("FunctionArn"))
    if function is None:
        msg = f"{where}.FunctionArn must be !GetAtt <function>.Arn, !Ref <function>.Alias or !Ref <parameter>"
        raise TemplateError(msg)
    sources, ttl_seconds = _identity(definition.get("Identity"), resolver, where)
    return Authorizer(api, str(chosen), function, sources, ttl_seconds)


def function_of_arn(value: object) -> str | None:
    """
    Return whose ARN *value* is: the logical id or the parameter that it refers to.

    Example:
        >>> function_of_arn({"Fn::GetAtt": ["F", "Arn"]}), function_of_arn({"Ref": "F.Alias"}), function_of_arn("arn:")
        ('F', 'F', None)
    """
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, argument),) = value.items()
    if kind == "Ref":
        return str(argument).removesuffix(".Alias")
    if kind == "Fn::GetAtt" and isinstance(argument, list) and argument[1:] == ["Arn"]:
        return str(argument[0])
    return None


def _identity(raw: object, resolver: Resolver, where: str) -> tuple[tuple[str, ...], int]:
    identity = resolver.resolve(raw, where=f"{where}.Identity")
    if identity is None or absent(identity):
        return (), 0
    if not isinstance(identity, dict) or (unknown := set(identity) - {*_SOURCES, "ReauthorizeEvery"}):
        known = ", ".join([*_SOURCES, "ReauthorizeEvery"])
        msg = f"{where}.Identity may have {known}" + (
            "" if not isinstance(identity, dict) else f", not {unknown}"
        )
        raise TemplateError(msg)
    sources: list[str] = []
    for key, kind in _SOURCES.items():
        names = identity.get(key, [])
        if not isinstance(names, list):
            msg = f"{where}.Identity.{key} must be a list"
            raise TemplateError(msg)
        sources += [f"{kind}.{str(name).lower() if kind == 'header' else name}" for name in names]
    ttl = str(identity.get("ReauthorizeEvery", 0))
    if not ttl.isascii() or not ttl.isdigit() or int(ttl) > MAX_TTL_SECONDS:
        msg = f"{where}.Identity.ReauthorizeEvery must be whole seconds, 0 to {MAX_TTL_SECONDS}"
        raise TemplateError(msg)
    if int(ttl) and not sources:
        msg = f"{where}.Identity: without identity sources there is nothing to keep an answer for"
        raise TemplateError(msg)
    return tuple(sources), int(ttl)
