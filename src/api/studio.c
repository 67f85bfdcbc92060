/* GET /: the page, its style, script and icon, embedded in the binary. */
#include "api/internal.h"

extern const unsigned char studio_html[], studio_css[], studio_js[], studio_svg[];
extern const size_t studio_html_len, studio_css_len, studio_js_len, studio_svg_len;

static void respond_file(struct http_exchange *x, const char *type, const unsigned char *data,
                         size_t len) {
    http_add_header(x, "X-Content-Type-Options", "nosniff");
    http_add_header(x, "Cache-Control", "no-cache");
    http_respond(x, 200, type, (struct span){.data = (const char *)data, .len = len});
}

static void on_page(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    /* Nothing inline, nothing from elsewhere, and in nobody's frame. Without a script the form
     * posts to /compile; for the same origin the browser then still names its Origin, which a
     * stricter Referrer-Policy would make "null". */
    http_add_header(x, "Content-Security-Policy",
                    "default-src 'self'; base-uri 'none'; form-action 'self'; "
                    "frame-ancestors 'none'; object-src 'none'");
    http_add_header(x, "Referrer-Policy", "same-origin");
    respond_file(x, "text/html; charset=utf-8", studio_html, studio_html_len);
}

static void on_style(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    respond_file(x, "text/css; charset=utf-8", studio_css, studio_css_len);
}

static void on_script(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    respond_file(x, "text/javascript; charset=utf-8", studio_js, studio_js_len);
}

static void on_icon(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    respond_file(x, "image/svg+xml", studio_svg, studio_svg_len);
}

void api_route_studio(struct http_route routes[4], struct api *api) {
    routes[0] =
        (struct http_route){.methods = HTTP_GET, .path = "/", .on_request = on_page, .user = api};
    routes[1] = (struct http_route){
        .methods = HTTP_GET, .path = "/studio.css", .on_request = on_style, .user = api};
    routes[2] = (struct http_route){
        .methods = HTTP_GET, .path = "/studio.js", .on_request = on_script, .user = api};
    routes[3] = (struct http_route){
        .methods = HTTP_GET, .path = "/studio.svg", .on_request = on_icon, .user = api};
}
