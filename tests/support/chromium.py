"""A headless Chromium that tests talk to through its DevTools pipe; nothing is downloaded.

Chromium comes from ``$CHROMIUM`` or the path. The pipe needs no driver program beside it.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 60.0
_KEYS = {
    "Tab": 9,
    "Enter": 13,
    "ArrowLeft": 37,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "End": 35,
    "Home": 36,
    " ": 32,
}
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # refuses to start as root with it; it opens nothing but our own pages
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-first-run",
    "--remote-debugging-pipe",
)


class Browser:
    """One Chromium; sends commands of the DevTools protocol and keeps the events."""

    def __init__(self, program: str, profile: Path):
        from_browser, to_us = os.pipe()
        from_us, to_browser = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (from_us, to_us)]
        arguments = [program, *_SWITCHES, f"--user-data-dir={profile}", "about:blank"]
        actions = [
            (os.POSIX_SPAWN_DUP2, ends[0], 3),
            (os.POSIX_SPAWN_DUP2, ends[1], 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(profile / "stderr"), os.O_WRONLY | os.O_CREAT, 0o600),
        ]
        self._said = profile / "stderr"
        self._pid = os.posix_spawn(program, arguments, os.environ, file_actions=actions)
        for end in (from_us, to_us, *ends):
            os.close(end)
        self._read, self._write = from_browser, to_browser
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, session: str | None = None, **parameters: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while True:
            answer = self._next(end)
            if answer.get("id") != self._number:
                self.events.append(answer)
                continue
            assert "error" not in answer, f"{method}: {answer['error']}"
            return answer["result"]

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._read, 1 << 20) if ready else b""
            if not piece:
                said = self._said.read_text(errors="replace")[-2000:]
                pytest.fail(f"Chromium does not answer; it said:\n{said}")
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def wait_for(self, method: str, session: str) -> None:
        end = time.monotonic() + _SECONDS
        while not any(
            event.get("method") == method and event.get("sessionId") == session
            for event in self.events
        ):
            self.events.append(self._next(end))

    def tab(self, path: Path | str, **look: Any) -> Tab:
        return Tab(self, path, **look)

    def close(self) -> None:
        self.send("Browser.close")
        end = time.monotonic() + 10
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                break
            select.select([self._read], [], [], 0.1)
        os.close(self._read)
        os.close(self._write)


class Tab:
    """A page, by its file or its address, looked at in one way."""

    def __init__(
        self,
        browser: Browser,
        path: Path | str,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: str = "light",
        media: str = "screen",
        script: bool = True,
    ):
        self._browser = browser
        self._target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.send("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        for part in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{part}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        self.send("Emulation.setDeviceMetricsOverride", **size, mobile=width < 600)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        features.append({"name": "prefers-reduced-motion", "value": "reduce"})
        self.send("Emulation.setEmulatedMedia", media=media, features=features)
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        self.send("Page.navigate", url=path if isinstance(path, str) else path.as_uri())
        browser.wait_for("Page.loadEventFired", self._session)

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        return self._browser.send(method, self._session, **parameters)

    def js(self, expression: str) -> Any:
        """The value of an expression, which may be a promise."""
        output = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in output, output["exceptionDetails"]
        return output["result"].get("value")

    def press(self, key: str) -> None:
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"key": key, "code": "Space" if key == " " else key, "text": text}
        code["windowsVirtualKeyCode"] = _KEYS[key] if key in _KEYS else ord(key.upper())
        self.send("Input.dispatchKeyEvent", type="keyDown", **code)
        self.send("Input.dispatchKeyEvent", type="keyUp", **(code | {"text": ""}))

    def choose(self, name: str, value: str) -> None:
        """Sets a control of the filters as a person would, and lets the page know."""
        self.js(
            f"""(() => {{
                const form = document.getElementById("filters");
                form.elements.namedItem({json.dumps(name)}).value = {json.dumps(value)};
                form.dispatchEvent(new Event("input", {{ bubbles: true }}));
            }})()"""
        )

    def screenshot(self, path: Path, *, top: float = 0, height: float | None = None) -> Path:
        box = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": top, "width": box["width"], "scale": 1}
        clip["height"] = min(height or box["height"], box["height"] - top)
        taken = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(taken["data"]))
        return path

    def happened(self, *methods: str) -> list[dict[str, Any]]:
        """The events of these kinds so far, without their names."""
        self.js("new Promise((done) => setTimeout(done))")
        return [
            event["params"]
            for event in self._browser.events
            if event.get("sessionId") == self._session and event["method"] in methods
        ]

    @property
    def errors(self) -> list[str]:
        """What the console complains about: exceptions, refused parts, errors."""
        found = [str(each) for each in self.happened("Runtime.exceptionThrown", "Log.entryAdded")]
        called = self.happened("Runtime.consoleAPICalled")
        return found + [str(each) for each in called if each["type"] in {"error", "warning"}]

    @property
    def requested(self) -> list[str]:
        """Addresses that the page asked for, itself included."""
        return [each["request"]["url"] for each in self.happened("Network.requestWillBeSent")]

    def text(self) -> str:
        """The text as shown, also where the page's own script is switched off."""
        self.send("Emulation.setScriptExecutionDisabled", value=False)
        return str(self.js("document.body.innerText"))

    def pdf(self) -> bytes:
        """The page as it would be printed."""
        return base64.b64decode(self.send("Page.printToPDF", printBackground=True)["data"])

    def close(self) -> None:
        self._browser.send("Target.closeTarget", targetId=self._target)


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Chromium; the test that asks is skipped by name where there is none."""
    wanted = os.environ.get("CHROMIUM")
    found = map(shutil.which, (wanted,) if wanted else _NAMES)
    program = next(filter(None, found), None)
    if program is None:
        pytest.skip(f"no Chromium: {wanted or ', '.join(_NAMES)} not found (set CHROMIUM)")
    started = Browser(program, profile)
    yield started
    started.close()
