/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How one looks at the data of `attl top`: which section, from which row on, paused or not; and
 * what a key does to that. Keys come as bytes of a terminal, escape sequences included, whole or in
 * pieces. Pure: whoever reads the terminal owns the view and draws again when a key says so.
 */
#ifndef ATTL_CLI_TOP_VIEW_H
#define ATTL_CLI_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

enum top_section { TOP_OVERVIEW, TOP_INCIDENTS, TOP_SHARDS, TOP_HOT, TOP_SLOW, TOP_SECTIONS };

struct top_view {
    enum top_section section;
    int first_row; /* of the section, where it is shown alone */
    bool paused, help, quit, redact;
    int escape; /* private: bytes of an escape sequence read so far */
};

/* What the section is called, for headings and the line of keys. */
const char *top_section_name(enum top_section section);
void top_view_keys(struct top_view *v, const char *bytes, size_t len);

#endif
