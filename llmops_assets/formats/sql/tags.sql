-- Free tags from a JSON object or a list: scalar values as text, without the producers' bookkeeping, and
-- never message contents: content keys are dropped, long values become their length and SHA-256.

-- NULL as well if a key comes twice: DuckDB makes such a map, and fails when somebody reads it.
create or replace macro llm_map(x) as case
    when starts_with(ltrim(x), '{') and json_valid(x) then case
        when list_unique(try(json_keys(x))) = len(try(json_keys(x))) then try(from_json(x, '"MAP(VARCHAR,VARCHAR)"'))
    end
end;

create or replace macro llm_is_tag_key(k) as not regexp_matches(
    k,
    '(?i)^(user-agent|user_api_key|litellm_|requester_|headers$|used_client_oauth_token$|usage_object$|hidden_params$|applied_guardrails$)|^(.*[._])?(messages?|prompts?|inputs?|outputs?|contents?|responses?|choices|completions?|text|system(_?prompt)?|instructions?|tools|tool_calls|arguments|query|question|answer)$'
);

create or replace macro llm_tag_value(v) as case
    when length(v) > 256 then 'length:' || length(v) || ' sha256:' || sha256(v) else v
end;

create or replace macro llm_clean_tags(m) as map_from_entries(list_transform(
    list_filter(
        map_entries(m),
        lambda e: e.value is not null and llm_is_tag_key(e.key) and length(e.key) <= 256
            and not starts_with(e.value, '{') and not starts_with(e.value, '[')
    ),
    lambda e: struct_pack(key := e.key, value := llm_tag_value(e.value))
));

create or replace macro llm_needs_cleaning(x) as
    strlen(x) > 256 or contains(substr(x, 2), '{') or contains(x, '[') or contains(x, 'null')
    or regexp_matches(
        x,
        '(?i)"(user-agent|user_api_key|litellm_|requester_|headers|used_client|[^"]*(message|prompt|input|output|content|response|choices|completion|text|system|instruction|tool|arguments|query|question|answer))'
    );

create or replace macro llm_object_tags(x, m) as case when llm_needs_cleaning(x) then llm_clean_tags(m) else m end;

-- ["env:prod", "beta"] is {env: prod, beta: ''}; the first of two equal keys wins.
create or replace macro llm_list_tag_key(t) as trim(split_part(t, ':', 1));

create or replace macro llm_list_tag_value(t) as llm_tag_value(trim(array_to_string(string_split(t, ':')[2:], ':')));

create or replace macro llm_list_tags(tags) as map_from_entries(list_transform(
    list_distinct(list_transform(
        list_filter(
            tags,
            lambda t: llm_list_tag_key(t) <> '' and length(llm_list_tag_key(t)) <= 256
                and not starts_with(t, '{') and not starts_with(t, '[') and llm_is_tag_key(llm_list_tag_key(t))
        ),
        lambda t: llm_list_tag_key(t)
    )),
    lambda k: struct_pack(
        key := k, value := llm_list_tag_value(list_filter(tags, lambda t: llm_list_tag_key(t) = k)[1])
    )
));

-- Later maps win.
create or replace macro llm_merged_tags(a, b) as case
    when a is null then b when b is null then a else map_concat(a, b)
end;
