"""Elements of a page as text that is already escaped: nothing else can get into the page.

Writes well-formed XML that is HTML too. Belongs here: escaping. What is on the page is `reports.page`.
"""

from html import escape


class Markup(str):
    """Text that stands in a page as it is."""

    __slots__ = ()


Child = Markup | str


def element(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element; text is escaped, attributes too. A trailing or inner `_` of an attribute's name is nothing or `-`.

    >>> element("p", "a < b", class_="x")
    '<p class="x">a &lt; b</p>'
    """
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>" if children else f"<{name}{given}/>")


def joined(*children: Child) -> Markup:
    """Elements and texts, one after the other."""
    return Markup("".join(one if isinstance(one, Markup) else escape(one) for one in children))
