"""Output and error files of OpenAI's batch API, one line per request; Azure's and Groq's are alike.

Conventions. `response.body` is the reply, whole, with its own conventions (`replies/`): input includes
cache, output includes reasoning. A batch costs half, whatever tier its replies name: the service tier is
`batch`. The event's id is `response.request_id`, else the line's `id`; `custom_id`, which is unique within a
batch only, is the request's id. The time is the body's `created` or `created_at`. A request that failed or
expired, and an embedding, have none, and are rejected as `missing_timestamp`. Nobody states a cost or a latency.
"""

from llmops_assets.formats.format import Format, texts
from llmops_assets.formats.replies import reply_columns, reply_steps
from llmops_assets.formats.replies.compose import repeated_keys

_REPLY = reply_columns("openai_batch_output")
_MODEL = _REPLY["model"]

FORMAT = Format(
    name="openai_batch_output",
    rank=25,
    detect="list_contains(keys, 'custom_id') "
    "and (list_contains(keys, 'response') or (list_contains(keys, 'error') and list_contains(keys, 'id')))",
    struct={
        **texts("id", "custom_id"),
        "response": texts("status_code", "request_id", "body"),
        "error": texts("code", "message"),
    },
    steps=reply_steps("openai_batch_output", "openai_batch_output.response.body"),
    columns={
        **_REPLY,
        "event_id": "coalesce(nullif(openai_batch_output.response.request_id, ''), openai_batch_output.id, "
        "openai_batch_output.custom_id)",
        "request_id": "openai_batch_output.custom_id",
        "started_at": "coalesce(openai_batch_output_folded.created, openai_batch_output_folded.created_at)",
        # A model that says otherwise, such as Mistral's, is left to the decoder.
        "provider": "coalesce(openai_batch_output_shape_provider, "
        f"case when coalesce(llm_inferred_provider({_MODEL}), 'openai') = 'openai' "
        "and openai_batch_output.custom_id is not null then 'openai' end)",
        "service_tier": "case when coalesce(openai_batch_output.custom_id, openai_batch_output.id) is not null "
        "then 'batch' end",
        "status": "case when coalesce(openai_batch_output.error.code, openai_batch_output.error.message) is not null "
        "or openai_batch_output_is_error then 'error' end",
        "status_code": f"coalesce(openai_batch_output.response.status_code, {_REPLY['status_code']})",
        "error_code": f"coalesce(openai_batch_output.error.code, {_REPLY['error_code']})",
        "error_message": f"coalesce(openai_batch_output.error.message, {_REPLY['error_message']})",
        "has_repeated_tag": f"coalesce({repeated_keys('$.response.body')}, false)",
    },
)
