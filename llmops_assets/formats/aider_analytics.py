"""aider's analytics log: events of its command line, of which only `message_send` is a call.

Conventions. An event is one chat exchange, which may be several calls to the model; it states no outcome and
has no id, so that its position is its id. Whether input includes cache and output reasoning is not known; no
part of either is stated. `cost` is US dollars and the client's own estimate, 0 also where its price list did
not know the model; it has been seen wrong by a factor of a million and is kept as it is claimed. `total_cost`
runs up over a session and is no call's. `time` is in seconds of the epoch. `main_model` names the provider
where litellm would (`gemini/…`); the text None says nothing, and `…/REDACTED` is no model. Beside it, the
weak and the editor model may have been used: they are tags.
"""

from llmops_assets.formats.format import Format, texts

_PROPERTIES = "aider_analytics.properties"
TAGS = ("weak_model", "editor_model", "edit_format", "aider_version")

FORMAT = Format(
    name="aider_analytics",
    rank=40,
    detect="list_contains(keys, 'event') and list_contains(keys, 'properties') and list_contains(keys, 'time')",
    struct={
        **texts("event", "user_id", "time"),
        "properties": texts(
            "main_model",
            "weak_model",
            "editor_model",
            "edit_format",
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "cost",
            "aider_version",
        ),
    },
    steps=(
        {
            "is_redacted": f"suffix({_PROPERTIES}.main_model, '/REDACTED')",
            "is_sent": "aider_analytics.event = 'message_send'",
            "tags": f"case when coalesce({', '.join(f'{_PROPERTIES}.{name}' for name in TAGS)}) is not null "
            "then llm_clean_tags(map {"
            + ", ".join(f"'{name}': nullif(nullif({_PROPERTIES}.{name}, 'None'), '')" for name in TAGS)
            + "}) end",
        },
    ),
    columns={
        "user_id": "aider_analytics.user_id",
        "tags": "aider_analytics_tags",
        "provider": "case when aider_analytics_is_redacted "
        f"then nullif(split_part({_PROPERTIES}.main_model, '/', 1), '') end",
        "model": f"case when aider_analytics_is_redacted is not true then {_PROPERTIES}.main_model end",
        "requested_model": f"case when aider_analytics_is_redacted then {_PROPERTIES}.main_model end",
        "operation": "case when aider_analytics_is_sent then 'chat' end",
        "is_call": "coalesce(aider_analytics_is_sent, true)",
        "tokens_input": f"{_PROPERTIES}.prompt_tokens",
        "tokens_output": f"{_PROPERTIES}.completion_tokens",
        "tokens_total": f"{_PROPERTIES}.total_tokens",
        "started_at": "aider_analytics.time",
        "cost": f"{_PROPERTIES}.cost",
    },
)
