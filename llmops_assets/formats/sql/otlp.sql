-- Spans of OpenTelemetry as JSON: ids, values and lists of attributes.

-- Hex as it is written; base64, which plain protobuf JSON has, is the same bytes. Zeros and "" are no id.
create or replace macro llm_otlp_id(x) as case
    when ltrim(x, '0') = '' then null
    when suffix(x, '=') and ((length(x) = 24 and suffix(x, '==')) or length(x) = 12)
        then case when length(ltrim(x, 'A')) > 2 then coalesce(lower(hex(try(from_base64(x)))), x) end
    else lower(llm_scalar(x))
end;

-- JSON of a value; of a list it is {"values": […]} with the values as they are.
create or replace macro llm_otlp_value(v) as coalesce(
    v.stringValue, v.intValue, v.doubleValue, v.boolValue, v.arrayValue,
    v.string_value, v.int_value, v.double_value, v.bool_value, v.array_value
);

-- Members of a JSON object: those attributes whose quoted names match. What comes twice stays twice.
create or replace macro llm_otlp_attributes(attributes, pattern) as array_to_string(list_transform(
    attributes,
    lambda a: case when regexp_full_match(a.key, pattern) then a.key || ':' || llm_otlp_value(a.value) end
), ',');

-- The same for all names but those that match.
create or replace macro llm_otlp_other_attributes(attributes, pattern) as array_to_string(list_transform(
    attributes,
    lambda a: case
        when starts_with(a.key, '"') and not regexp_matches(a.key, pattern) then a.key || ':' || llm_otlp_value(a.value)
    end
), ',');

-- The first text of a list as OTLP writes it, of a JSON list, or the text itself.
create or replace macro llm_otlp_first(x) as case
    when starts_with(x, '{') then nullif(regexp_extract(x, '"(?:stringValue|string_value)":"([^"]*)"', 1), '')
    when starts_with(x, '[') then nullif(regexp_extract(x, '"([^"]*)"', 1), '')
    else x
end;
