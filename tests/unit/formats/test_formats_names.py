"""Names of providers and models: the lists are reviewed data, so their order and overlap are tested, and examples."""

import csv
from importlib.resources import files

import pytest
from decoding import Decoder, flat, some

from llmops_assets.formats import names

FAMILIES = names.rules("model_families.csv")
PROVIDERS = names.rules("model_providers.csv")
STEPS = names.rules("model_names.csv")
# What one step does to a name. A scope and a vendor are words of other patterns, so they are tried by what reads them.
STEP_MACROS = {
    "unwrap": "llm_unwrapped(x)",
    "opaque": "llm_revealed(x)",
    "route": "llm_bedrock_unrouted(x)",
    "suffix": "llm_unsuffixed(x)",
    "stem": "llm_model_stem(x)",
    "scope": "llm_without_scope(x, llm_scope(x))",
    "vendor": "llm_model_stem(x)",
}


def ask(decoder: Decoder, expression: str, name: str) -> object:
    row = decoder.connection.execute(f"select {expression} from (select ?::varchar as x)", [name]).fetchone()
    return row[0] if row else None


def matching(decoder: Decoder, rules: list[names.Row], name: object) -> list[names.Row]:
    """The rules of the lowest rank that hold for a name."""
    held = [rule for rule in rules if ask(decoder, f"regexp_matches('{name}', x)", rule["pattern"])]
    return [rule for rule in held if rule["rank"] == min(one["rank"] for one in held)]


def priced_models() -> list[str]:
    """Real names in plenty: every model of the price book."""
    book = next(file for file in (files("llmops_assets.prices") / "books").iterdir() if file.name.endswith(".csv"))
    return sorted({row["model"] for row in csv.DictReader(book.read_text(encoding="utf-8").splitlines())})


@pytest.mark.parametrize("rule", STEPS, ids=lambda rule: f"{rule['step']} {rule['example']}")
def test_every_rule_about_names_makes_of_its_example_what_it_says(decoder: Decoder, rule: names.Row) -> None:
    assert ask(decoder, STEP_MACROS[rule["step"]], rule["example"]) == (rule["becomes"] or None)


def test_every_rule_about_names_is_the_first_of_its_step_for_its_example(decoder: Decoder) -> None:
    first = {}
    for rule in STEPS:
        if rule["step"] not in ("scope", "vendor"):
            rules = [one for one in STEPS if one["step"] == rule["step"]]
            held = (one for one in rules if ask(decoder, f"regexp_matches('{rule['example']}', x)", one["pattern"]))
            first[rule["pattern"]] = next(held)["pattern"]
    assert first == {pattern: pattern for pattern in first}


def test_every_rule_of_a_family_is_reached_by_its_example(decoder: Decoder) -> None:
    reached = {rule["pattern"]: matching(decoder, FAMILIES, stem(decoder, rule["example"])) for rule in FAMILIES}
    assert {pattern: [one["pattern"] for one in rules] for pattern, rules in reached.items()} == {
        rule["pattern"]: [rule["pattern"]] for rule in FAMILIES
    }
    found = {rule["example"]: ask(decoder, "llm_model_family(x)", rule["example"]) for rule in FAMILIES}
    assert found == {rule["example"]: rule["becomes"] for rule in FAMILIES}


def test_every_rule_of_a_provider_is_reached_by_its_example(decoder: Decoder) -> None:
    assert [matching(decoder, PROVIDERS, rule["example"].lower()) for rule in PROVIDERS] == [
        [rule] for rule in PROVIDERS
    ]


def test_no_two_rules_of_one_rank_hold_for_one_name_of_the_price_book(decoder: Decoder) -> None:
    connection = decoder.connection
    connection.execute("create or replace temp table names as select unnest(?::varchar[]) as name", [priced_models()])
    for rules, name in ((FAMILIES, "llm_model_stem(lower(name))"), (PROVIDERS, "lower(name)")):
        ranked = ", ".join(f"({rule['rank']}, $p${rule['pattern']}$p$)" for rule in rules)
        twice = connection.execute(
            f"select name, rank, count(*) from names, (values {ranked}) as rules (rank, pattern) "
            f"where regexp_matches({name}, pattern) group by all having count(*) > 1"
        ).fetchall()
        assert twice == []


def test_an_alias_of_a_provider_is_listed_once_in_the_spelling_that_is_looked_up(decoder: Decoder) -> None:
    rows = names.rules("provider_aliases.csv")
    aliases = [row["alias"] for row in rows]
    assert sorted(set(aliases)) == sorted(aliases)
    assert [ask(decoder, "llm_provider_key(x)", alias) for alias in aliases] == aliases
    # What an alias stands for stands for itself.
    assert {
        row["provider"] for row in rows if ask(decoder, "llm_provider(x)", row["provider"]) != row["provider"]
    } == set()


SONNET = "anthropic.claude-sonnet-4-20250514-v1:0"
ARN = "arn:aws:bedrock:eu-central-1:123456789012"


def test_names_of_models_are_taken_apart(decoder: Decoder) -> None:
    """Given provider and model; then provider, model, requested model and scope of the region."""
    given: dict[tuple[str | None, str], tuple[str | None, ...]] = {
        ("bedrock", f"global.{SONNET}"): ("bedrock", SONNET, f"global.{SONNET}", "global"),
        ("bedrock", f"us-gov.{SONNET}"): ("bedrock", SONNET, f"us-gov.{SONNET}", "us-gov"),
        (None, f"apac.{SONNET}"): ("bedrock", SONNET, f"apac.{SONNET}", "apac"),
        (None, f"{ARN}:inference-profile/eu.{SONNET}"): (
            *("bedrock", SONNET, f"{ARN}:inference-profile/eu.{SONNET}", "eu"),
        ),
        (None, f"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/{SONNET}"): (
            *("bedrock", SONNET, f"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/{SONNET}", None),
        ),
        ("bedrock", f"{ARN}:application-inference-profile/abc123"): (
            *("bedrock", None, f"{ARN}:application-inference-profile/abc123", None),
        ),
        ("bedrock", f"{ARN}:provisioned-model/xyz"): ("bedrock", None, f"{ARN}:provisioned-model/xyz", None),
        ("bedrock", f"bedrock/invoke/eu-west-1/{SONNET}"): (
            *("bedrock", SONNET, f"bedrock/invoke/eu-west-1/{SONNET}", None),
        ),
        (None, "openrouter/anthropic/claude-sonnet-4.5"): (
            *("openrouter", "anthropic/claude-sonnet-4.5", "openrouter/anthropic/claude-sonnet-4.5", None),
        ),
        (None, "litellm_proxy/openai/gpt-4o"): ("openai", "gpt-4o", "litellm_proxy/openai/gpt-4o", None),
        (None, "ft:gpt-4o-mini-2024-07-18:acme::a1"): ("openai", "ft:gpt-4o-mini-2024-07-18:acme::a1", None, None),
        (None, "models/gemini-2.5-pro"): ("google", "gemini-2.5-pro", "models/gemini-2.5-pro", None),
        ("vertex_ai", "vertex_ai/gemini-2.5-flash@default"): (
            *("vertex_ai", "gemini-2.5-flash", "vertex_ai/gemini-2.5-flash@default", None),
        ),
        ("vertex_ai", "claude-sonnet-4@20250514"): ("vertex_ai", "claude-sonnet-4@20250514", None, None),
        (None, "publishers/anthropic/models/claude-sonnet-4@20250514"): (
            *("vertex_ai", "claude-sonnet-4@20250514", "publishers/anthropic/models/claude-sonnet-4@20250514", None),
        ),
        (None, "projects/acme/locations/us-central1/endpoints/4242"): (
            *("vertex_ai", None, "projects/acme/locations/us-central1/endpoints/4242", None),
        ),
        ("fireworks", "accounts/fireworks/models/llama-v3p1-70b-instruct"): (
            *("fireworks", "accounts/fireworks/models/llama-v3p1-70b-instruct", None, None),
        ),
        # No vendor of Bedrock: the point is part of a version.
        ("nimbus", "us.nimbus-9b"): ("nimbus", "us.nimbus-9b", None, None),
    }
    rows = decoder.rows(*(flat(provider=provider, model=model) for provider, model in given))
    assert [some(row, "provider", "model", "requested_model", "region_scope") for row in rows] == list(given.values())


def test_a_family_is_the_same_whoever_serves_the_model_under_whatever_name(decoder: Decoder) -> None:
    given = {
        "claude-sonnet": [
            "claude-sonnet-4-5-20250929",
            "claude-3-5-sonnet@20240620",
            "claude-3.7-sonnet",
            "anthropic/claude-sonnet-4.6",
            f"us.{SONNET}",
            SONNET,
            "CLAUDE-SONNET-4-0",
        ],
        "gpt-4o": ["gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o", "chatgpt-4o-latest"],
        "gpt-4o-mini": ["gpt-4o-mini", "ft:gpt-4o-mini-2024-07-18:acme::a1"],
        "gemini-flash": ["gemini-2.5-flash", "gemini-1.5-flash-002", "google/gemini-3-flash-preview"],
        "gemini-flash-lite": ["gemini-2.5-flash-lite"],
        "llama-3": ["meta.llama3-1-70b-instruct-v1:0", "llama-3.3-70b-versatile", "Meta-Llama-3.1-8B-Instruct"],
        "nova-pro": ["amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0"],
        None: ["nimbus-internal-9b", "chat-prod", ""],
    }
    found = {family: [ask(decoder, "llm_model_family(x)", name) for name in models] for family, models in given.items()}
    assert found == {family: [family] * len(models) for family, models in given.items()}


def stem(decoder: Decoder, name: str) -> object:
    return ask(decoder, "llm_model_stem(lower(x))", name)
