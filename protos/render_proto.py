"""Render a file descriptor as the text of a .proto file.

Compiling the text gives an equal descriptor, source positions aside. proto2, proto3 and editions are rendered; groups,
which no file of ours has, are refused. Comments are not part of a descriptor and are lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_encoding, text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    Edition,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

INDENT = "  "
MAX_FIELD = 536870911
MAX_ENUM = 2147483647


class UnrenderableError(ValueError):
    """The descriptor holds something that this module does not render."""


def file_text(file: FileDescriptorProto, known: Iterable[FileDescriptorProto]) -> str:
    """Return the text of `file`; `known` are the files that it imports. Raises UnrenderableError."""
    return "\n".join([*_Renderer(file, known).lines(), ""])


class _Renderer:
    """Render one file; options are read with the extensions that the file and its imports define."""

    def __init__(self, file: FileDescriptorProto, known: Iterable[FileDescriptorProto]) -> None:
        self._pool = _pool(file, known)
        self._file: FileDescriptorProto = self._reparsed(file)
        self._implicit = file.syntax == "proto3" or bool(file.edition)

    def lines(self) -> Iterator[str]:
        file = self._file
        yield f"// {file.name}, rendered from its descriptor, which holds no comments."
        yield f'edition = "{_edition(file.edition)}";' if file.edition else f'syntax = "{file.syntax or "proto2"}";'
        if file.package:
            yield from ("", f"package {file.package};")
        yield from self._imports()
        yield from ("", *(f"option {option};" for option in self._options(file.options)))
        yield from self._extensions(file.extension)
        for enum in file.enum_type:
            yield from ("", *self._enum(enum))
        for message in file.message_type:
            yield from ("", *self._message(message, f".{file.package}".rstrip(".")))
        for service in file.service:
            yield from ("", *self._service(service))

    def _reparsed(self, message: Message) -> Any:
        """Return a copy whose options are parsed with the pool's extensions."""
        descriptor = self._pool.FindMessageTypeByName(message.DESCRIPTOR.full_name)
        return message_factory.GetMessageClass(descriptor).FromString(message.SerializeToString())

    def _imports(self) -> Iterator[str]:
        if self._file.dependency:
            yield ""
        for index, name in enumerate(self._file.dependency):
            public = index in self._file.public_dependency
            weak = index in self._file.weak_dependency
            yield f'import {"public " if public else "weak " if weak else ""}"{name}";'

    def _message(self, message: DescriptorProto, scope: str) -> Iterator[str]:
        name = f"{scope}.{message.name}"
        maps = {f"{name}.{nested.name}": nested for nested in message.nested_type if nested.options.map_entry}
        yield f"message {message.name} {{"
        yield from _indented(f"option {option};" for option in self._options(message.options))
        yield from _indented(self._fields(message, maps))
        yield from _indented(_reserved(message, inclusive=False))
        yield from _indented(self._extension_ranges(message))
        for enum in message.enum_type:
            yield from _indented(self._enum(enum))
        for nested in message.nested_type:
            if not nested.options.map_entry:
                yield from _indented(self._message(nested, name))
        yield from _indented(self._extensions(message.extension))
        yield "}"

    def _fields(self, message: DescriptorProto, maps: dict[str, DescriptorProto]) -> Iterator[str]:
        opened: set[int] = set()
        for field in message.field:
            if not field.HasField("oneof_index") or field.proto3_optional:
                yield from self._field(field, maps)
            elif field.oneof_index not in opened:
                opened.add(field.oneof_index)
                yield from self._oneof(message, field.oneof_index, maps)

    def _oneof(self, message: DescriptorProto, index: int, maps: dict[str, DescriptorProto]) -> Iterator[str]:
        oneof = message.oneof_decl[index]
        yield f"oneof {oneof.name} {{"
        yield from _indented(f"option {option};" for option in self._options(oneof.options))
        for field in message.field:
            if field.HasField("oneof_index") and field.oneof_index == index:
                yield from _indented(self._field(field, maps))
        yield "}"

    def _field(self, field: FieldDescriptorProto, maps: dict[str, DescriptorProto]) -> Iterator[str]:
        if field.type == FieldDescriptorProto.TYPE_GROUP:
            raise UnrenderableError(f"{field.name} is a group")
        if field.type_name in maps:
            key, value = maps[field.type_name].field
            declared = f"map<{_type(key)}, {_type(value)}>"
        else:
            declared = f"{self._label(field)}{_type(field)}"
        yield f"{declared} {field.name} = {field.number}{_bracketed(list(self._field_options(field)))};"

    def _label(self, field: FieldDescriptorProto) -> str:
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            return "repeated "
        if field.label == FieldDescriptorProto.LABEL_REQUIRED:
            return "required "
        inside = field.HasField("oneof_index") and not field.proto3_optional
        return "" if inside or (self._implicit and not field.proto3_optional) else "optional "

    def _field_options(self, field: FieldDescriptorProto) -> Iterator[str]:
        if field.HasField("default_value"):
            yield f"default = {_default(field)}"
        if field.json_name and field.json_name != _json_name(field.name):
            yield f'json_name = "{field.json_name}"'
        yield from self._options(field.options)

    def _extensions(self, extensions: Sequence[FieldDescriptorProto]) -> Iterator[str]:
        for extendee in dict.fromkeys(extension.extendee for extension in extensions):
            yield from ("", f"extend {extendee} {{")
            for extension in extensions:
                if extension.extendee == extendee:
                    yield from _indented(self._field(extension, {}))
            yield "}"

    def _extension_ranges(self, message: DescriptorProto) -> Iterator[str]:
        for extension_range in message.extension_range:
            options = _bracketed(list(self._options(extension_range.options)))
            yield f"extensions {_span(extension_range.start, extension_range.end - 1, MAX_FIELD)}{options};"

    def _enum(self, enum: EnumDescriptorProto) -> Iterator[str]:
        yield f"enum {enum.name} {{"
        yield from _indented(f"option {option};" for option in self._options(enum.options))
        for value in enum.value:
            yield f"{INDENT}{value.name} = {value.number}{_bracketed(list(self._options(value.options)))};"
        yield from _indented(_reserved(enum, inclusive=True))
        yield "}"

    def _service(self, service: ServiceDescriptorProto) -> Iterator[str]:
        yield f"service {service.name} {{"
        yield from _indented(f"option {option};" for option in self._options(service.options))
        for method in service.method:
            taken = f"{'stream ' if method.client_streaming else ''}{method.input_type}"
            given = f"{'stream ' if method.server_streaming else ''}{method.output_type}"
            options = [f"option {option};" for option in self._options(method.options)]
            yield f"{INDENT}rpc {method.name}({taken}) returns ({given}){' {' if options else ';'}"
            yield from _indented(_indented(options))
            yield from [f"{INDENT}}}"] if options else []
        yield "}"

    def _options(self, options: Message) -> Iterator[str]:
        for field, value in options.ListFields():
            name = f"(.{field.full_name})" if field.is_extension else field.name
            for one in value if field.is_repeated else [value]:
                yield f"{name} = {_option_value(field, one)}"
        if len(UnknownFieldSet(options)):
            raise UnrenderableError(f"{options.DESCRIPTOR.name} holds an option that no import defines")


def _pool(file: FileDescriptorProto, known: Iterable[FileDescriptorProto]) -> descriptor_pool.DescriptorPool:
    """Return a pool of the file, of what it imports, and of the options' own descriptors."""
    by_name = {each.name: each for each in known} | {file.name: file}
    if descriptor_pb2.DESCRIPTOR.name not in by_name:
        by_name[descriptor_pb2.DESCRIPTOR.name] = descriptor_pb2.FileDescriptorProto.FromString(
            descriptor_pb2.DESCRIPTOR.serialized_pb
        )
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()

    def add(name: str) -> None:
        if name not in added:
            added.add(name)
            for dependency in by_name[name].dependency:
                add(dependency)
            pool.Add(by_name[name])

    add(descriptor_pb2.DESCRIPTOR.name)
    add(file.name)
    return pool


def _type(field: FieldDescriptorProto) -> str:
    return field.type_name or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()


def _default(field: FieldDescriptorProto) -> str:
    if field.type == FieldDescriptorProto.TYPE_STRING:
        return _quoted(field.default_value)
    if field.type == FieldDescriptorProto.TYPE_BYTES:
        return f'"{field.default_value}"'  # a descriptor holds the default of bytes already escaped
    return field.default_value


def _option_value(field: FieldDescriptor, value: Any) -> str:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return "{\n" + text_format.MessageToString(value, as_utf8=True, indent=len(INDENT)) + "}"
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | bytes):
        return _quoted(value)
    return repr(value)


def _quoted(value: str | bytes) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return f'"{text_encoding.CEscape(raw, False)}"'


def _reserved(owner: DescriptorProto | EnumDescriptorProto, *, inclusive: bool) -> Iterator[str]:
    biggest = MAX_ENUM if inclusive else MAX_FIELD
    for taken in owner.reserved_range:
        yield f"reserved {_span(taken.start, taken.end if inclusive else taken.end - 1, biggest)};"
    if owner.reserved_name:
        names = ", ".join(f'"{name}"' for name in owner.reserved_name)
        yield f"reserved {names};"


def _span(first: int, last: int, biggest: int) -> str:
    return str(first) if first == last else f"{first} to {'max' if last == biggest else last}"


def _json_name(name: str) -> str:
    """Return protoc's own choice of a JSON name: underscores drop, the letter behind each is raised."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _bracketed(options: Sequence[str]) -> str:
    return f" [{', '.join(options)}]" if options else ""


def _edition(edition: Edition.ValueType) -> str:
    return Edition.Name(edition).removeprefix("EDITION_")


def _indented(lines: Iterable[str]) -> Iterator[str]:
    """Indent; what spans lines holds no line break inside a string, because text format escapes those."""
    for line in lines:
        yield INDENT + line.replace("\n", f"\n{INDENT}") if line else line
