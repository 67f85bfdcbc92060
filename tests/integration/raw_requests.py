"""Requests that a strict server must refuse, and some it must take, as raw bytes.

Each row is the beginning of a connection. `rule` is the rule of the hardening list that it is about;
the others are RFC 9112 and RFC 9110 by section. After a row that closes, the test sends one more,
harmless request on the same connection, which must not be answered (H11): that is the request a
smuggler would have hidden. After a row that does not close it must be answered.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Raw:
    id: str
    rule: str
    data: bytes
    status: int
    closes: bool = True


def get(fields=b"", line=b"GET /-/live HTTP/1.1", host=b"Host: localhost\r\n"):
    return line + b"\r\n" + host + fields + b"\r\n"


def post(fields, body=b"", path=b"/compile", version=b"HTTP/1.1"):
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    return b"POST " + path + b" " + version + b"\r\nHost: localhost\r\n" + form + fields + b"\r\n" + body


def chunked(body, path=b"/compile"):
    return post(b"Transfer-Encoding: chunked\r\n", body, path)


HIDDEN = b"GET /-/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
OK = b"5\r\ncode=\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: chunked\r\n"

REQUESTS = [
    # ---- taken: what the refusals below must not be confused with
    Raw("plain-get", "RFC 9112 3", get(), 200, False),
    Raw("empty-line-first", "RFC 9112 2.2", b"\r\n" + get(), 200, False),
    Raw("http-1.0-without-host", "RFC 9112 3.2", b"GET /-/live HTTP/1.0\r\n\r\n", 200, True),
    Raw("absolute-form-same-host", "H4", get(line=b"GET http://localhost/-/live HTTP/1.1"), 200, False),
    Raw("ows-around-value", "RFC 9112 5", get(b"X-A: \t b \t\r\nX-Empty:\r\n"), 200, False),
    Raw("options-asterisk", "RFC 9110 9.3.7", get(line=b"OPTIONS * HTTP/1.1"), 204, False),
    Raw("options-known-path", "RFC 9110 9.3.7", get(line=b"OPTIONS /-/live HTTP/1.1"), 204, False),
    Raw("unknown-path", "RFC 9110 15.5.5", get(line=b"GET /no/such/path HTTP/1.1"), 404, False),
    Raw("known-path-other-method", "RFC 9110 15.5.6", get(line=b"DELETE /-/live HTTP/1.1"), 405, False),

    # ---- H1: Content-Length
    Raw("cl-and-te", "H1", post(b"Content-Length: 5\r\n" + TE, OK), 400),
    Raw("te-and-cl", "H1", post(TE + b"Content-Length: 5\r\n", OK), 400),
    Raw("cl-te-smuggle", "H1", post(b"Content-Length: 6\r\n" + TE, b"0\r\n\r\nG"), 400),
    Raw("te-cl-smuggle", "H1", post(b"Content-Length: 4\r\n" + TE, b"5c\r\n" + HIDDEN + b"0\r\n\r\n"), 400),
    Raw("cl-and-unknown-te", "H1", post(b"Content-Length: 5\r\nTransfer-Encoding: x\r\n", b"code="), 400),
    Raw("cl-twice-same", "H1", post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"code="), 400),
    Raw("cl-twice-different", "H1", post(b"Content-Length: 5\r\nContent-Length: 0\r\n", b"code="), 400),
    Raw("cl-twice-other-case", "H1", post(b"Content-Length: 0\r\nCONTENT-LENGTH: 5\r\n", b"code="), 400),
    Raw("cl-list-same", "H1", post(b"Content-Length: 5, 5\r\n", b"code="), 400),
    Raw("cl-list-different", "H1", post(b"Content-Length: 5, 6\r\n", b"code="), 400),
    Raw("cl-plus", "H1", post(b"Content-Length: +5\r\n", b"code="), 400),
    Raw("cl-minus", "H1", post(b"Content-Length: -5\r\n", b"code="), 400),
    Raw("cl-minus-zero", "H1", post(b"Content-Length: -0\r\n"), 400),
    Raw("cl-hex", "H1", post(b"Content-Length: 0x5\r\n", b"code="), 400),
    Raw("cl-octal-looking", "H1", post(b"Content-Length: 005\r\n", b"code="), 400),
    Raw("cl-fraction", "H1", post(b"Content-Length: 5.0\r\n", b"code="), 400),
    Raw("cl-exponent", "H1", post(b"Content-Length: 5e0\r\n", b"code="), 400),
    Raw("cl-space-inside", "H1", post(b"Content-Length: 1 0\r\n", b"code="), 400),
    Raw("cl-underscore", "H1", post(b"Content-Length: 1_0\r\n", b"code="), 400),
    Raw("cl-quoted", "H1", post(b"Content-Length: \"5\"\r\n", b"code="), 400),
    Raw("cl-empty", "H1", post(b"Content-Length: \r\n", b"code="), 400),
    Raw("cl-word", "H1", post(b"Content-Length: five\r\n", b"code="), 400),
    Raw("cl-2-to-63", "H1", post(b"Content-Length: 9223372036854775808\r\n"), 400),
    Raw("cl-2-to-64-plus-5", "H1", post(b"Content-Length: 18446744073709551621\r\n", b"code="), 400),
    Raw("cl-vertical-tab", "H1", post(b"Content-Length: \x0b5\r\n", b"code="), 400),
    Raw("cl-on-get-is-a-body", "H1", get(b"Content-Length: 0\r\nContent-Length: 44\r\n") + HIDDEN, 400),

    # ---- H2: Transfer-Encoding
    Raw("te-xchunked", "H2", post(b"Transfer-Encoding: xchunked\r\n", OK), 400),
    Raw("te-chunked-identity", "H2", post(b"Transfer-Encoding: chunked, identity\r\n", OK), 400),
    Raw("te-identity", "H2", post(b"Transfer-Encoding: identity\r\n", OK), 400),
    Raw("te-gzip-chunked", "H2", post(b"Transfer-Encoding: gzip, chunked\r\n", OK), 400),
    Raw("te-chunked-chunked", "H2", post(b"Transfer-Encoding: chunked, chunked\r\n", OK), 400),
    Raw("te-twice", "H2", post(TE + TE, OK), 400),
    Raw("te-twice-hidden", "H2", post(TE + b"Transfer-encoding: cow\r\n", OK), 400),
    Raw("te-vertical-tab", "H2", post(b"Transfer-Encoding: \x0bchunked\r\n", OK), 400),
    Raw("te-form-feed-after", "H2", post(b"Transfer-Encoding: chunked\x0c\r\n", OK), 400),
    Raw("te-nul", "H2", post(b"Transfer-Encoding: chunked\x00\r\n", OK), 400),
    Raw("te-quoted", "H2", post(b"Transfer-Encoding: \"chunked\"\r\n", OK), 400),
    Raw("te-comma-first", "H2", post(b"Transfer-Encoding: ,chunked\r\n", OK), 400),
    Raw("te-parameter", "H2", post(b"Transfer-Encoding: chunked;q=1\r\n", OK), 400),
    Raw("te-folded", "H2", post(b"Transfer-Encoding:\r\n chunked\r\n", OK), 400),
    Raw("te-empty", "H2", post(b"Transfer-Encoding:\r\n", OK), 400),
    Raw("te-high-byte", "H2", post(b"Transfer-Encoding: \xa0chunked\r\n", OK), 400),
    Raw("te-in-1.0", "H2", post(TE, OK, version=b"HTTP/1.0"), 400),
    Raw("te-in-1.0-keep-alive", "H2", post(TE + b"Connection: keep-alive\r\n", OK, version=b"HTTP/1.0"), 400),

    # ---- H3: bytes and lines
    Raw("lf-request-line", "H3", b"GET /-/live HTTP/1.1\nHost: localhost\r\n\r\n", 400),
    Raw("lf-everywhere", "H3", b"GET /-/live HTTP/1.1\nHost: localhost\n\n", 400),
    Raw("lf-in-fields", "H3", get(b"X: a\nContent-Length: 44\r\n"), 400),
    Raw("lf-at-the-end", "H3", b"GET /-/live HTTP/1.1\r\nHost: localhost\r\n\n", 400),
    Raw("cr-in-value", "H3", get(b"X: a\rContent-Length: 44\r\n"), 400),
    Raw("cr-cr-lf", "H3", get(b"X: a\r\r\n"), 400),
    Raw("cr-in-request-line", "H3", get(line=b"GET /-/live\rHTTP/1.1"), 400),
    Raw("nul-in-value", "H3", get(b"X: a\x00b\r\n"), 400),
    Raw("nul-in-name", "H3", get(b"X\x00: a\r\n"), 400),
    Raw("nul-in-target", "H3", get(line=b"GET /-/live\x00 HTTP/1.1"), 400),
    Raw("obs-fold-space", "H3", get(b"X: a\r\n b\r\n"), 400),
    Raw("obs-fold-tab", "H3", get(b"X: a\r\n\tb\r\n"), 400),
    Raw("space-before-colon", "H3", post(b"Content-Length : 5\r\n", b"code="), 400),
    Raw("tab-before-colon", "H3", post(b"Transfer-Encoding\t: chunked\r\n", OK), 400),
    Raw("space-before-first-field", "H3", b"GET /-/live HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    Raw("space-only-line", "H3", b"GET /-/live HTTP/1.1\r\n \r\nHost: localhost\r\n\r\n", 400),
    Raw("empty-name", "H3", get(b": a\r\n"), 400),
    Raw("no-colon", "H3", get(b"X\r\n"), 400),
    Raw("name-not-token", "H3", get(b"X/Y: a\r\n"), 400),
    Raw("name-high-byte", "H3", get(b"X\xc3\xa9: a\r\n"), 400),
    Raw("del-in-value", "H3", get(b"X: a\x7f\r\n"), 400),

    # ---- H4: whose host
    Raw("host-missing", "H4", get(host=b""), 400),
    Raw("host-twice-same", "H4", get(b"Host: localhost\r\n"), 400),
    Raw("host-twice-different", "H4", get(b"Host: evil.example\r\n"), 400),
    Raw("host-empty", "H4", get(host=b"Host:\r\n"), 400),
    Raw("host-space", "H4", get(host=b"Host: localhost evil.example\r\n"), 400),
    Raw("host-list", "H4", get(host=b"Host: localhost, evil.example\r\n"), 400),
    Raw("host-userinfo", "H4", get(host=b"Host: evil.example@localhost\r\n"), 400),
    Raw("host-path", "H4", get(host=b"Host: localhost/x\r\n"), 400),
    Raw("host-port-word", "H4", get(host=b"Host: localhost:http\r\n"), 400),
    Raw("host-port-65536", "H4", get(host=b"Host: localhost:65536\r\n"), 400),
    Raw("host-percent", "H4", get(host=b"Host: local%68ost\r\n"), 400),
    Raw("host-bad-ipv6", "H4", get(host=b"Host: [::1\r\n"), 400),
    Raw("absolute-form-other-host", "H4", get(line=b"GET http://evil.example/-/live HTTP/1.1"), 400),
    Raw("absolute-form-other-port", "H4", get(line=b"GET http://localhost:81/-/live HTTP/1.1"), 400),
    Raw("absolute-form-userinfo", "H4", get(line=b"GET http://a@localhost/-/live HTTP/1.1"), 400),
    Raw("host-of-a-stranger", "H35", get(host=b"Host: evil.example\r\n"), 421),
    Raw("host-looks-like-loopback", "H35", get(host=b"Host: localhost.evil.example\r\n"), 421),
    Raw("absolute-form-stranger", "H35",
        get(line=b"GET http://evil.example/ HTTP/1.1", host=b"Host: evil.example\r\n"), 421),

    # ---- H5: sizes of the head
    Raw("request-line-too-long", "H5", get(line=b"GET /" + b"a" * 8192 + b" HTTP/1.1"), 414),
    Raw("request-line-without-end", "H5", b"GET /" + b"a" * 20000, 414),
    Raw("query-too-long", "H5", get(line=b"GET /-/live?" + b"a" * 8192 + b" HTTP/1.1"), 414),
    Raw("one-field-too-large", "H5", get(b"X: " + b"a" * 33000 + b"\r\n"), 431),
    Raw("fields-too-large", "H5", get(b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(40))), 431),
    Raw("field-without-end", "H5", b"GET /-/live HTTP/1.1\r\nX: " + b"a" * 40000, 431),
    Raw("too-many-fields", "H5", get(b"".join(b"X-%d: a\r\n" % i for i in range(100))), 431),
    Raw("as-many-fields-as-allowed", "H5", get(b"".join(b"X-%d: a\r\n" % i for i in range(99))), 200, False),

    # ---- H6: chunks
    Raw("chunk-size-17-digits", "H6", chunked(b"00000000000000005\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-negative", "H6", chunked(b"-5\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-plus", "H6", chunked(b"+5\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-0x", "H6", chunked(b"0x5\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-underscore", "H6", chunked(b"0_5\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-space-after", "H6", chunked(b"5 \r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-space-before", "H6", chunked(b" 5\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-missing", "H6", chunked(b"\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-not-hex", "H6", chunked(b"g\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-lf", "H6", chunked(b"5\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-size-cr-only", "H6", chunked(b"5\rXcode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-ext-257", "H6", chunked(b"5;" + b"a" * 257 + b"\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-ext-lf", "H6", chunked(b"5;a\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-ext-nul", "H6", chunked(b"5;a\x00\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-ext-empty", "H6", chunked(b"5;\r\ncode=\r\n0\r\n\r\n"), 400),
    Raw("chunk-without-crlf", "H6", chunked(b"5\r\ncode=0\r\n\r\n"), 400),
    Raw("chunk-too-long", "H6", chunked(b"5\r\ncode=x\r\n0\r\n\r\n"), 400),
    Raw("chunk-lf-after-data", "H6", chunked(b"5\r\ncode=\n0\r\n\r\n"), 400),
    Raw("last-chunk-lf", "H6", chunked(b"5\r\ncode=\r\n0\r\n\n"), 400),
    Raw("trailer-cl", "H6", chunked(b"5\r\ncode=\r\n0\r\nContent-Length: 44\r\n\r\n"), 400),
    Raw("trailer-te", "H6", chunked(b"5\r\ncode=\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
    Raw("trailer-host", "H6", chunked(b"5\r\ncode=\r\n0\r\nHost: evil.example\r\n\r\n"), 400),
    Raw("trailer-space-before-colon", "H6", chunked(b"5\r\ncode=\r\n0\r\nX : a\r\n\r\n"), 400),
    Raw("trailer-lf", "H6", chunked(b"5\r\ncode=\r\n0\r\nX: a\n\r\n"), 400),
    Raw("trailer-fold", "H6", chunked(b"5\r\ncode=\r\n0\r\nX: a\r\n b\r\n\r\n"), 400),

    # ---- H7: methods, versions, upgrades
    Raw("method-unknown", "H7", get(line=b"BREW /-/live HTTP/1.1"), 501),
    Raw("method-lower-case", "H7", get(line=b"get /-/live HTTP/1.1"), 501),
    Raw("method-trace", "H7", get(line=b"TRACE /-/live HTTP/1.1"), 501),
    Raw("method-connect", "H7", get(line=b"CONNECT localhost:80 HTTP/1.1"), 501),
    Raw("upgrade-h2c", "H7",
        get(b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"), 200, False),
    Raw("http2-preface", "H7", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    Raw("version-1.2", "RFC 9110 15.6.6", get(line=b"GET /-/live HTTP/1.2"), 505),
    Raw("version-3.0", "RFC 9110 15.6.6", get(line=b"GET /-/live HTTP/3.0"), 505),
    Raw("version-lower-case", "RFC 9112 2.3", get(line=b"GET /-/live http/1.1"), 400),
    Raw("version-two-digits", "RFC 9112 2.3", get(line=b"GET /-/live HTTP/1.01"), 400),
    Raw("version-missing", "RFC 9112 2.3", b"GET /-/live\r\n\r\n", 400),
    Raw("tls-client-hello", "H3", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),

    # ---- H8: sizes of the body
    Raw("cl-2-to-63-minus-1", "H8", post(b"Content-Length: 9223372036854775807\r\n", path=b"/api/v1/runs"), 413),
    Raw("cl-over-the-limit-of-runs", "H8", post(b"Content-Length: 1000000000\r\n", path=b"/api/v1/runs"), 413),
    Raw("cl-over-the-limit-expecting", "H8",
        post(b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n", path=b"/api/v1/runs"), 413),
    Raw("chunk-over-the-limit", "H8", chunked(b"3B9ACA00\r\n"), 413),
    Raw("chunk-size-2-to-64-minus-1", "H8", chunked(b"FFFFFFFFFFFFFFFF\r\n"), 413),
    Raw("chunk-size-wraps", "H8", chunked(b"5\r\ncode=\r\nFFFFFFFFFFFFFFFB\r\n"), 413),
    Raw("body-on-get", "H8", get(b"Content-Length: 5\r\n") + b"hello", 413),

    # ---- the rest of the request line
    Raw("two-spaces", "RFC 9112 3", get(line=b"GET  /-/live HTTP/1.1"), 400),
    Raw("space-at-end", "RFC 9112 3", get(line=b"GET /-/live HTTP/1.1 "), 400),
    Raw("space-first", "RFC 9112 3", get(line=b" GET /-/live HTTP/1.1"), 400),
    Raw("tab-as-space", "RFC 9112 3", get(line=b"GET\t/-/live\tHTTP/1.1"), 400),
    Raw("space-in-target", "RFC 9112 3", get(line=b"GET /-/live x HTTP/1.1"), 400),
    Raw("two-empty-lines-first", "RFC 9112 2.2", b"\r\n\r\n" + get(), 400),
    Raw("fragment", "RFC 9112 3.2", get(line=b"GET /-/live#a HTTP/1.1"), 400),
    Raw("relative-target", "RFC 9112 3.2", get(line=b"GET -/live HTTP/1.1"), 400),
    Raw("asterisk-with-get", "RFC 9112 3.2.4", get(line=b"GET * HTTP/1.1"), 400),
    Raw("https-absolute-form", "RFC 9112 3.2.2", get(line=b"GET https://localhost/-/live HTTP/1.1"), 400),
    Raw("expect-unknown", "RFC 9110 10.1.1", post(b"Content-Length: 5\r\nExpect: a-miracle\r\n", b"code="), 417),

    # ---- H20: paths
    Raw("path-dot-dot", "H20", get(line=b"GET /x/../-/live HTTP/1.1"), 400),
    Raw("path-dot", "H20", get(line=b"GET /./-/live HTTP/1.1"), 400),
    Raw("path-two-slashes", "H20", get(line=b"GET //-/live HTTP/1.1"), 400),
    Raw("path-encoded-dots", "H20", get(line=b"GET /x/%2e%2e/-/live HTTP/1.1"), 400),
    Raw("path-encoded-slash", "H20", get(line=b"GET /-%2flive HTTP/1.1"), 400),
    Raw("path-backslash", "H20", get(line=b"GET /-\\live HTTP/1.1"), 400),
    Raw("path-encoded-backslash", "H20", get(line=b"GET /-%5clive HTTP/1.1"), 400),
    Raw("path-encoded-nul", "H20", get(line=b"GET /-/live%00 HTTP/1.1"), 400),
    Raw("path-encoded-lf", "H20", get(line=b"GET /-/live%0a HTTP/1.1"), 400),
    Raw("path-overlong-utf8", "H20", get(line=b"GET /-%c0%aflive HTTP/1.1"), 400),
    Raw("path-bad-escape", "H20", get(line=b"GET /-/live%4 HTTP/1.1"), 400),
    Raw("path-raw-high-byte", "H20", get(line=b"GET /\xc3\xa9 HTTP/1.1"), 400),
    Raw("path-decoded-once", "H20", get(line=b"GET /-/liv%2565 HTTP/1.1"), 404, False),
    Raw("path-trailing-slash", "H20", get(line=b"GET /-/live/ HTTP/1.1"), 404, False),
    Raw("path-other-case", "H20", get(line=b"GET /-/LIVE HTTP/1.1"), 404, False),
    Raw("path-encoded-letter", "H20", get(line=b"GET /-/liv%65 HTTP/1.1"), 200, False),
]
