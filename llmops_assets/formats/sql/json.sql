-- JSON as RFC 8259 has it. DuckDB's parser also takes a comma before a closing bracket, and NaN and Infinity
-- in any spelling; the spellings that JSON writers produce are looked for. It refuses single quotes,
-- comments, hexadecimal and signed numbers, leading zeros, control characters and anything after the value,
-- as it should, and half of a surrogate pair (`"\ud83d"`: text cut inside an emoji), which is no reason to
-- lose a call: that half is dropped.

-- A cheap look at the whole line first; it takes the contents of strings for suspicious.
create or replace macro llm_is_lax(line) as case
    when regexp_matches(line, ',\s*[}\]]') or contains(line, 'NaN') or contains(line, 'Infinity')
        then regexp_matches(regexp_replace(line, '"(?:[^"\\]|\\.)*"', '', 'g'), ',\s*[}\]]|NaN|Infinity')
    else false
end;

create or replace macro llm_has_lone_surrogate(line) as
    contains(line, '\u') and regexp_matches(line, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}');

-- Whole pairs and escaped backslashes come back as they were; a lone half has no group and goes.
create or replace macro llm_without_lone_surrogates(line) as regexp_replace(
    line,
    '(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}',
    '\1',
    'g'
);

-- Whether a key comes twice in any of the objects at `paths`; json_transform would silently keep the first.
create or replace macro llm_has_repeated_keys(line, paths) as len(list_filter(
    json_keys(line, paths), lambda keys: list_unique(keys) <> len(keys)
)) > 0;
