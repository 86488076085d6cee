"""What ``diagnose`` adds to the raw boto3 call: one prepared image, an endpoint without latency.

A process on loopback answers DetectCustomLabels at once. Raw call and ``diagnose`` (with a policy)
take turns, so that whatever else the machine does meets both; each pair is one measurement. Both
clients have the same settings. Figures are medians of the pairs: of each side, and of the
differences. The last row is raw against raw: what the machine's own noise makes of such a figure.

``--bulk`` sets ``diagnose_many`` beside a pool of 64 threads that call boto3, in turn, with an
endpoint that answers after 50 ms and never throttles: calls a second, and processor time of a call.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from PIL import Image

import rekognition_xray as rx
from rekognition_xray.data.images import PreparedImage, prepare_image

ARN: Final = "arn:aws:rekognition:us-east-1:123456789012:project/chest/version/v1/1690556751958"
PROJECT: Final = "arn:aws:rekognition:us-east-1:123456789012:project/chest/1690556751000"
LABELS: Final = ("normal", "bacterial", "viral")
ANSWER: Final = json.dumps(
    {"CustomLabels": [{"Name": name, "Confidence": 33.0} for name in LABELS]}
).encode()


async def serve(latency: float) -> None:
    """Answers every request after so many seconds."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: r\r\n"
    reply = head + b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readline():
                size = 0
                while (header := await reader.readline()).strip():
                    if header.lower().startswith(b"content-length:"):
                        size = int(header.split(b":")[1])
                await reader.readexactly(size)
                if latency:
                    await asyncio.sleep(latency)
                writer.write(reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 24)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def image(side: int) -> PreparedImage:
    """Noise of so many pixels a side, as ``prepare`` makes it of a JPEG."""
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 30).save(buffer, "JPEG", quality=80)
    return prepare_image(buffer.getvalue())


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def pairs(
    first: Callable[[], object], second: Callable[[], object], count: int
) -> list[tuple[float, float]]:
    """Both in turn, each as often the first of its pair."""
    found = []
    for number in range(count):
        if number % 2:
            b, a = timed(second), timed(first)
        else:
            a, b = timed(first), timed(second)
        found.append((a, b))
    return found[count // 10 :]  # what is made at the first calls is no part of one


def tell(name: str, found: list[tuple[float, float]]) -> None:
    raw, ours = (statistics.median(side) for side in zip(*found, strict=True))
    added = statistics.median(b - a for a, b in found)
    print(
        f"{name:<24} {raw * 1e3:>8.3f} {ours * 1e3:>9.3f} {added * 1e6:>9.0f} {added / raw:>8.1%}"
    )


def compare(side: int, count: int) -> None:
    ready = image(side)
    version = rx.ModelVersion(rx.Aws(), ARN, PROJECT)
    diagnoser = rx.Diagnoser(version, rx.Policy(threshold=0.5))
    client = rx.Aws().rekognition

    def raw() -> object:
        return client.detect_custom_labels(
            ProjectVersionArn=ARN, Image={"Bytes": ready.data}, MinConfidence=0
        )

    def ours() -> object:
        return diagnoser.diagnose(ready)

    print(f"prepared image: {len(ready.data):,} bytes; {count} pairs, the first tenth left out")
    print(f"{'':<24} {'raw, ms':>8} {'other, ms':>9} {'added, us':>9} {'':>8}")
    gc.collect()
    gc.freeze()
    tell("diagnose() beside raw", pairs(raw, ours, count))
    tell("raw beside raw", pairs(raw, raw, count))


def bulk(count: int, rounds: int) -> None:
    """A pool of threads and ``diagnose_many`` in turn."""
    ready = image(96)
    diagnoser = rx.Diagnoser(rx.ModelVersion(rx.Aws(), ARN, PROJECT), rx.Policy(threshold=0.5))
    client = rx.Aws().rekognition

    def ask(_: int) -> object:
        return client.detect_custom_labels(
            ProjectVersionArn=ARN, Image={"Bytes": ready.data}, MinConfidence=0
        )

    def pool(count: int) -> int:
        with ThreadPoolExecutor(64) as threads:
            return sum(1 for _ in threads.map(ask, range(count)))

    def ours(count: int) -> int:
        answers = diagnoser.diagnose_many(ready for _ in range(count))
        return sum(isinstance(answer, rx.Diagnosis) for answer in answers)

    _ = pool(100), ours(100)  # clients and connections are made
    print(f"{count} images, {rounds} rounds, medians")
    rates: dict[str, list[float]] = {"pool of 64": [], "diagnose_many": []}
    costs: dict[str, list[float]] = {name: [] for name in rates}
    for _ in range(rounds):
        for name, work in (("pool of 64", pool), ("diagnose_many", ours)):
            began, spent = time.perf_counter(), time.process_time()
            assert work(count) == count
            rates[name].append(count / (time.perf_counter() - began))
            costs[name].append((time.process_time() - spent) / count)
    for name, found in rates.items():
        cost = statistics.median(costs[name])
        print(f"{name:<24} {statistics.median(found):>8.0f} a second {cost * 1e6:>9.0f} us a call")
    shares = [b / a for a, b in zip(*rates.values(), strict=True)]
    print(f"{'share of the pool':<24} {statistics.median(shares):>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--side", type=int, default=96, help="pixels a side of the image")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--bulk", action="store_true")
    parser.add_argument("--images", type=int, default=3000, help="of a bulk run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds, of a bulk run")
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.latency if given.bulk else 0.0))
        return
    with subprocess.Popen(
        [sys.executable, __file__, "--serve", *sys.argv[1:]], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        os.environ |= {
            "AWS_ENDPOINT_URL_REKOGNITION": f"http://127.0.0.1:{int(server.stdout.readline())}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }
        try:
            if given.bulk:
                bulk(given.images, given.rounds)
            else:
                compare(given.side, given.pairs)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
