-- Text to typed values. NULL stays NULL, and a present text that is no value becomes NULL as well: the
-- decoder compares the two to find bad types. `d` is the text as a double, computed once by the caller.

-- Whole numbers: 1000, "1000", 500.0, 1e3. A cast to bigint alone would round 500.5 to 501. Doubles are
-- exact below 2^53; beyond that the text itself is cast.
create or replace macro llm_count(x, d) as case
    when abs(d) < 9007199254740992 then case when d = trunc(d) then cast(d as bigint) end
    when isfinite(d) then try_cast(x as bigint)
end;

-- `d` is infinite for digits beyond a double as well as for the word.
create or replace macro llm_overflows(x, d) as abs(d) >= 9223372036854775808 and not isnan(d)
    and regexp_matches(x, '\d');

create or replace macro llm_finite(d) as case when isfinite(d) then d end;

create or replace macro llm_boolean(x) as case x
    when 'true' then true
    when 'false' then false
    when '1' then true
    when '0' then false
    else case lower(x)
        when 'true' then true when '1.0' then true when 'yes' then true when 'y' then true
        when 'false' then false when '0.0' then false when 'no' then false when 'n' then false
    end
end;

-- US dollars. Text is exact to 12 decimals; '$0.12' and '$1,234.50' are money too.
-- Most amounts fit 64 bits, which takes a fifth of the time.
create or replace macro llm_money(x) as coalesce(
    cast(try_cast(x as decimal(18, 12)) as decimal(38, 12)),
    try_cast(x as decimal(38, 12)),
    case when contains(x, '$') then try_cast(replace(replace(x, '$', ''), ',', '') as decimal(38, 12)) end
);

-- Millionths of a dollar; a product of decimals, because DuckDB's division would go through double.
create or replace macro llm_micro_money(x) as try_cast(
    try_cast(x as decimal(24, 6)) * cast(0.000001 as decimal(7, 6)) as decimal(38, 12)
);

-- Digits after the point as a whole number of `places` digits, cut: 0.9249 is 924 thousandths.
create or replace macro llm_decimals(x, places) as case
    when contains(x, '.') then try_cast(rpad(left(split_part(x, '.', 2), places), places, '0') as bigint)
    else 0
end;

create or replace macro llm_whole(x) as try_cast(split_part(x, '.', 1) as bigint);

-- Seconds, milliseconds, microseconds or nanoseconds by magnitude, to whole microseconds, cut. Digits, because
-- decimals wide enough for nanoseconds take fifty times as long.
create or replace macro llm_epoch_digits(x, d) as case
    when d < 100000000000 then llm_whole(x) * 1000000 + llm_decimals(x, 6)
    when d < 100000000000000 then llm_whole(x) * 1000 + llm_decimals(x, 3)
    when d < 100000000000000000 then llm_whole(x)
    else llm_whole(x) // 1000
end;

-- The same for a negative number or one with an exponent; numbers of 30 digits with 9 decimals hold it.
create or replace macro llm_epoch_decimal(n) as cast(trunc(case
    when abs(n) < 100000000000 then n * 1000000
    when abs(n) < 100000000000000 then n * 1000
    when abs(n) < 100000000000000000 then n * 1
    else n * 0.001
end) as bigint);

create or replace macro llm_epoch_micros(x, d) as case
    when d >= 0 and not contains(x, 'e') and not contains(x, 'E') then llm_epoch_digits(x, d)
    else llm_epoch_decimal(try_cast(x as decimal(30, 9)))
end;

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
    when abs(d) < 9.2e18 then make_timestamptz(llm_epoch_micros(x, d))
end;

create or replace macro llm_is_naive_time(x, d) as case
    when d is not null or suffix(x, 'Z') or suffix(x, 'z') or contains(x, '+') then false
    else not regexp_matches(x, '([A-Za-z]\s*|[Tt ]\d{2}.*-\d{1,2}(:?\d{2})?\s*)$')
end;
