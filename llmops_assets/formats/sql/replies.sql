-- Replies of providers: recorded streams as a list of chunks, and counts that are sums of others.

-- The object of one chunk: itself, or the data of a server-sent event. NULL if there is none.
create or replace macro llm_chunk(x) as case
    when starts_with(x, '{') then case when json_valid(x) then x end
    when contains(x, '{') then list_filter(
        [regexp_extract(x, '(?m)^\s*data:\s*(\{.*\})\s*$', 1)], lambda found: json_valid(found)
    )[1]
end;

-- The objects of a stream's text, one a line with or without `data:`.
create or replace macro llm_chunk_lines(x) as list_filter(
    regexp_extract_all(x, '(?m)^\s*(?:data:)?\s*(\{.*\})\s*$', 1), lambda found: json_valid(found)
);

create or replace macro llm_chunk_array(chunks) as '[' || array_to_string(chunks, ',') || ']';

-- The first count that is none, or is negative: it stands for the whole, so that the record is rejected.
create or replace macro llm_odd_count(counts) as list_filter(
    counts, lambda x: trim(x) <> '' and coalesce(llm_count(x, try_cast(x as double)) < 0, true)
)[1];

create or replace macro llm_counts(counts) as list_transform(
    counts, lambda x: cast(llm_count(x, try_cast(x as double)) as hugeint)
);

-- As text, because a sum of two counts may have no bigint. NULL where nothing is known. A list of lists, because a
-- macro repeats what it is given, and these are given each other.
create or replace macro llm_sum_of(counts) as list_transform([counts], lambda list: coalesce(
    llm_odd_count(list), cast(list_sum(llm_counts(list)) as varchar)
))[1];

create or replace macro llm_largest_of(counts) as list_transform([counts], lambda list: coalesce(
    llm_odd_count(list), cast(list_max(llm_counts(list)) as varchar)
))[1];

create or replace macro llm_smallest_of(counts) as list_transform([counts], lambda list: coalesce(
    llm_odd_count(list), cast(list_min(llm_counts(list)) as varchar)
))[1];

-- What a count has over another, NULL if nothing: 109 over 47 is 62.
create or replace macro llm_excess(count, other) as case
    when try_cast(count as hugeint) > try_cast(other as hugeint)
        then cast(try_cast(count as hugeint) - try_cast(other as hugeint) as varchar)
end;

-- Ticks of 1e-10 US dollars, exactly; what is no number stays, so that it is rejected.
create or replace macro llm_tick_money(x) as coalesce(
    cast(try_cast(x as decimal(26, 0)) * cast(0.0000000001 as decimal(11, 10)) as varchar), x
);
