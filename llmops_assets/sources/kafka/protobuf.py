"""The messages that a Protobuf file of a schema registry describes, by their place in it.

A value says only that place: a path of numbers, of a message of the file, of one within it, and so on. What a file
imports comes from the registry, or is Protobuf's or the client library's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

VALUE_FILE = "value.proto"
OWN = ("google/", "confluent/")
"""Imports that the client library brings along; every producer has them."""


class Messages:
    """The messages of one file.

    Raises:
        KeyError: an import is nowhere.
        TypeError: the files do not fit together.
    """

    def __init__(self, content: bytes, imports: Mapping[str, bytes]) -> None:
        from google.protobuf import descriptor_pool

        self._pool = descriptor_pool.DescriptorPool()
        self._imports = imports
        self._added: set[str] = set()
        self._file = self._add(VALUE_FILE, content)

    def at(self, path: Sequence[int]) -> Any:
        """The class of the message at a place.

        Raises:
            ValueError: there is none.
        """
        from google.protobuf import message_factory

        messages, names = self._file.message_type, [self._file.package] if self._file.package else []
        for place in path:
            if not 0 <= place < len(messages):
                raise ValueError(f"the file has no message {list(path)}")
            names.append(messages[place].name)
            messages = messages[place].nested_type
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(".".join(names)))

    def _add(self, name: str, content: bytes) -> Any:
        """Add a file behind those that it imports."""
        from google.protobuf import descriptor_pb2

        file = descriptor_pb2.FileDescriptorProto.FromString(content)
        file.name = name
        self._added.add(name)
        for needed in file.dependency:
            if needed not in self._added:
                self._add(needed, self._imports[needed] if needed in self._imports else _own(needed))
        self._pool.AddSerializedFile(file.SerializeToString())
        return file


def _own(name: str) -> bytes:
    from google.protobuf import descriptor_pool

    if not name.startswith(OWN):
        raise KeyError(name)
    content: bytes = descriptor_pool.Default().FindFileByName(name).serialized_pb
    return content
