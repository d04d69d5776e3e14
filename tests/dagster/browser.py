"""Headless Chromium through the W3C WebDriver protocol: open, wait, click, type, take a picture.

Belongs here: what a test of the UI needs of a browser, over plain HTTP to Debian's `chromedriver`. What is
clicked is the tests'.
"""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = "chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)"
SECONDS_TO_WAIT = 60
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
SIZE = (1600, 1000)
_ARGUMENTS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *(
        f"--window-size={SIZE[0]},{SIZE[1]}",
        "--force-color-profile=srgb",
        "--no-first-run",
        "--disable-background-networking",
    ),
]


class Browser:
    """One page. Every search waits until what is searched for is there."""

    def __init__(self, driver: str) -> None:
        self.driver = driver
        options = {"binary": CHROMIUM, "args": _ARGUMENTS}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        self.session = self._send("POST", "/session", wanted)["sessionId"]

    def open(self, url: str) -> None:
        """Go to `url`."""
        self._ask("POST", "/url", {"url": url})

    def resize(self, width: int, height: int) -> None:
        """Make the window another size."""
        self._ask("POST", "/window/rect", {"width": width, "height": height})

    def scroll_to(self, heading: str) -> None:
        """Bring the last element that says just `heading` to the top."""
        self.run(
            "const found = [...document.querySelectorAll('*')].filter(one => one.innerText === arguments[0]);"
            "found[found.length - 1].scrollIntoView()",
            heading,
        )
        time.sleep(0.5)

    def run(self, script: str, *arguments: object) -> Any:
        """What a script in the page returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, xpath: str, seconds: float = SECONDS_TO_WAIT) -> str:
        """The first visible element; an `AssertionError` with the page's text if there is none in time."""
        until = time.monotonic() + seconds
        while True:
            for found in self._ask("POST", "/elements", {"using": "xpath", "value": xpath}):
                if self._of(found[_ELEMENT], "displayed"):
                    return str(found[_ELEMENT])
            self._in_time(until, xpath)
            time.sleep(0.25)

    def click(self, xpath: str, until: str | None = None) -> None:
        """Click an element, again while another one covers it, it is redrawn, or `until` is not there."""
        last = time.monotonic() + SECONDS_TO_WAIT
        while True:
            try:
                self._ask("POST", f"/element/{self.find(xpath)}/click", {})
                if until is not None:
                    self.find(until, 5)
            except (urllib.error.HTTPError, AssertionError):
                if time.monotonic() > last:
                    raise
                time.sleep(0.25)
            else:
                return

    def type(self, xpath: str, text: str) -> None:
        """Replace what stands in a field."""
        element = self.find(xpath)
        control, key_a, null = "\ue009", "a", "\ue000"
        self._ask("POST", f"/element/{element}/value", {"text": f"{control}{key_a}{null}{text}"})

    def text(self) -> str:
        """What the page says."""
        return str(self.run("return document.body.innerText"))

    def wait_for(self, text: str, seconds: float = SECONDS_TO_WAIT, *, gone: bool = False) -> None:
        """Wait until the page says `text`, or no longer says it."""
        until = time.monotonic() + seconds
        while (text in self.text()) == gone:
            self._in_time(until, text)
            time.sleep(0.25)

    def _in_time(self, until: float, wanted: str) -> None:
        if time.monotonic() > until:
            raise AssertionError(f"{wanted!r} is not on {self.run('return location.href')}:\n{self.text()[-3000:]}")

    def picture(self, file: Path) -> None:
        """Save what is visible as PNG, once its icons are there."""
        time.sleep(1)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", "")

    def _of(self, element: str, what: str) -> Any:
        try:
            return self._ask("GET", f"/element/{element}/{what}")
        except urllib.error.HTTPError:  # it was redrawn meanwhile
            return None

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return self._send(method, f"/session/{self.session}{path}", body)

    def _send(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.driver + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own, ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as driver:
        try:
            page = _started(f"http://127.0.0.1:{port}")
            try:
                yield page
            finally:
                page.close()
        finally:
            driver.terminate()


def _started(driver: str) -> Browser:
    until = time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            return Browser(driver)
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.25)
