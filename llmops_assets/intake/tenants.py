"""Which tenant a record names, for senders that may speak for one tenant only.

Belongs here: the names that the formats read, looked at before a record is stored, so that a sender learns
of its mistake. It guards nothing: that a record counts for the source's tenant is decided when it is decoded,
whatever the record says.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

import orjson

NAMES = ("tenant_id", "tenant", "tenantSlug")
NESTED = (
    ("metadata", "tenantSlug"),
    ("tags", "tenantSlug"),
    ("metadata", "user_api_key_team_id"),
    ("metadata", "user_api_key_org_id"),
)
_UNKNOWN = {"", "none", "null", "undefined"}


def named_tenant(record: Mapping[str, Any]) -> str | None:
    """The tenant that `record` names, as formats write it; None if it names none."""
    for name in NAMES:
        if (tenant := _known(record.get(name))) is not None:
            return tenant
    for outer, inner in NESTED:
        if (tenant := _known(_object(record.get(outer)).get(inner))) is not None:
            return tenant
    return None


def _known(value: Any) -> str | None:
    if value is None:
        return None
    text = unicodedata.normalize("NFC", str(value)).strip()
    return None if text.lower() in _UNKNOWN else text


def _object(value: Any) -> Mapping[str, Any]:
    """An object, also one that is written as a text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}
