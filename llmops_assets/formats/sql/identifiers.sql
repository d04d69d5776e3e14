-- Identifiers: NFC, without surrounding white space and zero-width characters, and NULL where a producer
-- wrote "nothing" in words, or an object or a list, which may hold contents. What is too long to be a name
-- becomes its length and SHA-256. `odd` says whether the row has anything of the kind at all: normalising
-- twenty columns of every row costs more than parsing the line.

create or replace macro llm_normal(x) as regexp_replace(
    nfc_normalize(x), '^[\s\p{Z}\p{Cc}\p{Cf}]+|[\s\p{Z}\p{Cc}\p{Cf}]+$', '', 'g'
);

create or replace macro llm_scalar(x) as case
    when starts_with(x, '{') or starts_with(x, '[') then case when not json_valid(x) then x end
    else x
end;

create or replace macro llm_known(x) as case x
    when '' then null when 'None' then null when 'null' then null when 'undefined' then null
    else case
        when length(llm_scalar(x)) > 256 then 'length:' || length(x) || ' sha256:' || sha256(x)
        else llm_scalar(x)
    end
end;

-- One identifier by itself, so that another can be tried where it says nothing.
create or replace macro llm_stated(x) as llm_known(
    case when regexp_matches(x, '^[!-~]([ -~]*[!-~])?$') then x else llm_normal(x) end
);

-- All identifiers of an odd row. A list, because a macro for each of twenty columns takes 30 ms to plan.
create or replace macro llm_cleaned(identifiers) as list_transform(
    list_transform(
        identifiers,
        lambda x: case when regexp_matches(x, '^[!-~]([ -~]*[!-~])?$') then x else llm_normal(x) end
    ),
    lambda x: llm_known(x)
);

-- `joined` holds a row's identifiers, each between two chr(1). A control character but DEL can only come
-- from an escape, so a line without a backslash has none. The rare characters are looked for before pairs of them.
create or replace macro llm_is_odd(line, joined) as
    strlen(joined) <> length(joined)
    or contains(joined, chr(1) || chr(1))
    or (contains(joined, ' ') and (contains(joined, ' ' || chr(1)) or contains(joined, chr(1) || ' ')))
    or (contains(joined, '{') and contains(joined, chr(1) || '{'))
    or (contains(joined, '[') and contains(joined, chr(1) || '['))
    or contains(joined, 'None')
    or contains(joined, 'null')
    or contains(joined, 'undefined')
    or contains(joined, chr(127))
    or (strlen(joined) > 256 and regexp_matches(joined, '[^\x01]{257}'))
    or (contains(line, '\') and regexp_matches(joined, '[\x00\x02-\x1f]'));
