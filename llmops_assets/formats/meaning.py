"""From typed values to what they mean: provider, outcome, usage, cost, flags.

Belongs here: rules that hold for every format. Each stage uses the columns of the one before, so that an
expression is written and computed once.
"""

from llmops_assets.formats.format import TOKENS


def meaning_stages() -> list[tuple[str, str]]:
    """The stages between the checks and the rows."""
    return [
        ("sourced", _sourced()),
        ("concluded", _concluded()),
        ("classified", _classified()),
        ("measured", _measured()),
        ("charged", _charged()),
    ]


def _sourced() -> str:
    """Who served it, and what is known about the outcome wherever the producer put it."""
    return """
    select
        *,
        llm_provider(provider) as own_provider,
        llm_unwrapped(model) as plain_model,
        llm_prefix_provider(plain_model) as prefix_provider,
        coalesce(
            status_code, llm_http_status(status), llm_http_status(error_code), llm_status_in_text(error_message_text)
        ) as http_status,
        case when trim(error_message_text) <> '' then error_message_text end as message,
        llm_status(lower(status)) as status_word,
        llm_finish_reason(lower(finish_reason)) as finish,
        coalesce(latency_ms, (epoch_us(ended_at) - epoch_us(started_at)) / 1000.0) as latency,
        coalesce(time_to_first_token_ms, (epoch_us(first_token_at) - epoch_us(started_at)) / 1000.0) as first_token,
        coalesce(
            llm_operation(lower(operation)), case when contains(lower(model), 'embed') then 'embedding' end
        ) as known_operation
    from previous"""


def _concluded() -> str:
    return """
    select
        *,
        coalesce(own_provider, prefix_provider, llm_inferred_provider(model)) as known_provider,
        case
            when success is not true and (status_word = 'cancelled' or http_status = 499) then 'cancelled'
            when success is not null then case when success then 'success' else 'error' end
            when status_word is not null then status_word
            when http_status is not null then case when http_status < 400 then 'success' else 'error' end
            when error_code is not null or message is not null or finish = 'error' then 'error'
            when finish is not null then 'success'
        end as conclusion
    from previous"""


def _classified() -> str:
    return """
    select
        *,
        llm_bare_model(plain_model, prefix_provider, known_provider) as bare_model,
        case
            when conclusion = 'cancelled' then 'cancelled'
            when conclusion = 'error'
                then llm_error_type(http_status, lower(concat_ws(' ', status, error_code, error_detail_text, message)))
        end as error_class,
        coalesce(tokens_input, 0) = 0 and coalesce(tokens_output, 0) = 0 as is_without_usage
    from previous"""


def _measured() -> str:
    """Success without usage is unknown usage, and so are failures that may have consumed tokens."""
    return """
    select
        *,
        llm_scope(bare_model) as scope,
        case when error_class = 'cancelled' then 'cancelled' else conclusion end as outcome_status,
        is_without_usage and case
            when conclusion = 'success' then cache_hit is not true and llm_uses_tokens(known_operation)
            else (error_class = 'timeout' or error_class = 'provider_outage' or error_class = 'cancelled')
                and not coalesce(llm_is_free_status(http_status), false)
        end is true as is_usage_missing,
        coalesce(cost, cost_micro) as claimed_cost,
        case upper(cost_currency) when 'USD' then false when 'US$' then false when '$' then false
            else cost_currency is not null end as is_foreign
    from previous"""


def _charged() -> str:
    tokens = ",\n".join(f"        case when not is_usage_missing then {name} end as known_{name}" for name in TOKENS)
    return f"""
    select
        *,
{tokens},
        case when claimed_cost >= 0 and not is_foreign then claimed_cost end as reported_cost,
        conclusion = 'success' and not is_usage_missing and tokens_output = 0
            and cache_hit is not true and llm_generates(known_operation) as is_zero_output,
        zero_cost_is_missing and claimed_cost = 0 and conclusion = 'success' and cache_hit is not true
            and not is_without_usage as is_zero_cost_missing
    from previous"""
