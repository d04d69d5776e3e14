-- Identifiers: NFC, without surrounding white space and zero-width characters, and NULL where a producer
-- wrote "nothing" in words. `odd` says whether the row has anything of the kind at all: normalising twenty
-- columns of every row costs more than parsing the line.

create or replace macro llm_normal(x) as regexp_replace(
    nfc_normalize(x), '^[\s\p{Z}\p{Cc}\p{Cf}]+|[\s\p{Z}\p{Cc}\p{Cf}]+$', '', 'g'
);

create or replace macro llm_known(x) as case when x not in ('', 'None', 'null', 'undefined') then x end;

create or replace macro llm_identifier(x, odd) as case when odd then llm_known(llm_normal(x)) else x end;

-- `joined` holds a row's identifiers, each between two chr(1). A control character can only come from an
-- escape, so a line without a backslash has none.
create or replace macro llm_is_odd(line, joined) as
    contains(line, '\')
    or strlen(joined) <> length(joined)
    or contains(joined, chr(1) || chr(1))
    or contains(joined, ' ' || chr(1))
    or contains(joined, chr(1) || ' ')
    or contains(joined, 'None')
    or contains(joined, 'null')
    or contains(joined, 'undefined');
