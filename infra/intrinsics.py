"""
CloudFormation's intrinsic functions, evaluated for one stack in one region without AWS.

A value is resolved only when it is asked for; what cannot be known here (an ARN's random suffix, ``Fn::ImportValue``)
is an error that says where.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from infra.template_document import LOCAL_ACCOUNT_ID, Scope, TemplateError, absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_DEPTH: Final = 64
"""References nested deeper than this are a loop."""

_PLACEHOLDER: Final = re.compile(r"\$\{(!?)([A-Za-z0-9_.:]+)\}")


class Resolver:
    """
    Evaluates values of one scope.

    Args:
        scope: what names mean.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._functions: dict[str, Callable[[object, str, int], object]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::Sub": self._sub,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Equals": self._equals,
            "Fn::Not": lambda args, where, depth: not self._truth(_items(args, 1, where)[0], where, depth),
            "Fn::And": lambda args, where, depth: all(
                self._truth(a, where, depth) for a in _items(args, None, where)
            ),
            "Fn::Or": lambda args, where, depth: any(
                self._truth(a, where, depth) for a in _items(args, None, where)
            ),
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
        }

    def resources(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Yield the logical id and body of each resource whose condition holds."""
        for logical_id, resource in self._scope.resources.items():
            condition = resource.get("Condition")
            if condition is None or self._condition(condition, logical_id, 0):
                yield logical_id, resource

    def resolve(self, value: object, *, where: str) -> object:
        """
        Evaluate *value*; maps and lists are evaluated inside, members that are ``AWS::NoValue`` are left out.

        Args:
            value: as :func:`load_document` gives it.
            where: the path for the error message.

        Raises:
            TemplateError: something in it cannot be known here.
        """
        return self._resolve(value, where, 0)

    def table_name(self, logical_id: str) -> str:
        """Return the physical name of a table: its TableName, else stack name and logical id."""
        properties = self._scope.resources[logical_id].get("Properties")
        explicit = properties.get("TableName") if isinstance(properties, dict) else None
        name = self._resolve(explicit, f"{logical_id}.TableName", 0)
        if name is None or absent(name):
            return self._generated_name(logical_id)
        return str(name)

    def _generated_name(self, logical_id: str) -> str:
        return f"{self._scope.values['AWS::StackName']}-{logical_id}"

    def _resolve(self, value: object, where: str, depth: int) -> object:
        if depth > MAX_DEPTH:
            msg = f"{where}: references form a loop"
            raise TemplateError(msg)
        if isinstance(value, list):
            items = [self._resolve(item, where, depth + 1) for item in value]
            return [item for item in items if not absent(item)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in self._functions and (name != "Condition" or isinstance(argument, str)):
                return self._functions[name](argument, where, depth + 1)
            if isinstance(name, str) and name.startswith("Fn::"):
                msg = f"{where}: {name} cannot be resolved on this machine"
                raise TemplateError(msg)
        members = {key: self._resolve(item, where, depth + 1) for key, item in value.items()}
        return {key: item for key, item in members.items() if not absent(item)}

    def _ref(self, argument: object, where: str, depth: int) -> object:
        name = str(argument)
        if name in self._scope.values:
            return self._scope.values[name]
        resource = self._scope.resources.get(name)
        if resource is None:
            msg = f"{where}: !Ref {name} names no parameter with a value and no resource"
            raise TemplateError(msg)
        kind = str(resource.get("Type"))
        if kind.startswith("AWS::DynamoDB::"):
            return self.table_name(name)
        properties = resource.get("Properties")
        for key in ("Name", "FunctionName", "LogGroupName", "QueueName", "TopicName", "BucketName"):
            if isinstance(properties, dict) and key in properties:
                return self._resolve(properties[key], f"{name}.{key}", depth)
        return self._generated_name(name)

    def _get_att(self, argument: object, where: str, depth: int) -> object:
        parts = argument.split(".", 1) if isinstance(argument, str) else _items(argument, 2, where)
        name, attribute = (str(part) for part in parts)
        resource = self._scope.resources.get(name)
        if resource is None:
            msg = f"{where}: !GetAtt {name}.{attribute} names no resource"
            raise TemplateError(msg)
        service = _ARN_PATHS.get(str(resource.get("Type")))
        if attribute != "Arn" or service is None:
            msg = f"{where}: !GetAtt {name}.{attribute} is known on AWS only"
            raise TemplateError(msg)
        region = self._scope.values["AWS::Region"]
        return f"arn:aws:{service[0]}:{region}:{LOCAL_ACCOUNT_ID}:{service[1]}{self._ref(name, where, depth)}"

    def _sub(self, argument: object, where: str, depth: int) -> str:
        text: object = argument
        extra: object = {}
        if isinstance(argument, list):
            text, extra = _items(argument, 2, where)
        if not isinstance(text, str) or not isinstance(extra, dict):
            msg = f"{where}: !Sub takes a text, or a text and a map"
            raise TemplateError(msg)

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in extra:
                found = self._resolve(extra[name], where, depth)
            elif "." in name:
                found = self._get_att(name, where, depth)
            else:
                found = self._ref(name, where, depth)
            return str(found)

        return _PLACEHOLDER.sub(replace, text)

    def _if(self, argument: object, where: str, depth: int) -> object:
        condition, yes, no = _items(argument, 3, where)
        return self._resolve(yes if self._condition(condition, where, depth) else no, where, depth)

    def _equals(self, argument: object, where: str, depth: int) -> bool:
        left, right = (self._resolve(item, where, depth) for item in _items(argument, 2, where))
        return str(left) == str(right)

    def _condition(self, argument: object, where: str, depth: int) -> bool:
        name = str(argument)
        if name not in self._scope.conditions:
            msg = f"{where}: there is no condition {name}"
            raise TemplateError(msg)
        return self._truth(self._scope.conditions[name], f"Conditions.{name}", depth)

    def _truth(self, value: object, where: str, depth: int) -> bool:
        result = self._resolve(value, where, depth)
        if not isinstance(result, bool):
            msg = f"{where}: a condition must be true or false"
            raise TemplateError(msg)
        return result

    def _join(self, argument: object, where: str, depth: int) -> str:
        delimiter, parts = _items(argument, 2, where)
        resolved = self._resolve(parts, where, depth)
        return str(delimiter).join(str(part) for part in _items(resolved, None, where))

    def _split(self, argument: object, where: str, depth: int) -> list[str]:
        delimiter, text = _items(argument, 2, where)
        return str(self._resolve(text, where, depth)).split(str(delimiter))

    def _select(self, argument: object, where: str, depth: int) -> object:
        index, options = _items(argument, 2, where)
        resolved = _items(self._resolve(options, where, depth), None, where)
        try:
            return resolved[int(str(self._resolve(index, where, depth)))]
        except (ValueError, IndexError):
            msg = f"{where}: !Select has no such index"
            raise TemplateError(msg) from None

    def _find_in_map(self, argument: object, where: str, depth: int) -> object:
        keys = [str(self._resolve(item, where, depth)) for item in _items(argument, 3, where)]
        found: object = self._scope.mappings
        for key in keys:
            if not isinstance(found, dict) or key not in found:
                msg = f"{where}: !FindInMap {'.'.join(keys)} is not in Mappings"
                raise TemplateError(msg)
            found = found[key]
        return found


_ARN_PATHS: Final = {
    "AWS::DynamoDB::Table": ("dynamodb", "table/"),
    "AWS::DynamoDB::GlobalTable": ("dynamodb", "table/"),
    "AWS::Serverless::Function": ("lambda", "function:"),
    "AWS::Lambda::Function": ("lambda", "function:"),
    "AWS::SQS::Queue": ("sqs", ""),
    "AWS::SNS::Topic": ("sns", ""),
}
"""Resource type to the service and the path of its ARN, where the physical name is known here."""


def _items(value: object, count: int | None, where: str) -> list[object]:
    if not isinstance(value, list) or (count is not None and len(value) != count):
        msg = f"{where}: expected a list{'' if count is None else f' of {count}'}"
        raise TemplateError(msg)
    return value
