-- Model and provider names.

create or replace macro llm_provider_key(x) as replace(replace(lower(x), ' ', '_'), '-', '_');

-- Most are written as they are listed.
create or replace macro llm_provider(x) as case
    when x is null then null
    else coalesce(llm_provider_alias(x), llm_provider_alias(llm_provider_key(x)), llm_provider_key(x))
end;

-- "openai/gpt-4o" names its provider; "anthropic/claude-sonnet-4.6" on OpenRouter is the model's whole name.
create or replace macro llm_prefix_provider(model) as case
    when contains(model, '/') and not starts_with(model, 'arn:')
        then llm_provider_alias(llm_provider_key(split_part(model, '/', 1)))
end;

create or replace macro llm_without_first_part(model) as substr(model, position('/' in model) + 1);

-- A name as the provider knows it: without the prefix that names the provider, a router's path, and suffixes that
-- are no part of it. NULL where it hides the model. The rules are those of model_names.csv; most names need none.
create or replace macro llm_bare_model(model, prefix_provider, provider) as case
    when contains(model, '/') or contains(model, '@') then llm_unsuffixed(llm_revealed(case
        when prefix_provider is distinct from provider then model
        when provider = 'bedrock' then llm_bedrock_unrouted(llm_without_first_part(model))
        else llm_without_first_part(model)
    end))
    else model
end;

-- us.anthropic.claude-… is one model at the price of a region.
create or replace macro llm_scope(model) as case when contains(model, '.') then llm_region_scope(model) end;

create or replace macro llm_without_scope(model, scope) as case
    when scope is null then model else substr(model, length(scope) + 2)
end;
