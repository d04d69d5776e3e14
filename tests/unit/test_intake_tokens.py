"""Who may send what, and how much."""

import re
from pathlib import Path

import pytest

from llmops_assets.intake.errors import IntakeError, Refused
from llmops_assets.intake.limits import RateLimit
from llmops_assets.intake.tokens import TokenBook, create_token, pepper_of

TENANTS = {"events": None, "acme_events": "acme"}


def book(path: Path, *lines: str, pepper: bytes = b"") -> TokenBook:
    """The tokens of a file with these lines."""
    path.write_text("\n".join(["[tokens]", *lines, ""]), encoding="utf-8")
    return TokenBook(path, pepper, TENANTS)


def test_a_token_is_known_by_the_line_that_was_printed_with_it(tmp_path: Path) -> None:
    token, line = create_token("gateway", {"source": "events", "events_per_second": 2.5}, b"")
    found = book(tmp_path / "tokens.toml", line).find(f"Bearer {token}")
    assert (found.name, found.entry.source, found.entry.scope) == ("gateway", "events", "append")
    assert found.entry.events_per_second == 2.5


def test_the_line_does_not_hold_the_token_and_two_lines_of_one_name_differ() -> None:
    token, line = create_token("gateway", {"source": "events"}, b"")
    secret = token.split(".")[2]
    assert len(secret) == 43  # 32 random bytes
    assert secret not in line
    assert create_token("gateway", {"source": "events"}, b"")[0] != token


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Bearer llmops.gateway.x", "Basic {}", "Bearer {}x"]
)
def test_a_request_without_a_known_token_is_refused(tmp_path: Path, header: str | None) -> None:
    token, line = create_token("gateway", {"source": "events"}, b"")
    with pytest.raises(Refused) as raised:
        book(tmp_path / "tokens.toml", line).find(header and header.format(token))
    assert raised.value.status == 401
    assert token not in str(raised.value)


def test_a_hash_is_worth_nothing_without_the_pepper(tmp_path: Path) -> None:
    token, line = create_token("gateway", {"source": "events"}, b"pepper")
    assert book(tmp_path / "tokens.toml", line, pepper=b"pepper").find(f"bearer {token}").name == "gateway"
    with pytest.raises(Refused):
        book(tmp_path / "tokens.toml", line).find(f"Bearer {token}")


def test_the_pepper_comes_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PEPPER", "salt too")
    assert pepper_of("SOME_PEPPER") == b"salt too"
    assert pepper_of(None) == b""
    with pytest.raises(IntakeError, match="OTHER_PEPPER, which is not set"):
        pepper_of("OTHER_PEPPER")


def test_a_line_taken_out_locks_its_holder_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmops_assets.intake.tokens.LOOK_SECONDS", 0.0)
    token, line = create_token("gateway", {"source": "events"}, b"")
    tokens = book(tmp_path / "tokens.toml", line)
    tokens.find(f"Bearer {token}")
    (tmp_path / "tokens.toml").write_text("[tokens]\n", encoding="utf-8")
    with pytest.raises(Refused):
        tokens.find(f"Bearer {token}")


def test_a_file_that_cannot_be_read_any_more_leaves_the_tokens_and_a_complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmops_assets.intake.tokens.LOOK_SECONDS", 0.0)
    token, line = create_token("gateway", {"source": "events"}, b"")
    tokens = book(tmp_path / "tokens.toml", line)
    (tmp_path / "tokens.toml").write_text("[tokens", encoding="utf-8")
    assert tokens.find(f"Bearer {token}").name == "gateway"
    assert "the tokens cannot be read" in tokens.complaint


def test_a_rate_limit_goes_on_where_it_was_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmops_assets.intake.tokens.LOOK_SECONDS", 0.0)
    token, line = create_token("gateway", {"source": "events", "events_per_second": 1.0}, b"")
    tokens = book(tmp_path / "tokens.toml", line)
    limit = tokens.find(f"Bearer {token}").limit
    assert limit is not None
    (tmp_path / "tokens.toml").write_text(f"# more\n[tokens]\n{line}\n", encoding="utf-8")
    assert tokens.find(f"Bearer {token}").limit is limit


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"source": "nowhere"}, "there is no source 'nowhere' to append to (there is: acme_events, events)"),
        ({"source": "events", "tenant": "acme"}, "speaks for tenant 'acme', but its source events has tenant None"),
        ({"source": "acme_events", "tenant": "beta"}, "speaks for tenant 'beta', but its source acme_events has"),
        ({"source": "events", "scope": "read"}, "scope: Input should be 'append'"),
    ],
)
def test_a_line_that_cannot_hold_stops_the_start(tmp_path: Path, entry: dict[str, str], message: str) -> None:
    with pytest.raises(IntakeError, match=re.escape(message)):
        book(tmp_path / "tokens.toml", create_token("gateway", entry, b"")[1])


def test_a_token_typed_where_its_hash_belongs_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as raised:
        book(tmp_path / "tokens.toml", 'gateway = { hash = "llmops.gateway.topsecret", source = "events" }')
    assert "topsecret" not in str(raised.value)
    assert "token gateway: hash" in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=re.escape(f"{tmp_path / 'no.toml'}: the tokens cannot be read")):
        TokenBook(tmp_path / "no.toml", b"", TENANTS)


def test_names_that_would_not_fit_a_token_are_refused() -> None:
    with pytest.raises(IntakeError, match=r"'a\.b': use lower-case letters"):
        create_token("a.b", {"source": "events"}, b"")


# Rate


def test_a_limit_gives_a_second_at_once_and_then_its_rate() -> None:
    now = 100.0
    limit = RateLimit(10.0, lambda: now)
    limit.take(10)
    assert limit.wait() == 1
    now = 100.5
    assert limit.wait() == 0  # 5 are there again
    limit.take(25)  # more than there is: 20 in debt, which takes 2 s
    assert limit.wait() == 2
    now = 102.4
    assert limit.wait() == 1
    now = 102.6
    assert limit.wait() == 0


def test_a_pause_does_not_save_up_more_than_a_second() -> None:
    now = 0.0
    limit = RateLimit(10.0, lambda: now)
    now = 3600.0
    limit.take(11)
    assert limit.wait() == 1
