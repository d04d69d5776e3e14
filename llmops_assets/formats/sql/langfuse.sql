-- What Langfuse writes: counts that are to be added up, and values that are JSON inside of text.

-- The sum of those that are known. What is no count, or negative, comes out as it is, to be rejected for it.
create or replace macro llm_sum_of_counts(counts) as case
    when len(list_filter(counts, lambda x: x is not null)) > 0 then coalesce(
        list_filter(
            counts, lambda x: x is not null and coalesce(llm_count(x, try_cast(x as double)) < 0, true)
        )[1],
        cast(list_sum(list_transform(
            counts, lambda x: cast(coalesce(llm_count(x, try_cast(x as double)), 0) as hugeint)
        )) as varchar)
    )
end;

create or replace macro llm_unquoted(x) as case
    when starts_with(x, '"') and json_valid(x) then json_extract_string(x, '$') else x
end;

-- An object that is there, or is text.
create or replace macro llm_object_text(x) as case when starts_with(ltrim(x), '{') and json_valid(x) then x end;

create or replace macro llm_twice_named(x) as case
    when x is not null then list_unique(json_keys(x)) <> len(json_keys(x))
end;

-- Metadata is among the attributes under a prefix, each value as JSON; the SDK's own are no tags.
create or replace macro llm_langfuse_entries(m, prefix) as map_from_entries(list_transform(
    list_filter(
        map_entries(m),
        lambda e: starts_with(e.key, prefix) and not starts_with(e.key, prefix || 'langfuse_')
            and e.key <> prefix || 'finish_reason'
    ),
    lambda e: struct_pack(key := substr(e.key, length(prefix) + 1), value := llm_unquoted(e.value))
));
