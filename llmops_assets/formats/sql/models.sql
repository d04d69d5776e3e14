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

-- The id inside a model or cross-region profile ARN. NULL for an ARN that hides its model (application inference
-- profiles, provisioned throughput, imported models).
create or replace macro llm_model_of_arn(model) as case
    when starts_with(model, 'arn:')
        then nullif(regexp_extract(model, ':(foundation-model|inference-profile)/(.+)$', 2), '')
    else model
end;

-- Without the provider's prefix.
create or replace macro llm_bare_model(model, prefix_provider, provider) as case
    when not contains(model, '/') or starts_with(model, 'arn:') then llm_model_of_arn(model)
    when prefix_provider = provider then
        case
            when provider = 'bedrock' then llm_model_of_arn(regexp_replace(
                llm_without_first_part(model), '^((converse|invoke|converse_like)/)?([a-z]{2}-[a-z]+-\d/)?', ''
            ))
            else llm_without_first_part(model)
        end
    else model
end;

-- us.anthropic.claude-… is one model at the price of a region.
create or replace macro llm_region_scope(model) as case
    when contains(model, '.') then nullif(
        regexp_extract(model, '^(us-gov|us|eu|apac|jp|au|ca|global)\.(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|stability|writer|openai|qwen|twelvelabs)\.', 1), ''
    )
end;

create or replace macro llm_without_scope(model, scope) as case
    when scope is null then model else substr(model, length(scope) + 2)
end;
