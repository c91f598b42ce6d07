"""Every proto says what it promises: obligations on fields, a sentence on everything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

OBLIGATIONS = ("Required", "Optional", "Output only")

Path = tuple[int, ...]


class _File:
    """A proto file with its comments by path, as SourceCodeInfo numbers them."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self.file = file
        self._comments = {tuple(at.path): at.leading_comments.strip() for at in file.source_code_info.location}

    def comment(self, path: Path) -> str:
        return self._comments.get(path, "")

    def messages(self) -> Iterator[tuple[Path, str, DescriptorProto]]:
        for index, message in enumerate(self.file.message_type):
            yield from _nested((4, index), message.name, message)


def _nested(path: Path, name: str, message: DescriptorProto) -> Iterator[tuple[Path, str, DescriptorProto]]:
    if not message.options.map_entry:
        yield path, name, message
        for index, nested in enumerate(message.nested_type):
            yield from _nested((*path, 3, index), f"{name}.{nested.name}", nested)


def _real_oneof(field: FieldDescriptorProto) -> bool:
    return field.HasField("oneof_index") and not field.proto3_optional


def _commented(file: _File) -> Iterator[tuple[str, str]]:
    """Return the name and the comment of everything that needs one, fields aside."""
    for index, service in enumerate(file.file.service):
        yield service.name, file.comment((6, index))
        for number, method in enumerate(service.method):
            yield f"{service.name}.{method.name}", file.comment((6, index, 2, number))
    for index, enum in enumerate(file.file.enum_type):
        yield enum.name, file.comment((5, index))
        for number, value in enumerate(enum.value):
            yield value.name, file.comment((5, index, 2, number))
    for path, name, message in file.messages():
        yield name, file.comment(path)
        yield from (
            (f"{name}.{nested.name}", file.comment((*path, 4, n))) for n, nested in enumerate(message.enum_type)
        )
        for number, oneof in enumerate(message.oneof_decl):
            if any(_real_oneof(field) and field.oneof_index == number for field in message.field):
                yield f"{name}.{oneof.name}", file.comment((*path, 8, number))


def documented_fields(of: FileDescriptorProto) -> Iterator[tuple[str, FieldDescriptorProto, str]]:
    """Give each field of a file behind its message's full name, with its comment."""
    file = _File(of)
    for path, name, message in file.messages():
        for number, field in enumerate(message.field):
            yield f"{of.package}.{name}", field, file.comment((*path, 2, number))


def _is_sentence(comment: str) -> bool:
    return comment[:1] in '"<*' or comment[:1].isupper() or comment[:1].isdigit()


def test_everything_is_commented_in_sentences(documented: Iterable[FileDescriptorProto]) -> None:
    found = [(file.name, *item) for file in documented for item in _commented(_File(file))]
    assert len(found) > 100
    missing = [f"{name}: {what}" for name, what, comment in found if not comment or not _is_sentence(comment)]
    assert missing == []


def test_every_field_states_its_obligation_first(documented: Iterable[FileDescriptorProto]) -> None:
    """A member of a oneof says what it is: the oneof's own rule states the obligation."""
    found = [item for file in documented for item in documented_fields(file)]
    assert len(found) > 100
    unclear = [
        f"{message}.{field.name}"
        for message, field, comment in found
        if not _real_oneof(field) and not comment.startswith(OBLIGATIONS)
    ]
    uncommented = [f"{message}.{field.name}" for message, field, comment in found if not comment]
    assert unclear + uncommented == []


def test_every_comment_ends(documented: Iterable[FileDescriptorProto]) -> None:
    found = [item for file in documented for item in documented_fields(file)]
    endless = [f"{message}.{field.name}" for message, field, comment in found if comment and comment[-1] not in ".)`"]
    assert endless == []
