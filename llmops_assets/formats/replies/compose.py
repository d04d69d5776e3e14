"""The families together: what is read of any reply, which family reads it, and the columns of a call.

What every provider says in its own words, such as errors, ids and models, is read here once, wherever it is.
"""

import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from llmops_assets.formats.format import Structure, texts
from llmops_assets.formats.replies.chunks import chunk_steps, literal
from llmops_assets.formats.replies.family import Family

EXCEPTIONS = (
    "internalServerException",
    "modelStreamErrorException",
    "modelTimeoutException",
    "serviceUnavailableException",
    "throttlingException",
    "validationException",
)
# Of AWS, beside a lower-case `error` of others, which one struct cannot hold: DuckDB takes the names for equal.
AWS_ERROR = {"aws_code": "$.Error.Code", "aws_message": "$.Error.Message", "plain_message": "$.message"}
COMMON: Structure = {
    **texts("id", "model", "error", "code", "request_id", "__type", "type", "object", "created", "created_at"),
    **{name: texts("message") for name in EXCEPTIONS},
}
ERROR = texts("code", "type", "status", "message")
# Where a name that comes twice is a reject; below `usage` nothing but numbers is read.
OBJECTS = ("usage", "usageMetadata", "meta", "usage.prompt_tokens_details", "usage.completion_tokens_details")


@cache
def families() -> tuple[Family, ...]:
    """Every module beside this one that has a `FAMILY`, in the order in which they are asked."""
    modules = (
        import_module(f"{__package__}.{found.name}") for found in pkgutil.iter_modules([str(Path(__file__).parent)])
    )
    found = [module.FAMILY for module in modules if isinstance(getattr(module, "FAMILY", None), Family)]
    return tuple(sorted(found, key=lambda one: one.rank))


@cache
def reply_structure() -> Structure:
    """All that is read of a reply, whatever its family."""
    structure: Structure = COMMON
    for family in families():
        structure = _merged(structure, family.reads)
    return structure


def reply_steps(name: str, response: str) -> tuple[Mapping[str, str], ...]:
    """Steps of the format `name` from the text of a recorded reply, which is SQL, to what it is about.

    After them `<name>_folded` is the reply, `<name>_shape` its family's name, `<name>_shape_provider` who
    serves such replies, `<name>_error` its error and `<name>_is_error` whether it is one.
    """
    reply = reply_structure()
    shapes = " ".join(f"when {_over(name, family, family.shape)} then '{family.name}'" for family in families())
    folded = f"{name}_folded"
    return (
        *chunk_steps(name, response, reply),
        {
            "shape": f"case {shapes} end",
            "error": f"case when starts_with({folded}.error, '{{') and json_valid({folded}.error) "
            f"then from_json({folded}.error, {literal(ERROR)}) end",
            "exception": "coalesce("
            + ", ".join(f"case when {folded}.{one} is not null then '{one}' end" for one in EXCEPTIONS)
            + ")",
        },
        {
            f"{family.name}_{step}": f"case when {name}_shape = '{family.name}' then {_over(name, family, sql)} end"
            for family in families()
            for step, sql in family.steps.items()
        },
        {
            "shape_provider": _by_shape(name, "shape_provider"),
            **{step: _plain(name, response, path) for step, path in AWS_ERROR.items()},
        },
        {
            "is_error": f"case when nullif(nullif({folded}.error, ''), '{{}}') is not null "
            f"or coalesce({name}_exception, {name}_aws_code, {name}_plain_message) is not null "
            f"or {folded}.type = 'error' or {folded}.status = 'failed' or {folded}.status = 'cancelled' "
            "then true end",
        },
    )


def reply_columns(name: str) -> dict[str, str]:
    """Columns of the format `name` that its reply alone tells."""
    folded = f"{name}_folded"
    fields = sorted({field for family in families() for field in family.fields} - {"shape_provider"})
    by_shape = {field: _by_shape(name, field) for field in fields}
    return {
        **by_shape,
        "has_hidden_reasoning": f"coalesce({by_shape['has_hidden_reasoning']}, false)",
        "event_id": f"coalesce(nullif({folded}.id, ''), {folded}.responseId, {folded}.response_id, "
        f"{folded}.generation_id, {folded}.ResponseMetadata.RequestId, "
        f"case when {name}_is_error then {folded}.request_id end)",
        "model": f"coalesce(nullif({folded}.model, ''), regexp_replace({folded}.modelVersion, '^(.*/)?models/', ''), "
        f"{folded}.trace.promptRouter.invokedModelId)",
        "status_code": f"coalesce(cast(llm_http_status({name}_error.code) as varchar), "
        f"cast(llm_http_status({name}_error.status) as varchar), {folded}.ResponseMetadata.HTTPStatusCode)",
        **_errors(name),
    }


def repeated_keys(prefix: str) -> str:
    """SQL: whether a name comes twice in an object that is read of the whole reply at the JSON path `prefix`."""
    paths = ", ".join(f"'{path}'" for path in (prefix, *(f"{prefix}.{name}" for name in OBJECTS)))
    return f"llm_has_repeated_keys(text, [{paths}])"


def _errors(name: str) -> dict[str, str]:
    folded, error = f"{name}_folded", f"{name}_error"
    codes = (
        # Some put the HTTP status there.
        f"case when llm_http_status({error}.status) is null then {error}.status end",
        f"case when llm_http_status({error}.code) is null then {error}.code end",
        f"{error}.type",
        f"{name}_aws_code",
        f"{name}_exception",
        f"split_part({folded}.__type, '#', -1)",
        f"{folded}.code",
        f"case when {name}_shape is null then nullif({folded}.type, 'error') end",
    )
    messages = (
        f"{error}.message",
        f"case when {error} is null and {name}_is_error then {folded}.error end",
        f"{name}_aws_message",
        *(f"{folded}.{one}.message" for one in EXCEPTIONS),
        f"{name}_plain_message",
    )
    return {
        "error_code": f"case when {name}_is_error then coalesce({', '.join(codes)}) end",
        "error_message": f"coalesce({', '.join(messages)})",
        "error_detail": f"{error}.type",
    }


def _plain(name: str, response: str, path: str) -> str:
    """A text of a whole reply that is none of any family's: there it would be contents."""
    return (
        f"case when {name}_shape is null and not {name}_is_stream and json_type({response}, '{path}') = 'VARCHAR' "
        f"then json_extract_string({response}, '{path}') end"
    )


def _by_shape(name: str, field: str) -> str:
    cases = " ".join(
        f"when '{family.name}' then {_over(name, family, family.fields[field])}"
        for family in families()
        if field in family.fields
    )
    return f"case {name}_shape {cases} end"


def _over(name: str, family: Family, sql: str) -> str:
    """A family's SQL over the reply and the steps of the format `name`."""
    over_steps = re.sub(r"(?<![\w.])step\.(?=\w)", f"{name}_{family.name}_", sql)
    return "(" + re.sub(r"(?<![\w.])reply(?=\.)", f"{name}_folded", over_steps) + ")"


def _merged(one: Structure, other: Structure) -> Structure:
    """Both structures; what both name must not differ in kind."""
    merged = dict(one)
    for name, inner in other.items():
        merged[name] = _either(merged[name], inner) if name in merged else inner
    return merged


def _either(one: object, other: object) -> object:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _merged(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return [_either(one[0], other[0])]
    if one != other:
        raise TypeError(f"two families read one name as {one} and as {other}; a leaf is VARCHAR in both")
    return one
