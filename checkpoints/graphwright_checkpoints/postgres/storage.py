"""Every statement about what threads keep and how much room it takes."""

from collections.abc import Collection

from graphwright_checkpoints.postgres.names import escape, hash_of, unescape
from graphwright_checkpoints.postgres.pools import Statement, Work
from graphwright_checkpoints.records import Address, decode_references
from graphwright_checkpoints.spans import Spans
from graphwright_checkpoints.storage import Amount, Outline, Usage, weigh

CHECKPOINT_SIZE = "length(body) + octet_length(metadata) + coalesce(length(refs), 0)"
WRITE_SIZE = "length(value) + coalesce(length(refs), 0)"
THREADS = """
    SELECT thread_id FROM graphwright_checkpoint_threads
    WHERE id_hash IS NOT NULL AND thread_id > %s ORDER BY thread_id LIMIT %s
"""
OUTLINE = f"""
    SELECT c.checkpoint_ns, c.checkpoint_id, parent_checkpoint_id, metadata,
        {CHECKPOINT_SIZE} + coalesce(w.size, 0), p.thread IS NOT NULL
    FROM graphwright_checkpoint_threads
    JOIN graphwright_checkpoints c ON c.thread = key
    LEFT JOIN (
        SELECT thread, checkpoint_ns, checkpoint_id, sum({WRITE_SIZE})::bigint AS size
        FROM graphwright_checkpoint_writes GROUP BY thread, checkpoint_ns, checkpoint_id
    ) w USING (thread, checkpoint_ns, checkpoint_id)
    LEFT JOIN graphwright_checkpoint_pins p USING (thread, checkpoint_ns, checkpoint_id)
    WHERE id_hash = %b ORDER BY c.checkpoint_ns, c.checkpoint_id
"""
COUNT = """
    SELECT count(*), coalesce(sum({}), 0)::bigint FROM {} JOIN graphwright_checkpoint_threads
        ON key = thread WHERE id_hash = %b
"""
ENDS = """
    SELECT min(checkpoint_id), max(checkpoint_id) FROM graphwright_checkpoints
    JOIN graphwright_checkpoint_threads ON key = thread WHERE id_hash = %b
"""
WEIGHTS = """
    SELECT number, length(data) FROM graphwright_checkpoint_elements
    JOIN graphwright_checkpoint_threads ON key = thread WHERE id_hash = %b
"""
REFERENCES = """
    SELECT checkpoint_ns, checkpoint_id, refs FROM {} JOIN graphwright_checkpoint_threads
        ON key = thread WHERE id_hash = %b AND refs IS NOT NULL
"""
PIN = """
    INSERT INTO graphwright_checkpoint_pins
    SELECT thread, checkpoint_ns, checkpoint_id FROM graphwright_checkpoints
    JOIN graphwright_checkpoint_threads ON key = thread
    WHERE id_hash = %b AND checkpoint_ns = %s AND checkpoint_id = %s
    ON CONFLICT (thread, checkpoint_ns, checkpoint_id) DO UPDATE SET thread = excluded.thread
    RETURNING 1
"""
UNPIN = """
    DELETE FROM graphwright_checkpoint_pins USING graphwright_checkpoint_threads
    WHERE key = thread AND id_hash = %b AND checkpoint_ns = %s AND checkpoint_id = %s RETURNING 1
"""

CHECKPOINTS = "graphwright_checkpoints"
WRITES = "graphwright_checkpoint_writes"
ELEMENTS = "graphwright_checkpoint_elements"


def select_threads(after: str, limit: int) -> Work[list[str]]:
    """Ids of threads, in their order, that come after one."""
    rows = yield Statement(THREADS, (escape(after), limit))
    return [unescape(thread_id) for (thread_id,) in rows]


def select_outline(thread_id: str) -> Work[list[Outline]]:
    """A thread's checkpoints, by namespace, oldest first."""
    rows = yield Statement(OUTLINE, (hash_of(thread_id),))
    return [
        Outline(
            Address(thread_id, unescape(checkpoint_ns), unescape(checkpoint_id)),
            parent_id and unescape(parent_id),
            metadata,
            size,
            pinned,
        )
        for checkpoint_ns, checkpoint_id, parent_id, metadata, size, pinned in rows
    ]


def select_usage(thread_id: str) -> Work[Usage]:
    """What a thread takes; nothing, if there is none of that name."""
    who = (hash_of(thread_id),)
    (checkpoints,) = yield Statement(COUNT.format(CHECKPOINT_SIZE, CHECKPOINTS), who)
    (writes,) = yield Statement(COUNT.format(WRITE_SIZE, WRITES), who)
    (elements,) = yield Statement(COUNT.format("length(data)", ELEMENTS), who)
    (ends,) = yield Statement(ENDS, who)
    oldest, newest = (end and unescape(end) for end in ends)
    return Usage(Amount(*checkpoints), Amount(*writes), Amount(*elements), oldest, newest)


def select_elements(thread_id: str, without: Collection[Address]) -> Work[dict[str, Amount]]:
    """The elements of each channel, and their bytes, if some checkpoints were not there."""
    who = (hash_of(thread_id),)
    rows = yield Statement(WEIGHTS, who)
    weights = {number: size for number, size in rows}
    used: dict[str, list[Spans]] = {}
    for table in (CHECKPOINTS, WRITES):
        rows = yield Statement(REFERENCES.format(table), who)
        for checkpoint_ns, checkpoint_id, refs in rows:
            place = Address(thread_id, unescape(checkpoint_ns), unescape(checkpoint_id))
            for reference in () if place in without else decode_references(refs):
                used.setdefault(reference.channel, []).append(reference.spans)
    return weigh(used, weights)


def pin(address: Address, pinned: bool) -> Work[bool]:
    """Pin a checkpoint, or let it go; False if there is none."""
    place = (hash_of(address.thread_id), *map(escape, address[1:]))
    rows = yield Statement(PIN if pinned else UNPIN, place)
    return bool(rows)
