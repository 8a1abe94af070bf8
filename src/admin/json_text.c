/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is UTF-8 is text, whatever it was meant to be: a client that must know asks for the base64
 * of all it reads. A name that is no text has its encoding in front, since a name cannot be an
 * object. Nothing is kept between calls.
 */
#include "admin/json_text.h"

#include "base/base64.h"
#include "base/utf8.h"

void
json_put_bytes(struct json *j, const char *name, attl_slice bytes)
{
    if (utf8_valid(bytes)) {
        json_put_text(j, name, bytes);
        return;
    }
    json_open(j, name, '{');
    json_open(j, "base64", '"');
    base64_append(j->out, bytes);
    json_close(j);
    json_close(j);
}

void
json_name_bytes(struct json *j, attl_slice bytes)
{
    struct buf coded;
    if (utf8_valid(bytes)) {
        json_name(j, bytes);
        return;
    }
    buf_init(&coded, SIZE_MAX);
    buf_append_str(&coded, "base64:");
    base64_append(&coded, bytes);
    if (coded.failed)
        j->out->failed = coded.failed;
    json_name(j, buf_slice(&coded));
    buf_fini(&coded);
}
