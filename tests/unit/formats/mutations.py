"""Records with things wrong with them: names dropped, retyped, nested, oversized, reordered or twice.

A record is mutated at any depth, also inside the JSON that some producers write into texts.
"""

import copy
import json
import random
from typing import Any

SECRET = "zebra-secret-4711"
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 0.5, 500.5, 1e300, -1e300, 2**63, -(2**64), 10**400, "", " ", "x", "null", "NaN",
    "1e400", "-0", "0x10", "2026-13-45", "2026-11-20T15:00:00Z", "1795188872.9", "$-5", "{", "[", "{}", "[1,]", "\x00",
    "\ud83d", "é\u200b", "'; drop table x; --", "AAAA", "==", [], {}, [None], [[1]], {"": ""}, {"a": {"a": 1}},
    {"\x00": 1, "\x00b": 2}, {"input": -1, "output": "x"}, {"total": 1e30}, "y" * 5000, {"k" * 300: "v" * 300},
    [{"key": "a:b", "value": 5}, 5, {"key": None, "value": {"x:y": 1}}],
]  # fmt: skip
WHOLE = ['"x"', "5", "[]", "{}", "null", "true", "", "{", "nul", "[{}]", '{"": 1}', "{} {}"]


class Doubled(dict[str, Any]):
    """An object one of whose names is written twice."""

    def __init__(self, members: dict[str, Any], again: str) -> None:
        super().__init__(members)
        self.again = again


def written(value: Any) -> str:
    """JSON of a value, with what is doubled in it."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(name)}: {written(member)}" for name, member in value.items()]
        if isinstance(value, Doubled):
            pairs.insert(0, f"{json.dumps(value.again)}: 1")
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(member) for member in value) + "]"
    return json.dumps(value)


def mutated(record: str, dice: random.Random) -> str:
    """A record's line with up to three things wrong with it; one in twenty is broken as a whole."""
    root = {"": json.loads(record)}
    for _ in range(dice.randrange(4)):
        _mutate(root, dice)
    text = written(root[""]) if "" in root else written(root)
    fate = dice.randrange(40)
    if fate == 0:
        return text[: dice.randrange(1, len(text) + 1)]
    return dice.choice(WHOLE) if fate == 1 else text


def reordered(value: Any, dice: random.Random) -> Any:
    """The same with the names of all objects in another order."""
    if isinstance(value, list):
        return [reordered(member, dice) for member in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    dice.shuffle(names)
    return {name: reordered(value[name], dice) for name in names}


def _mutate(parent: Any, dice: random.Random) -> None:
    """Change something in the object or list `parent`, most often far down in it."""
    names = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
    if not names:
        return
    name = dice.choice(names)
    inner = parent[name]
    if isinstance(inner, dict | list) and inner and dice.randrange(8):
        _mutate(inner, dice)
    elif isinstance(inner, str) and inner[:1] in ("{", "[") and dice.randrange(4):
        parent[name] = _inside(inner, dice)
    else:
        _change(parent, name, dice)


def _inside(text: str, dice: random.Random) -> str:
    """JSON in a text, with something wrong with it."""
    try:
        root = {"": json.loads(text)}
    except ValueError:
        return text[: len(text) // 2]
    _mutate(root, dice)
    return written(root.get(""))


def _change(parent: Any, name: Any, dice: random.Random) -> None:
    change = dice.randrange(7)
    if change == 0:
        del parent[name]
    elif change == 1:
        parent[name] = {"deeper": parent[name], "content": SECRET}
    elif change == 2:
        parent[name] = [parent[name]] * dice.choice([1, 2, 50])
    elif change == 3 and isinstance(parent[name], dict) and parent[name]:
        parent[name] = Doubled(parent[name], dice.choice(list(parent[name])))
    elif change == 4 and isinstance(parent, dict):
        parent[dice.choice(["messages", "prompt", "extra", "tags", "metadata", "usage"])] = [{"content": SECRET}]
    else:
        parent[name] = copy.deepcopy(dice.choice(ODD))
