"""What providers answer: each family's reply, whole or as a recorded stream, as the fields of a call.

Belongs here: the shapes of replies, one module for each family, found by being there, and how the chunks of
a stream become one reply. Formats that wrap replies are beside this package and compose it; what surrounds
a reply (times, tenants, HTTP status) is theirs.
"""

from llmops_assets.formats.replies.compose import reply_columns, reply_steps

__all__ = ["reply_columns", "reply_steps"]
