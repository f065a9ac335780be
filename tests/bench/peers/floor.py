"""Peer (c), the floor: isal inflate, simdjson parse and pyarrow's Parquet write alone, two processes.

Nothing is taken out of the parsed text: the columns it writes (those CloudTrail names, zstd level 1) lie ready in
Arrow files that `prepare` made and that are mapped into memory. No program that goes this way can be faster.
"""

from __future__ import annotations

from pathlib import Path

LETTER = "c"
TITLE = "floor: isal + simdjson + Parquet write"
NEEDS: tuple[str, ...] = ("simdjson", "isal", "pyarrow")
GIVES = "*.parquet"
_READY = "ready"
_PROCESSES = 2
_OBJECTS_A_FILE = 64


def prepare(logs: Path, out: Path) -> None:
    """The columns of every object as an Arrow file, in the folder beside the output."""
    import pyarrow as pa

    from pipeline.records.decode import inflate
    from pipeline.records.normalize import Builder, add_object
    from pipeline.records.schema import RECORD

    folder = out.parent / _READY
    folder.mkdir(parents=True)
    for number, path in enumerate(_objects(logs)):
        builder = Builder()
        for _ in add_object(builder, 0, inflate(path.read_bytes(), 1 << 30)):
            pass
        columns = builder.build().events.select(RECORD.names)
        with pa.ipc.new_file(folder / f"{number}.arrow", columns.schema) as file:
            file.write_table(columns)


def run(logs: Path, out: Path) -> None:
    """Every second object in this process, the others in a child."""
    import multiprocessing

    out.mkdir(parents=True, exist_ok=True)
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=_share, args=(logs, out, number)) for number in range(1, _PROCESSES)]
    for child in children:
        child.start()
    _share(logs, out, 0)
    for child in children:
        child.join()
        if child.exitcode:
            raise SystemExit(child.exitcode)


def _share(logs: Path, out: Path, process: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import simdjson
    from isal import isal_zlib

    from pipeline.records.schema import RECORD

    pa.set_cpu_count(1)
    parser = simdjson.Parser()
    mine = list(enumerate(_objects(logs)))[process::_PROCESSES]
    with pq.ParquetWriter(out / f"{process}.parquet", RECORD, compression="zstd", compression_level=1) as writer:
        ready: list[pa.Table] = []
        for number, path in mine:
            parser.parse(isal_zlib.decompress(path.read_bytes(), wbits=31))
            with pa.memory_map(str(out.parent / _READY / f"{number}.arrow")) as file:
                ready.append(pa.ipc.open_file(file).read_all())
            if len(ready) == _OBJECTS_A_FILE or number == mine[-1][0]:
                writer.write_table(pa.concat_tables(ready))
                ready.clear()


def _objects(logs: Path) -> list[Path]:
    return sorted(logs.rglob("*.json.gz"))
