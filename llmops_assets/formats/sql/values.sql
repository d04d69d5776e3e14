-- Text to typed values. NULL stays NULL, and a present text that is no value becomes NULL as well: the
-- decoder compares the two to find bad types. `d` is the text as a double, computed once by the caller.

-- Whole numbers: 1000, "1000", 500.0, 1e3. A cast to bigint alone would round 500.5 to 501. Doubles are
-- exact below 2^53; beyond that the text itself is cast.
create or replace macro llm_count(x, d) as case
    when abs(d) < 9007199254740992 then case when d = trunc(d) then cast(d as bigint) end
    when isfinite(d) then try_cast(x as bigint)
end;

create or replace macro llm_overflows(d) as isfinite(d) and abs(d) >= 9223372036854775808;

create or replace macro llm_finite(d) as case when isfinite(d) then d end;

create or replace macro llm_boolean(x) as case
    when x in ('true', 'True', '1') then true
    when x in ('false', 'False', '0') then false
    when lower(x) in ('true', '1.0', 'yes', 'y') then true
    when lower(x) in ('false', '0.0', 'no', 'n') then false
end;

-- US dollars. Text is exact to 12 decimals; '$0.12' and '$1,234.50' are money too.
create or replace macro llm_money(x) as coalesce(
    try_cast(x as decimal(38, 12)),
    case when contains(x, '$') then try_cast(replace(replace(x, '$', ''), ',', '') as decimal(38, 12)) end
);

-- Millionths of a dollar; a product of decimals, because DuckDB's division would go through double.
create or replace macro llm_micro_money(x) as try_cast(
    try_cast(x as decimal(24, 6)) * cast(0.000001 as decimal(7, 6)) as decimal(38, 12)
);

-- Numbers of 30 digits with 9 decimals hold nanoseconds of epoch seconds. Digits beyond are cut before the
-- cast, which would round them into the next microsecond.
create or replace macro llm_epoch_number(x) as try_cast(
    case
        when contains(x, '.') and not contains(lower(x), 'e') then left(x, position('.' in x) + 9)
        else x
    end as decimal(30, 9)
);

-- Seconds, milliseconds, microseconds or nanoseconds by magnitude, to whole microseconds, cut.
create or replace macro llm_epoch_micros(n) as cast(trunc(case
    when abs(n) < 100000000000 then n * 1000000
    when abs(n) < 100000000000000 then n * 1000
    when abs(n) < 100000000000000000 then n * 1
    else n * 0.001
end) as bigint);

-- What DuckDB's own cast does not take: no seconds, no separators, a comma, a lower-case z, a short offset.
create or replace macro llm_iso_parts(x) as regexp_extract(
    trim(x),
    '^(\d{4})-?(\d{2})-?(\d{2})[Tt ](\d{2}):?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?\s*(?:[Zz]|UTC|GMT|([+-])(\d{1,2}):?(\d{2})?)?$',
    ['year', 'month', 'day', 'hour', 'minute', 'second', 'fraction', 'sign', 'zone_hour', 'zone_minute']
);

create or replace macro llm_repaired_time(p) as case when p.year <> '' then try_cast(
    p.year || '-' || p.month || '-' || p.day || ' ' || p.hour || ':' || p.minute || ':'
    || case when p.second = '' then '00' else p.second end
    || case when p.fraction = '' then '' else '.' || left(p.fraction, 6) end
    || case
        when p.sign = '' then 'Z'
        else p.sign || lpad(p.zone_hour, 2, '0') || ':' || case when p.zone_minute = '' then '00' else p.zone_minute end
    end as timestamptz
) end;

-- The list makes DuckDB take the parts out once and not for each use in the macro.
create or replace macro llm_iso_time(x) as coalesce(
    case when ascii(x) between 48 and 57 then try_cast(x as timestamptz) end,
    case when x is not null then list_transform([llm_iso_parts(x)], lambda p: llm_repaired_time(p))[1] end
);

-- Time from text; `d` as above. Numbers of 1e21 and more are no times and would overflow.
create or replace macro llm_time(x, d) as case
    when x is null then null
    when d is null then llm_iso_time(x)
    when abs(d) < 9.2e18 then make_timestamptz(llm_epoch_micros(llm_epoch_number(x)))
end;

create or replace macro llm_is_naive_time(x, d) as case
    when d is not null or right(x, 1) in ('Z', 'z') or contains(x, '+') then false
    else not regexp_matches(x, '([A-Za-z]\s*|[Tt ]\d{2}.*-\d{1,2}(:?\d{2})?\s*)$')
end;
