"""The yardstick for LiteLLM payloads: a hand-written query that extracts the columns which such a payload fills.

Strict like `hand_decode`: a line is JSON, an object, without a name twice, and every count, time and amount that is
there casts. It knows one producer's one shape, and nothing of deployments, aliases, tags in metadata, redaction and
names that need cleaning.
"""

_STRUCTURE = """{
    "id": "VARCHAR", "litellm_call_id": "VARCHAR", "trace_id": "VARCHAR", "session_id": "VARCHAR",
    "call_type": "VARCHAR", "cache_hit": "VARCHAR", "stream": "VARCHAR", "status": "VARCHAR",
    "custom_llm_provider": "VARCHAR", "model": "VARCHAR", "model_group": "VARCHAR", "end_user": "VARCHAR",
    "startTime": "VARCHAR", "endTime": "VARCHAR", "prompt_tokens": "VARCHAR", "completion_tokens": "VARCHAR",
    "response_cost": "VARCHAR", "error_str": "VARCHAR", "request_tags": ["VARCHAR"],
    "metadata": {
        "user_api_key_hash": "VARCHAR", "user_api_key_team_id": "VARCHAR", "user_api_key_user_id": "VARCHAR",
        "usage_object": {
            "prompt_tokens": "VARCHAR", "completion_tokens": "VARCHAR",
            "prompt_tokens_details": {"cached_tokens": "VARCHAR", "audio_tokens": "VARCHAR"},
            "completion_tokens_details": {"reasoning_tokens": "VARCHAR"}
        }
    },
    "response": {"model": "VARCHAR", "choices": [{"finish_reason": "VARCHAR"}]},
    "model_parameters": {"temperature": "VARCHAR"}, "error_information": {"error_code": "VARCHAR"}
}""".replace("{", "{{").replace("}", "}}")
_COUNTS = {
    "tokens_input": "r.metadata.usage_object.prompt_tokens",
    "tokens_output": "r.metadata.usage_object.completion_tokens",
    "tokens_cache_read": "r.metadata.usage_object.prompt_tokens_details.cached_tokens",
    "tokens_audio_input": "r.metadata.usage_object.prompt_tokens_details.audio_tokens",
    "tokens_reasoning": "r.metadata.usage_object.completion_tokens_details.reasoning_tokens",
}
_CASTS = ", ".join(f"try_cast({text} as bigint) as {name}" for name, text in _COUNTS.items())
_ARE_COUNTS = " and ".join(f"({text} is null or {name} is not null)" for name, text in _COUNTS.items())
_VALUES = {
    "event_id": "r.id || '|' || r.litellm_call_id",
    "trace_id": "r.trace_id",
    "session_id": "coalesce(nullif(r.session_id, ''), r.trace_id)",
    "event_time": "event_time",
    "tenant_id": "r.metadata.user_api_key_team_id",
    "user_id": "r.metadata.user_api_key_user_id",
    "end_user_id": "nullif(r.end_user, '')",
    "api_key_id": "r.metadata.user_api_key_hash",
    "tags": "map_from_entries(list_transform(r.request_tags, "
    "lambda t: struct_pack(k := split_part(t, ':', 1), v := split_part(t, ':', 2))))",
    "provider": "lower(r.custom_llm_provider)",
    "model": "coalesce(nullif(r.response.model, ''), r.model)",
    "requested_model": "coalesce(nullif(r.model_group, ''), r.model)",
    "operation": "case r.call_type when 'acompletion' then 'chat' when 'completion' then 'chat' else r.call_type end",
    "streaming": "try_cast(r.stream as boolean)",
    "cache_hit": "try_cast(r.cache_hit as boolean)",
    "tokens_input": "tokens_input",
    "tokens_cache_read": "tokens_cache_read",
    "tokens_audio_input": "tokens_audio_input",
    "tokens_output": "tokens_output",
    "tokens_reasoning": "tokens_reasoning",
    "tokens_total": "tokens_input + tokens_output",
    "latency_ms": "epoch_us(ended_at - event_time) / 1000.0",
    "temperature": "try_cast(r.model_parameters.temperature as double)",
    "status": "case r.status when 'failure' then 'error' else r.status end",
    "success": "r.status = 'success'",
    "error_code": "nullif(r.error_information.error_code, '')",
    "error_message": "left(r.error_str, 500)",
    "finish_reason": "r.response.choices[1].finish_reason",
    "reported_cost_usd": "reported_cost_usd",
}
_ROWS = ",\n".join(f"case when reject_reason is null then {sql} end as {name}" for name, sql in _VALUES.items())

DECODE_LITELLM = f"""
copy (
    with parsed as (
        select object_id, number, line, json_valid(line) as is_valid, starts_with(ltrim(line), '{{{{') as is_object,
            case when json_valid(line) then json_transform(line, '{_STRUCTURE}') end as r,
            case when json_valid(line) then json_keys(line) end as keys
        from lines
    ),
    typed as (
        select *, {_CASTS},
            to_timestamp(try_cast(r."startTime" as double)) as event_time,
            to_timestamp(try_cast(r."endTime" as double)) as ended_at,
            try_cast(r.response_cost as decimal(38, 12)) as reported_cost_usd
        from parsed
    ),
    reasoned as (
        select *,
            case
                when not is_valid then 'malformed_json'
                when not is_object then 'not_an_object'
                when list_unique(keys) <> len(keys) then 'duplicate_key'
                when r.litellm_call_id is null then 'unknown_format'
                when r."startTime" is null then 'missing_timestamp'
                when event_time is null or event_time < timestamptz '2015-01-01 00:00:00+00'
                    then 'implausible_timestamp'
                when not ({_ARE_COUNTS}) or (r.response_cost is not null and reported_cost_usd is null) then 'bad_type'
                when least(tokens_input, tokens_output, tokens_cache_read) < 0 then 'negative_tokens'
                when tokens_cache_read > tokens_input or tokens_reasoning > tokens_output then 'parts_exceed_total'
            end as reject_reason
        from typed
    )
    select
        objects.uri, objects.version, objects.arrival_hour, objects.arrived_at, number as line, reject_reason,
        case when reject_reason is not null then strlen(line) end as payload_bytes,
        case when reject_reason is not null then sha256(line) end as payload_sha256,
        {_ROWS}
    from reasoned
    inner join objects using (object_id)
) to '{{out}}/raw_llm_events/{{batch}}.parquet' (format parquet)
"""
