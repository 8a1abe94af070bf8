/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serving the dashboard: from the program, or, for those who work on it, from a directory
 * (admin.ui_dir). Names are single components of letters, digits, dots and dashes that do not begin
 * with a dot, which the target's parser has seen to, so a path cannot lead anywhere else. An asset
 * is named by the hash of its bytes and asked for again with it. Nothing is kept.
 */
#include "admin/asset.h"

#include "admin/serve.h"
#include "admin/state.h"
#include "base/hash.h"
#include "os/file.h"

#include <inttypes.h>
#include <stdio.h>

enum { ASSET_MAX_BYTES = 8 << 20 };

/* The bytes are in an assembly file beside the rows, see cmake/AttlUi.cmake. */
#define BYTES(symbol) extern const unsigned char symbol[], symbol##_end[];
#define ASSET_PLAIN(path, name, symbol) BYTES(symbol)
#define ASSET_GZIP(path, name, symbol) BYTES(symbol) BYTES(symbol##_gz)
#include "admin/asset_rows.inc"
#undef ASSET_PLAIN
#undef ASSET_GZIP

#define ASSET_PLAIN(path, name, symbol) { path, name, symbol, symbol##_end, NULL, NULL },
#define ASSET_GZIP(path, name, symbol) \
    { path, name, symbol, symbol##_end, symbol##_gz, symbol##_gz_end },
const struct asset asset_table[] = {
#include "admin/asset_rows.inc"
};
const size_t asset_table_len = sizeof asset_table / sizeof asset_table[0];

const struct asset *
asset_find(const char *path)
{
    for (size_t i = 0; i < asset_table_len; i++)
        if (strcmp(asset_table[i].path, path) == 0)
            return &asset_table[i];
    return NULL;
}

const char *
asset_type(const char *name)
{
    static const struct {
        const char *end, *type;
    } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".json", "application/json" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
        { ".ico", "image/x-icon" },
        { ".woff2", "font/woff2" },
        { ".map", "application/json" },
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].end, dot) == 0)
            return types[i].type;
    return NULL;
}

static bool
accepts_gzip(const struct http_request *rq)
{
    const char *at = rq->accept_encoding ? strstr(rq->accept_encoding, "gzip") : NULL;
    return at && strncmp(at, "gzip;q=0", 8) != 0;
}

/* True if the client has just this. */
static bool
name_bytes(struct http_reply *reply, const struct http_request *rq, attl_slice bytes)
{
    (void)snprintf(reply->etag_text, sizeof reply->etag_text, "\"%016" PRIx64 "\"",
                   hash_digest(bytes));
    reply->etag = reply->etag_text;
    reply->cacheable = true;
    return rq->if_none_match && strstr(rq->if_none_match, reply->etag_text);
}

static void
serve_embedded(const struct asset *a, const struct http_request *rq, struct http_reply *reply)
{
    bool gzip = a->gzip && accepts_gzip(rq);
    attl_slice bytes = gzip ? attl_b(a->gzip, (size_t)(a->gzip_end - a->gzip))
                            : attl_b(a->bytes, (size_t)(a->end - a->bytes));
    reply->type = asset_type(a->name);
    reply->gzip = gzip;
    reply->status = name_bytes(reply, rq, bytes) ? 304 : 200;
    if (reply->status == 200)
        reply->fixed = bytes;
}

static void
serve_file(const char *dir, const char *name, const struct http_request *rq,
           struct http_reply *reply)
{
    reply->type = asset_type(name);
    if (!reply->type || file_read_in(dir, name, &reply->body) != 0) {
        http_refuse(reply, 404, "not_found", "there is no such file");
        return;
    }
    reply->status = name_bytes(reply, rq, buf_slice(&reply->body)) ? 304 : 200;
    if (reply->status == 304)
        buf_clear(&reply->body, 0);
}

void
serve_asset(struct admin *admin, struct net_visitor *visitor, const struct http_request *rq,
            struct http_reply *reply)
{
    (void)visitor;
    const char *path = rq->target.path;
    if (admin->ui_dir[0] != '\0') {
        const char *name = strcmp(path, "/") == 0 ? "index.html" : strrchr(path, '/') + 1;
        serve_file(admin->ui_dir, name, rq, reply);
        return;
    }
    const struct asset *a = asset_find(path);
    if (a)
        serve_embedded(a, rq, reply);
    else
        http_refuse(reply, 404, "not_found", "there is no such file");
}
