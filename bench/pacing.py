"""Bulk diagnosis against a service that throttles: ours beside the usual loop of 16 threads.

A stand-in answers DetectCustomLabels after 150 ms, from a token bucket that holds one second's
calls, one bucket to each run. Capacities stay, or step up and back every 100 s. Figures count from
the fifth second to the last answer; a lost image is one that got no answer. Five capacities run at
the same time, clients one after the other: 15 minutes. ``--quick`` steps every 45 s: 7 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

import rekognition_xray as rx

LATENCY: Final = 0.15
SKIP: Final = 5.0
ARN: Final = "arn:aws:rekognition:us-east-1:123456789012:project/chest/version/v1/1690556751958"
PROJECT: Final = "arn:aws:rekognition:us-east-1:123456789012:project/chest/1690556751000"
MODES: Final = ("ours", "standard", "adaptive")
CAPACITIES: Final = ("2.8", "5", "12.5", "25", "5-15-5")
ANSWER: Final = json.dumps(
    {"CustomLabels": [{"Name": name, "Confidence": 33.0} for name in ("normal", "viral")]}
).encode()
REFUSAL: Final = json.dumps(
    {"__type": "ProvisionedThroughputExceededException", "Message": "Provisioned Rate exceeded."}
).encode()


def stage(*, quick: bool) -> float:
    """Seconds of each of the three stages of a capacity that steps."""
    return 45.0 if quick else 100.0


def images_of(name: str, *, quick: bool) -> int:
    """How many images a run asks for: 500 or more, a minute or more; a quarter if it is quick."""
    if "-" in name:
        return int(sum(map(float, name.split("-"))) * stage(quick=quick))
    whole = max(520, int(60 * float(name)))
    return whole // 4 if quick else whole


def capacity(name: str, *, quick: bool) -> Callable[[float], float]:
    """Calls a second, by seconds since the first call."""
    rates = [float(part) for part in name.split("-")]
    return lambda now: rates[min(len(rates) - 1, int(now / stage(quick=quick)))]


# -- the stand-in ----------------------------------------------------------------------------------


class Bucket:
    """One run's token bucket, and the times of its calls."""

    def __init__(self, rate: Callable[[float], float]) -> None:
        self.rate = rate
        self.began = 0.0
        self.at = 0.0
        self.tokens = rate(0.0)
        self.calls: list[tuple[float, bool]] = []

    def takes(self) -> bool:
        self.began = self.began or time.monotonic()
        now = time.monotonic() - self.began
        rate = self.rate(now)
        self.tokens, self.at = min(rate, self.tokens + (now - self.at) * rate), now
        taken = self.tokens >= 1
        self.tokens -= taken
        self.calls.append((now, taken))
        return taken

    def figures(self) -> dict[str, float]:
        end = max((at for at, taken in self.calls if taken), default=SKIP)
        late = [taken for at, taken in self.calls if SKIP < at <= end]
        steps = int((end - SKIP) * 100)
        offered = sum(self.rate(SKIP + step / 100) for step in range(steps)) / 100
        return {
            "share": sum(late) / offered if offered else math.nan,
            "throttled": late.count(False) / len(late) if late else math.nan,
            "calls": len(self.calls),
            "per_second": sum(late) / (end - SKIP) if late else math.nan,
        }


async def serve(*, quick: bool) -> None:
    buckets: dict[str, Bucket] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                path = line.split()[1].decode().strip("/")
                size = 0
                while (header := await reader.readline()).strip():
                    if header.lower().startswith(b"content-length:"):
                        size = int(header.split(b":")[1])
                await reader.readexactly(size)
                status, body = await reply(path)
                head = f"HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\n"
                head += f"x-amzn-RequestId: r\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def reply(path: str) -> tuple[int, bytes]:
        if path.startswith("figures/"):
            return 200, json.dumps(buckets[path.removeprefix("figures/")].figures()).encode()
        name = path.rpartition("/")[2]
        taken = buckets.setdefault(path, Bucket(capacity(name, quick=quick))).takes()
        await asyncio.sleep(LATENCY)
        return (200, ANSWER) if taken else (400, REFUSAL)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


# -- the clients -----------------------------------------------------------------------------------


def image() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (96, 96), 90).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def ours(images: int) -> int:
    version = rx.ModelVersion(rx.Aws(), ARN, PROJECT)
    answers = rx.Diagnoser(version).diagnose_many(image() for _ in range(images))
    return images - sum(isinstance(answer, rx.Diagnosis) for answer in answers)


def usual_loop(images: int, mode: Any) -> int:
    config = Config(retries={"mode": mode}, max_pool_connections=16)
    client = boto3.client("rekognition", config=config)
    data = image()

    def ask(_: int) -> bool:
        try:
            client.detect_custom_labels(
                ProjectVersionArn=ARN, Image={"Bytes": data}, MinConfidence=0
            )
        except (ClientError, BotoCoreError):
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        return images - sum(pool.map(ask, range(images)))


def client(address: str, mode: str, name: str, images: int) -> subprocess.Popen[str]:
    environment = os.environ | {
        "AWS_ENDPOINT_URL_REKOGNITION": f"{address}/{mode}/{name}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, __file__, "--client", mode, "--images", str(images)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--client")
    parser.add_argument("--images", type=int)
    parser.add_argument("--only", choices=MODES)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(quick=given.quick))
    elif given.client:
        mode, images = given.client, given.images
        print(ours(images) if mode == "ours" else usual_loop(images, mode))
    else:
        compare([given.only] if given.only else list(MODES), quick=given.quick)


def compare(modes: list[str], *, quick: bool) -> None:
    command = [sys.executable, __file__, "--serve", *(["--quick"] if quick else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        print(f"{'client':<9} {'capacity':>8} {'images':>6} {'a second':>9} {'share of it':>12}"
              f" {'throttled':>10} {'lost':>5}", flush=True)  # fmt: skip
        try:
            for mode in modes:
                wanted = {name: images_of(name, quick=quick) for name in CAPACITIES}
                running = {
                    name: client(address, mode, name, images) for name, images in wanted.items()
                }
                for name, process in running.items():
                    lost = int(process.communicate()[0])
                    with urlopen(f"{address}/figures/{mode}/{name}") as told:
                        found = json.load(told)
                    print(f"{mode:<9} {name:>8} {wanted[name]:>6} {found['per_second']:>9.2f}"
                          f" {found['share']:>12.3f} {found['throttled']:>10.1%} {lost:>5}",
                          flush=True)  # fmt: skip
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
