"""What a reader that waits costs: the memory of the service for each open stream of a silent run.

python benchmarks/readers.py [--readers 2000]
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

PROJECT = Path(__file__).parents[1] / "tests" / "projects" / "plain" / "langgraph.json"
PORT = 8219
URL = f"http://127.0.0.1:{PORT}"


def serve(folder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "graphwright", "serve", "--port", str(PORT)]
    command += ["--config", str(PROJECT), "--data-dir", folder]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def resident(pid: int) -> int:
    """Bytes of memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def seconds(pid: int) -> float:
    """Time on a core, the kernel's included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until_ready(client: httpx.AsyncClient) -> None:
    for _ in range(300):
        try:
            if (await client.get("/ok")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise SystemExit("the service did not start")


async def join(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: -1\r\n\r\n".encode())
    await reader.readuntil(b"event: metadata")
    return reader, writer


async def measure(pid: int, count: int) -> float:
    async with httpx.AsyncClient(base_url=URL) as client:
        await until_ready(client)
        thread = (await client.post("/threads", json={})).json()["thread_id"]
        body = {"assistant_id": "stages", "input": {"pause": 600}}
        run = (await client.post(f"/threads/{thread}/runs", json=body)).json()["run_id"]
        path = f"/threads/{thread}/runs/{run}/stream"
        warm = [await join(path) for _ in range(20)]
        before = resident(pid)
        readers = [await join(path) for _ in range(count)]
        await asyncio.sleep(6)  # a heartbeat each
        after = resident(pid)
        cpu = seconds(pid)
        await asyncio.sleep(5)
        busy = (seconds(pid) - cpu) / 5
        for _, writer in [*warm, *readers]:
            writer.close()
    each = (after - before) / count / 1000
    print(f"{count} readers: {each:.1f} kB each (bound: 20), {busy:.1%} of a core for heartbeats")
    return each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=2000)
    count = parser.parse_args().readers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * count + 200)), hard))
    with tempfile.TemporaryDirectory() as folder:
        process = serve(folder)
        try:
            asyncio.run(measure(process.pid, count))
            print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
