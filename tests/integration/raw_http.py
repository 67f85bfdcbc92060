"""Raw sockets to an HTTP server, and a parser of answers that takes nothing for granted.

Only the standard library: a client library would repair, refuse or hide what these tests send."""
import socket
from dataclasses import dataclass, field


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes
    complete: bool = True
    interim: list = field(default_factory=list)  # statuses of 1xx answers before it


class Malformed(Exception):
    """What the server sent is not HTTP."""


class Connection:
    def __init__(self, port, host="127.0.0.1", timeout=10.0, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.buffer = b""
        self.eof = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_as_far_as_possible(self, data):
        """A server that has refused may close before it has everything."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def fill(self):
        """Reads once; False at the end."""
        if self.eof:
            return False
        data = self.socket.recv(65536)
        self.eof = data == b""
        self.buffer += data
        return not self.eof

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self.fill():
                raise EOFError(self.buffer)
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("latin-1")

    def exactly(self, n):
        """n bytes, or what there is before the end."""
        pieces, missing = [self.buffer[:n]], n - len(self.buffer)
        self.buffer = self.buffer[n:]
        while missing > 0 and not self.eof:
            data = self.socket.recv(min(missing, 1 << 20))
            self.eof = data == b""
            missing -= len(data)
            pieces.append(data)
        return b"".join(pieces)

    def head(self):
        version, status, _ = self.line().split(" ", 2)
        if version != "HTTP/1.1":
            raise Malformed(version)
        headers = {}
        while line := self.line():
            name, _, value = line.partition(":")
            if name.lower() in headers:
                raise Malformed("repeated " + name)
            headers[name.lower()] = value.strip(" \t")
        return int(status), headers

    def chunks(self):
        body = b""
        while size := int(self.line(), 16):
            data = self.exactly(size)
            body += data
            if len(data) < size or self.exactly(2) != b"\r\n":
                return body, False
        return body, self.line() == ""

    def answer(self, head_only=False):
        interim = []
        status, headers = self.head()
        while status < 200:
            interim.append(status)
            status, headers = self.head()
        if "content-length" in headers and "transfer-encoding" in headers:
            raise Malformed("Content-Length and Transfer-Encoding")
        if head_only or status in (204, 304):
            return Answer(status, headers, b"", True, interim)
        if "content-length" in headers:
            length = int(headers["content-length"])
            body = self.exactly(length)
            return Answer(status, headers, body, len(body) == length, interim)
        if headers.get("transfer-encoding") == "chunked":
            try:
                body, complete = self.chunks()
            except EOFError:
                body, complete = b"", False
            return Answer(status, headers, body, complete, interim)
        while self.fill():
            pass
        body, self.buffer = self.buffer, b""
        return Answer(status, headers, body, True, interim)

    def closed(self):
        """The server closes, and sends nothing more before."""
        try:
            while self.fill():
                pass
        except ConnectionResetError:
            pass
        return self.buffer == b""


def request(method, path, body=None, headers=(), version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def chunk(data, extension=b""):
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)
