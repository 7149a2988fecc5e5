"""From checkpoints to records and back, remembering what is stored already."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.constants import START

from graphwright_checkpoints import snapshots, splitting
from graphwright_checkpoints.allowance import Allowance
from graphwright_checkpoints.elements import Element, Memory, Shelf
from graphwright_checkpoints.errors import BlobMissing, ValueNotRead, ValueNotStored
from graphwright_checkpoints.heads import Heads, by_channel
from graphwright_checkpoints.media import TYPE
from graphwright_checkpoints.metadata import encode_metadata
from graphwright_checkpoints.records import (
    Address,
    NewCheckpoint,
    NewPart,
    NewWrite,
    NewWrites,
    Reference,
    StoredCheckpoint,
    StoredElement,
    fence,
    lane_of,
)
from graphwright_checkpoints.serialization import Codec, Encoded
from graphwright_checkpoints.spans import Spans, expand
from graphwright_checkpoints.splitting import SMALL, Pack, weight
from graphwright_checkpoints.templates import Template, Templates


class Terms(NamedTuple):
    """What a thread's values are encoded under.

    Without trust, what is remembered as stored is encoded again.
    """

    thread_id: str
    trusting: bool
    allowance: Allowance
    in_channels: bool
    """Whether they are what channels have, or what tasks write to them."""


class Encoder:
    """Encodes for one database, and remembers what it has there.

    What it remembers may be out of date when somebody deletes; `Shelf.epoch` tells, and then the
    caller encodes once more with `trusting=False`.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.templates = Templates()
        self._memory = Memory()
        self.heads = Heads()

    def with_serde(self, serde: SerializerProtocol) -> "Encoder":
        """An encoder with the same memory and another serializer."""
        clone = Encoder(self.codec.with_serde(serde))
        clone._memory, clone.heads = self._memory, self.heads
        return clone

    def checkpoint(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
        *,
        trusting: bool = True,
        limit: int | None = None,
    ) -> NewCheckpoint:
        """Split a checkpoint into records, or raise `TakesLong` beyond `limit` bytes.

        Channels that are not in `new_versions` are as in the parent: its references are used again
        where they are remembered.
        """
        parent = Address.of(config)
        versions = checkpoint["channel_versions"]
        values: dict[str, Any] = {}
        large: list[str] = []
        for name, value in checkpoint["channel_values"].items():
            if name in versions:
                values[name] = value
                if weight(value) > SMALL:
                    large.append(name)
        parts: list[NewPart] = []
        if large:
            terms = Terms(parent.thread_id, trusting, Allowance(limit), in_channels=True)
            carried = self.heads.carried(parent, checkpoint, new_versions) if trusting else {}
            for name in large:
                found = carried.get(name) or self._split(terms, name, values[name])
                values[name] = found[0]
                parts += found[1]
        facts = get_serializable_checkpoint_metadata(config, metadata)
        return NewCheckpoint(
            Address(parent.thread_id, parent.checkpoint_ns, checkpoint["id"]),
            parent.checkpoint_id or None,
            facts.get("run_id"),
            fence(config),
            self._encode_body({**checkpoint, "channel_values": values}),
            encode_metadata(facts),
            parts,
            metadata.get("source"),
            checkpoint.get("updated_channels"),
        )

    def writes(
        self,
        config: RunnableConfig,
        writes: Iterable[tuple[str, Any]],
        task_id: str,
        task_path: str,
        *,
        trusting: bool = True,
        limit: int | None = None,
    ) -> NewWrites:
        """One record a write, numbered as LangGraph asks of every saver; or raise `TakesLong`."""
        address = Address.of(config)
        terms: Terms | None = None
        encoded: list[NewWrite] = []
        for position, (channel, value) in enumerate(writes):
            parts: Sequence[NewPart] = ()
            if weight(value) > SMALL:
                terms = terms or Terms(address.thread_id, trusting, Allowance(limit), False)
                value, parts = self._split(terms, channel, value)
            place = WRITES_IDX_MAP.get(channel, position)
            content = self.codec.encode(channel, value)
            encoded.append(NewWrite(task_id, place, task_path, channel, content, parts))
        return NewWrites(address, fence(config), encoded)

    def read(self, stored: StoredCheckpoint) -> CheckpointTuple:
        """Put a checkpoint together again."""
        body = self.body(stored.body)
        values = body["channel_values"]
        for channel, found in by_channel(stored.references):
            values[channel] = self._join(stored, channel, values.get(channel), found)
        parent = stored.address._replace(checkpoint_id=stored.parent_id or "")
        self.heads.remember(body, stored.address, stored.shelf, list(stored.references))
        return CheckpointTuple(
            config=stored.address.config(),
            checkpoint=body,
            metadata=json.loads(stored.metadata),
            parent_config=parent.config() if stored.parent_id else None,
            pending_writes=[
                (
                    write.task_id,
                    write.channel,
                    self._join(
                        stored,
                        write.channel,
                        self.codec.decode(write.channel, write.content),
                        write.references,
                    ),
                )
                for write in stored.writes
            ],
        )

    def body(self, content: Encoded) -> Checkpoint:
        """A checkpoint as it is without what its references stand for."""
        return cast(Checkpoint, self.codec.decode("checkpoint", content))

    def _encode_body(self, body: Checkpoint) -> Encoded:
        try:
            return self.codec.encode("checkpoint", body)
        except ValueNotStored:
            for channel, value in body["channel_values"].items():
                self.codec.encode(channel, value)  # raises with the name of the one at fault
            raise

    def _split(self, terms: Terms, channel: str, value: Any) -> tuple[Any, Sequence[NewPart]]:
        in_channel = terms.in_channels and channel != START
        try:
            kept, parts = splitting.split(value)
            return kept, [
                NewPart(
                    channel,
                    part.path,
                    part.form,
                    lane_of(channel, part, in_channel=in_channel),
                    self._elements(terms, channel, part.pieces),
                )
                for part in parts
            ]
        except RecursionError as error:
            raise ValueNotStored(channel, "it is nested too deeply, or contains itself") from error

    def _elements(self, terms: Terms, channel: str, pieces: Iterable[Any]) -> list[Element]:
        thread_id, trusting, allowance, _ = terms
        elements: list[Element] = []
        recall = self._memory.recall
        for piece in pieces:
            element = recall(piece)
            if element is None or not (
                (trusting and (shelf := element.shelf) is not None and shelf.thread_id == thread_id)
                or element.data is not None
            ):
                allowance.look_at(piece)
                element = self._new_element(channel, piece)
                allowance.take(len(element.data or b""))
            if element.media:
                elements += element.media
            elements.append(element)
        return elements

    def _new_element(self, channel: str, piece: Any) -> Element:
        if type(piece) is Pack:
            return self.codec.element(channel, list(piece), many=True)
        element = self.codec.element(channel, piece, many=False)
        if (snapshot := snapshots.attempt(piece)) is not None:
            self._memory.remember(piece, snapshot, element, element.size)
        return element

    def _join(
        self, stored: StoredCheckpoint, channel: str, kept: Any, references: Sequence[Reference]
    ) -> Any:
        return splitting.join(
            kept,
            (
                (path, form, self._values(stored, channel, spans))
                for _, path, form, spans in references
            ),
        )

    def _values(self, stored: StoredCheckpoint, channel: str, spans: Spans) -> list[Any]:
        values: list[Any] = []
        elements, remember = stored.elements, self._memory.remember
        media: list[Template] = []  # of the element that comes next
        for number in expand(spans):
            element = elements.get(number)
            if type(element) is Template:
                if element.element.type:
                    media.append(element)
                    continue
                value = element.copy()
                remember(value, element.snapshot, element.element, element.size)
                values.append(value)
            elif type(element) is StoredElement:
                if element.content.type.startswith(TYPE):
                    media.append(self._decode_medium(stored.shelf, channel, number, element))
                    continue
                values += self._decode(stored.shelf, channel, number, element, media)
            else:
                raise ValueNotRead(channel, f"element {number} of its thread is missing")
            media = []
        return values

    def _decode_medium(
        self, shelf: Shelf, channel: str, number: int, stored: StoredElement
    ) -> Template:
        data = self.codec.decode(channel, _inside(channel, stored))
        element = Element.stored(shelf, number, TYPE)
        medium = Template(data, snapshots.take(data), element, len(data))
        self.templates.keep(shelf, number, medium)
        return medium

    def _decode(
        self,
        shelf: Shelf,
        channel: str,
        number: int,
        stored: StoredElement,
        media: Sequence[Template],
    ) -> Sequence[Any]:
        content = _inside(channel, stored)
        if not media:
            value = self.codec.decode(channel, content)
        else:
            found = [medium.copy() for medium in media]
            value = self.codec.decode_with_media(channel, content, found)
        if stored.many:
            return cast(Sequence[Any], value)
        if (snapshot := snapshots.attempt(value)) is not None:
            element = Element.stored(shelf, number)
            element.media = tuple(medium.element for medium in media)
            size = len(content.data) + sum(medium.size for medium in media)
            self._memory.remember(value, snapshot, element, size)
            self.templates.keep(shelf, number, Template(value, snapshot, element, size))
        return (value,)


def _inside(channel: str, stored: StoredElement) -> Encoded:
    if stored.blob is not None:
        raise BlobMissing(
            channel,
            stored.blob,
            "is in a blob store and none is open: give open_checkpointer its URL as `blobs`",
        )
    return stored.content
