/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bodies of webhooks: a text in which ${name} stands for a fact about an incident. Facts that are
 * text are escaped for the inside of a JSON string, and "$$" is a dollar, so whatever an incident
 * says the body stays the JSON that its author wrote. The body that is sent by default is such a
 * template too. Pure functions.
 */
#ifndef ATTL_ALERT_TEMPLATE_H
#define ATTL_ALERT_TEMPLATE_H

#include "base/buf.h"

#include <attl/attl.h>

enum { TEMPLATE_BODY_BYTES_MAX = 64 * 1024 };

struct template_facts {
    const char *event;
    const attl_incident *incident;
    const char *host;  /* who tells */
    uint64_t delivery; /* its number */
};

extern const char template_default[];

/* NULL if every ${name} in `template` is known and closed, else where the first is that is not. */
const char *template_problem(const char *template);
/* Appends the body. REQUIRES that the template has no problem. */
void template_fill(const char *template, const struct template_facts *facts, struct buf *out);

#endif
