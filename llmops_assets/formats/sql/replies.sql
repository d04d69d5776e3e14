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
    list_transform(
        string_split(x, chr(10)),
        lambda line: ltrim(regexp_replace(line, '^\s*data:', ''), e' \t\r')
    ),
    lambda line: starts_with(line, '{') and json_valid(line)
);

create or replace macro llm_places(chunks, pattern) as list_filter(
    list_transform(chunks, lambda chunk, place: case when regexp_matches(chunk, pattern) then place end),
    lambda place: place is not null
);

-- Of the hundreds of chunks of a stream those that say more than a piece of the answer, in their order: the
-- first and the last, those with the first and the last usage, and the last that tell how it ended.
create or replace macro llm_telling_places(chunks) as list_filter(
    list_sort(list_distinct(flatten([
        [1, 2, 3, len(chunks) - 2, len(chunks) - 1, len(chunks)],
        llm_places(chunks, '"(usage|usageMetadata|billed_units|tokens)"\s*:\s*\{')[:1],
        llm_places(chunks, '"(usage|usageMetadata|billed_units|tokens)"\s*:\s*\{')[-2:],
        llm_places(chunks, '"(finish_reason|finishReason|stop_reason|stopReason|blockReason)"\s*:\s*"')[-2:],
        llm_places(chunks, '"(error|\w+Exception)"\s*:\s*["{]')[-2:]
    ]))),
    lambda place: place between 1 and len(chunks)
);

create or replace macro llm_telling_chunks(chunks) as case
    when len(chunks) <= 12 then chunks else list_select(chunks, llm_telling_places(chunks))
end;

-- Whether a chunk bears a piece of the answer.
create or replace macro llm_is_piece(chunk) as regexp_matches(
    chunk, '"type"\s*:\s*"[^"]*delta|"contentBlockDelta"\s*:|"(choices|candidates)"\s*:\s*\[\s*\{'
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
