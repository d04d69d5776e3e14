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

-- Most columns of an odd row are plain all the same.
create or replace macro llm_identifier(x, odd) as case
    when not odd then x
    when regexp_matches(x, '^[!-~]([ -~]*[!-~])?$') then llm_known(x)
    else llm_known(llm_normal(x))
end;

-- `joined` holds a row's identifiers, each between two chr(1). A control character can only come from an
-- escape, so a line without a backslash has none.
create or replace macro llm_is_odd(line, joined) as
    contains(line, '\')
    or strlen(joined) > 256
    or strlen(joined) <> length(joined)
    or contains(joined, chr(1) || chr(1))
    or contains(joined, ' ' || chr(1))
    or contains(joined, chr(1) || ' ')
    or contains(joined, chr(1) || '{')
    or contains(joined, chr(1) || '[')
    or contains(joined, 'None')
    or contains(joined, 'null')
    or contains(joined, 'undefined');
