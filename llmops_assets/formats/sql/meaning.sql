-- Closed vocabularies: operation, status, finish reason, service tier, error class. Each macro takes the
-- producer's word in lower case where it says `word`.

create or replace macro llm_operation(word) as case
    when word in (
        'chat', 'chat_completion', 'chat_completions', 'chat.completion', 'chat.completions', 'chat/completions',
        'completion', 'acompletion', 'messages', 'message', 'anthropic_messages', 'responses', 'aresponses',
        'generate_content', 'agenerate_content', 'agenerate_content_stream', 'converse'
    ) then 'chat'
    when word in ('text_completion', 'atext_completion') then 'text_completion'
    when word in ('embedding', 'embeddings', 'aembedding', 'embed') then 'embedding'
    when word in (
        'image', 'images', 'image_generation', 'aimage_generation', 'image_edit', 'aimage_edit', 'image_variation',
        'aimage_variation'
    ) then 'image'
    when word in (
        'audio', 'speech', 'aspeech', 'transcription', 'atranscription', 'realtime', '_arealtime', 'arealtime'
    ) then 'audio'
    when word in ('rerank', 'arerank') then 'rerank'
    when word in ('moderation', 'moderations', 'amoderation') then 'moderation'
    when word in ('ocr', 'aocr') then 'ocr'
    when word in ('search', 'asearch') then 'search'
end;

-- Operations whose success must have used tokens, and those that must have produced some.
create or replace macro llm_uses_tokens(operation) as
    operation is null or operation in ('chat', 'text_completion', 'embedding');

create or replace macro llm_generates(operation) as operation is null or operation in ('chat', 'text_completion');

create or replace macro llm_status_word(word) as case
    when word in ('success', 'succeeded', 'ok', 'completed', 'complete', 'done', 'successful') then 'success'
    when word in ('error', 'failed', 'failure', 'fail', 'errored', 'timeout') then 'error'
    when word in ('cancelled', 'canceled', 'aborted', 'cancelled_by_client') then 'cancelled'
end;

create or replace macro llm_finish_reason(word) as case
    when word in (
        'stop', 'end_turn', 'stop_sequence', 'eos', 'eos_token', 'end', 'complete', 'completed', 'finish_reason_stop'
    ) then 'stop'
    when word in (
        'length', 'max_tokens', 'max_output_tokens', 'token_limit', 'model_length', 'model_context_window_exceeded',
        'model_context_window', 'context_window_exceeded'
    ) then 'length'
    when word in (
        'content_filter', 'content_filtered', 'safety', 'recitation', 'blocklist', 'prohibited_content', 'spii',
        'image_safety', 'language', 'refusal', 'error_toxic', 'moderation'
    ) then 'content_filter'
    when word in ('tool_calls', 'tool_use', 'tool_call', 'function_call', 'tool-calls') then 'tool_calls'
    when word = 'guardrail_intervened' then 'guardrail_intervened'
    when word in (
        'error', 'malformed_function_call', 'malformed_tool_use', 'malformed_model_output', 'network_error', 'failed'
    ) then 'error'
    when word is not null then 'other'
end;

create or replace macro llm_service_tier(word) as case
    when word in ('standard', 'default', 'on_demand', 'on-demand', 'auto', 'standard_only') then 'standard'
    when word in ('batch', 'batches') then 'batch'
    else word
end;

-- An HTTP status where only the text has it: "Error code: 429", "HTTP 503", "status_code=500".
create or replace macro llm_status_in_text(x) as try_cast(nullif(regexp_extract(
    x, '(?i)(?:error code|status[ _]?code|http(?:/[\d.]+)?(?: status| error)?|^status)[\s:=]*([45]\d\d)\b', 1
), '') as integer);

-- `text` is everything the producer says about the error, in lower case; what it names beats the status,
-- because a context overflow and a content filter are a plain 400.
create or replace macro llm_error_type(status_code, text) as case
    when regexp_matches(text, 'context[ _-]?(window|length|overflow|limit)|maximum context|prompt is too long|input is too long')
        then 'context_overflow'
    when regexp_matches(text, 'content[ _-]?(filter|policy|management)|contentpolicy|guardrail|safety_|responsible_?ai')
        then 'content_filter'
    when status_code = 499 or regexp_matches(text, '\bcancell?ed|cancellederror|client[ _]disconnected') then 'cancelled'
    when status_code = 429 then 'rate_limit'
    when status_code in (408, 504) then 'timeout'
    when status_code in (401, 403) then 'authentication'
    when status_code >= 500 then 'provider_outage'
    when status_code >= 400 then 'invalid_request'
    when regexp_matches(text, 'rate[ _-]?limit|ratelimit|too[ _]?many[ _]?requests|throttl|quota|resource_?exhausted')
        then 'rate_limit'
    when regexp_matches(text, 'time[ _-]?d?[ _-]?out|timeout|deadline') then 'timeout'
    when regexp_matches(text, 'authenticat|unauthori[sz]ed|forbidden|permission|invalid[ _]api[ _]key|bad key|access_?denied')
        then 'authentication'
    when regexp_matches(
        text,
        'overloaded|unavailable|internal[ _]?server|server[ _]?error|api_error|bad gateway|connection|connecterror|readerror|outage|incompleteread|provider_'
    ) then 'provider_outage'
    when regexp_matches(text, 'invalid|bad[ _]?request|not[ _]?found|unprocessable|unsupported') then 'invalid_request'
    else 'other'
end;

-- Errors the provider answers before any token is spent.
create or replace macro llm_is_free_status(code) as code in (400, 401, 403, 404, 413, 422, 429);

-- 429, "429": a number that can be an HTTP status.
create or replace macro llm_http_status(x) as case
    when length(x) = 3 and try_cast(x as integer) between 100 and 599 then try_cast(x as bigint)
end;
