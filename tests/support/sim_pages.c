/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An array of pointers to pages. The array grows to twice what it had, so that appending is
 * linear; a page that is cut off is freed. Memory that is not there ends the test.
 */
#include "sim_pages.h"

#include "check.h"

#include <string.h>

enum { PAGE_BYTES = 2048 };

static uint8_t *
page_for(struct sim_pages *p, size_t index)
{
    if (index >= p->count) {
        size_t count = index + 1 > 2 * p->count ? index + 1 : 2 * p->count;
        p->page = realloc(p->page, count * sizeof *p->page);
        CHECK(p->page != NULL, "no memory for %zu pages", count);
        memset(p->page + p->count, 0, (count - p->count) * sizeof *p->page);
        p->count = count;
    }
    if (p->page[index] == NULL) {
        p->page[index] = calloc(1, PAGE_BYTES);
        CHECK(p->page[index] != NULL, "no memory for a page");
    }
    return p->page[index];
}

void
sim_pages_fini(struct sim_pages *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->page[i]);
    }
    free(p->page);
    *p = (struct sim_pages){ NULL, 0 };
}

void
sim_pages_write(struct sim_pages *p, const void *data, size_t len, uint64_t offset)
{
    const uint8_t *from = data;
    while (len > 0) {
        size_t at = (size_t)(offset % PAGE_BYTES);
        size_t piece = PAGE_BYTES - at < len ? PAGE_BYTES - at : len;
        memcpy(page_for(p, (size_t)(offset / PAGE_BYTES)) + at, from, piece);
        from += piece;
        offset += piece;
        len -= piece;
    }
}

void
sim_pages_read(const struct sim_pages *p, void *data, size_t len, uint64_t offset)
{
    uint8_t *to = data;
    while (len > 0) {
        size_t index = (size_t)(offset / PAGE_BYTES);
        size_t at = (size_t)(offset % PAGE_BYTES);
        size_t piece = PAGE_BYTES - at < len ? PAGE_BYTES - at : len;
        if (index < p->count && p->page[index] != NULL) {
            memcpy(to, p->page[index] + at, piece);
        } else {
            memset(to, 0, piece);
        }
        to += piece;
        offset += piece;
        len -= piece;
    }
}

void
sim_pages_cut(struct sim_pages *p, uint64_t bytes)
{
    size_t first = (size_t)(bytes / PAGE_BYTES);
    size_t at = (size_t)(bytes % PAGE_BYTES);
    if (first < p->count && at != 0) {
        if (p->page[first] != NULL) {
            memset(p->page[first] + at, 0, PAGE_BYTES - at);
        }
        first++;
    }
    for (size_t i = first; i < p->count; i++) {
        free(p->page[i]);
        p->page[i] = NULL;
    }
}

void
sim_pages_copy(struct sim_pages *to, const struct sim_pages *from)
{
    sim_pages_fini(to);
    for (size_t i = 0; i < from->count; i++) {
        if (from->page[i] != NULL) {
            memcpy(page_for(to, i), from->page[i], PAGE_BYTES);
        }
    }
}
