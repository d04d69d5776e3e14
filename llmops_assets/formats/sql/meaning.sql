-- What words mean, beside the vocabularies of words.csv, whose macros take a word in lower case. Never `in` and
-- a list: DuckDB makes a join of each, and planning the decoder took three times as long.

-- Operations whose success must have used tokens, and those that must have produced some.
create or replace macro llm_uses_tokens(operation) as case operation
    when 'chat' then true when 'text_completion' then true when 'embedding' then true else operation is null
end;

create or replace macro llm_generates(operation) as case operation
    when 'chat' then true when 'text_completion' then true else operation is null
end;

create or replace macro llm_finish_reason(word) as case
    when word is not null then coalesce(llm_finish_word(word), 'other')
end;

create or replace macro llm_service_tier(word) as coalesce(llm_service_tier_word(word), word);

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
    when status_code = 408 or status_code = 504 then 'timeout'
    when status_code = 401 or status_code = 403 then 'authentication'
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
create or replace macro llm_is_free_status(code) as case code
    when 400 then true when 401 then true when 403 then true when 404 then true when 413 then true
    when 422 then true when 429 then true
end;

-- 429, "429": a number that can be an HTTP status.
create or replace macro llm_http_status(x) as case
    when length(x) = 3 and try_cast(x as integer) between 100 and 599 then try_cast(x as bigint)
end;
