/* target.c: the request target: its form, its authority, and the one decoding of its path (H20).
 *
 * Nothing is cleaned and nothing is redirected: a path with `//`, `.`, `..`, an encoded slash or a
 * backslash means different things to different programs in a chain, so it means nothing here.
 */
#include "http/parser.h"
#include <arpa/inet.h>
#include <string.h>

int http_hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte behind "%" at s.data[at], or -1. */
static int decode_escape(struct span s, size_t at) {
    if (s.len - at < 3)
        return -1;
    int high = http_hex(s.data[at + 1]), low = http_hex(s.data[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static const char *split_authority(struct span *rest, struct http_target *t) {
    size_t len = 0;
    while (len < rest->len && rest->data[len] != '/' && rest->data[len] != '?')
        len++;
    if (len == 0)
        return "the target has no host";
    t->authority = (struct span){rest->data, len};
    *rest = (struct span){rest->data + len, rest->len - len};
    return NULL;
}

const char *http_target_split(struct span target, enum http_method method,
                              struct http_target *ret_target) {
    struct http_target t = {0};
    if (memchr(target.data, '#', target.len) != NULL)
        return "the target has a fragment";
    if (span_eq_text(target, "*")) {
        if (method != HTTP_OPTIONS)
            return "the target \"*\" is for OPTIONS only";
        *ret_target = (struct http_target){.asterisk = true, .path = target};
        return NULL;
    }
    struct span scheme = {target.data, MIN(target.len, strlen("http://"))};
    if (span_eq_nocase(scheme, SPAN("http://"))) {
        target = (struct span){target.data + scheme.len, target.len - scheme.len};
        const char *why = split_authority(&target, &t);
        if (why != NULL)
            return why;
        if (target.len == 0 || target.data[0] == '?') {
            /* RFC 9110 section 4.2.3: an empty path is the same as "/". */
            t.path = SPAN("/");
            (void)span_cut(target, '?', &t.query);
            *ret_target = t;
            return NULL;
        }
    }
    if (target.len == 0 || target.data[0] != '/')
        return "the target is neither a path nor an http URL";
    t.path = span_cut(target, '?', &t.query);
    *ret_target = t;
    return NULL;
}

/* Whether the segment that ends here is "." or "..". */
static bool dot_segment(const char *segment, size_t len) {
    return (len == 1 && segment[0] == '.') || (len == 2 && segment[0] == '.' && segment[1] == '.');
}

const char *http_path_decode(struct span raw, char *out, size_t *ret_len) {
    size_t len = 0, segment = 0; /* `segment`: where the current one begins in `out` */
    for (size_t i = 0; i < raw.len; i++) {
        int c = (unsigned char)raw.data[i];
        bool escaped = c == '%';
        if (escaped) {
            c = decode_escape(raw, i);
            if (c < 0)
                return "the path has a '%' without two hexadecimal digits";
            i += 2;
        }
        if (c < 0x20 || c == 0x7f)
            return "the path holds a control byte";
        if (c == '\\' || (escaped && c == '/'))
            return "the path has a backslash or an encoded slash";
        if (c == '/') {
            if (len > 0 && len == segment)
                return "the path has two slashes in a row";
            if (dot_segment(out + segment, len - segment))
                return "the path has a \".\" or \"..\" segment";
            segment = len + 1;
        }
        out[len++] = (char)c;
    }
    if (segment <= len && dot_segment(out + segment, len - segment))
        return "the path has a \".\" or \"..\" segment";
    if (!utf8_valid((struct span){out, len}))
        return "the path is not UTF-8";
    *ret_len = len;
    return NULL;
}

bool http_component_decode(struct span raw, char *out, size_t *ret_len) {
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        int c = (unsigned char)raw.data[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            c = decode_escape(raw, i);
            if (c < 0)
                return false;
            i += 2;
        }
        out[len++] = (char)c;
    }
    *ret_len = len;
    return true;
}

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* A name or an IPv4 address. RFC 3986 would allow percent-encoding and "sub-delims" too; no name in
 * use has them, and each is a way to make two programs see two hosts. */
static bool valid_name(struct span host) {
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        if (!is_alnum(c) && c != '-' && c != '_' && c != '.')
            return false;
        if (c == '.' && (i == 0 || host.data[i - 1] == '.'))
            return false;
    }
    return host.len > 0 && host.len <= 255;
}

static bool parse_ipv6(struct span bracketed, struct in6_addr *ret_address) {
    char text[INET6_ADDRSTRLEN];
    if (bracketed.len < 4 || bracketed.len - 2 >= sizeof text)
        return false;
    memcpy(text, bracketed.data + 1, bracketed.len - 2);
    text[bracketed.len - 2] = '\0';
    return strlen(text) == bracketed.len - 2 && inet_pton(AF_INET6, text, ret_address) == 1;
}

const char *http_authority_parse(struct span text, struct http_authority *ret_authority) {
    struct http_authority a = {.port = 80};
    struct in6_addr ignored;
    struct span port;
    if (text.len > 0 && text.data[0] == '[') {
        const char *end = memchr(text.data, ']', text.len);
        if (end == NULL)
            return "Host is not valid";
        a.host = (struct span){text.data, (size_t)(end + 1 - text.data)};
        port = (struct span){end + 1, text.len - a.host.len};
        if (!parse_ipv6(a.host, &ignored) || (port.len > 0 && port.data[0] != ':'))
            return "Host is not valid";
        port = port.len > 0 ? (struct span){port.data + 1, port.len - 1} : port;
    } else {
        a.host = span_cut(text, ':', &port);
        if (!valid_name(a.host))
            return "Host is not valid";
    }
    if (port.len > 0) {
        uint64_t number;
        if (span_to_u64(port, 65535, &number) < 0 || port.len > 5)
            return "the port in Host is not valid";
        a.port = (unsigned)number;
    }
    *ret_authority = a;
    return NULL;
}

bool http_authority_eq(const struct http_authority *a, const struct http_authority *b) {
    return span_eq_nocase(a->host, b->host) && a->port == b->port;
}

bool http_host_known(struct span host, const char *const *names) {
    char text[INET_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (span_eq_nocase(host, SPAN("localhost")))
        return true;
    if (host.len > 0 && host.data[0] == '[' && parse_ipv6(host, &v6) && IN6_IS_ADDR_LOOPBACK(&v6))
        return true;
    if (host.len < sizeof text) {
        memcpy(text, host.data, host.len);
        text[host.len] = '\0';
        if (inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127)
            return true;
    }
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (span_eq_nocase(host, span_of(names[i])))
            return true;
    }
    return false;
}
