"""A real Chromium, driven over a pipe by the DevTools protocol; the standard library is enough."""
import base64
import fcntl
import itertools
import json
import os
import select
import subprocess
import tempfile
import time

MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}
KEYS = {"Enter": 13, "Tab": 9, "Escape": 27, "a": 65}
ANSWER_SECONDS = 60


def high_pipe():
    """A pipe above 3 and 4, which the browser's ends become."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20) for fd in low)
    for fd in low:
        os.close(fd)
    return high


class Browser:
    """Context: entered, there is one page; left, the browser is gone."""

    def __init__(self, program="chromium"):
        self.program = program
        self.folder = tempfile.TemporaryDirectory(prefix="retort-browser-")
        self.numbers = itertools.count(1)
        self.bytes = b""
        self.events = []
        self.session = None

    def __enter__(self):
        theirs_in, self.to = high_pipe()
        self.from_, theirs_out = high_pipe()
        # The protocol's two ends are descriptors 3 and 4. A browser that root starts cannot use its own
        # sandbox; it opens only our page.
        command = [self.program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   "--disable-background-networking", "--remote-debugging-pipe",
                   f"--user-data-dir={self.folder.name}", "--window-size=1280,900", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", *command],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.from_)
        self.folder.cleanup()

    # ---- the protocol ----
    def _message(self, end):
        while b"\0" not in self.bytes:
            if not select.select([self.from_], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self.from_, 1 << 20)
            if not part:
                raise EOFError("the browser has ended")
            self.bytes += part
        message, self.bytes = self.bytes.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        number = next(self.numbers)
        request = {"id": number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + ANSWER_SECONDS
        while True:
            message = self._message(end)
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    # ---- what a person does ----
    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, seconds=ANSWER_SECONDS):
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {expression}\n{self.text('body')}")
            time.sleep(0.02)
        return value

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    def click(self, selector):
        box = self.evaluate(f"""(() => {{
            const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left",
                      clickCount=1)

    def press(self, key, *modifiers, commands=()):
        held = sum(MODIFIERS[name] for name in modifiers)
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=held,
                      code=key if len(key) > 1 else f"Key{key.upper()}",
                      windowsVirtualKeyCode=KEYS[key], commands=list(commands))

    def type_over(self, selector, text):
        """Clicks into a field, selects what is in it, and types."""
        self.click(selector)
        self.press("a", "Control", commands=["selectAll"])
        self.call("Input.insertText", text=text)

    def choose(self, selector, value):
        self.evaluate(f"""(() => {{
            const list = document.querySelector({json.dumps(selector)});
            list.value = {json.dumps(value)};
            list.dispatchEvent(new Event("change", {{ bubbles: true }})); }})()""")

    def screenshot(self, path):
        image = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(image))

    def complaints(self):
        """What the page said on its console, and what it did not catch (policy violations too)."""
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"].get("text", "exception"))
            elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(params["entry"]["text"])
        return found
