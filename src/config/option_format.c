/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Value to text, in the form of the option or of one of its aliases. Bytes and times are shown in
 * the largest unit that divides them, because 8GiB says more than 8589934592; Redis clients, which
 * do arithmetic on the answer, get the plain number under Redis' name. Pure.
 */
#include "config/option_value.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>

#define MILLION 1000000

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit byte_units[] = {
    { "TiB", INT64_C(1) << 40 },
    { "GiB", INT64_C(1) << 30 },
    { "MiB", INT64_C(1) << 20 },
    { "KiB", INT64_C(1) << 10 },
    { "", 1 },
};

static const struct unit time_units[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

/* snprintf into the caller's buffer as a status. */
static int
fits(int written, size_t len)
{
    return written >= 0 && (size_t)written < len ? ATTL_OK : ATTL_E_BUFFER;
}

static int
format_plain(int64_t number, char *buf, size_t len)
{
    return fits(snprintf(buf, len, "%" PRId64, number), len);
}

/* The last unit of both tables has factor 1, so one always divides. */
static int
format_scaled(int64_t number, const struct unit *unit, char *buf, size_t len)
{
    if (number == 0)
        return format_plain(0, buf, len);
    while (number % unit->factor != 0)
        unit++;
    return fits(snprintf(buf, len, "%" PRId64 "%s", number / unit->factor, unit->name), len);
}

static int
format_bytes(enum option_form form, int64_t number, char *buf, size_t len)
{
    const int64_t mib = INT64_C(1) << 20;
    if (form == FORM_PLAIN || (form == FORM_MEGABYTES && number == 0))
        return format_plain(number, buf, len);
    if (form == FORM_MEGABYTES && number % mib == 0)
        return format_plain(number / mib, buf, len);
    if (form == FORM_MEGABYTES) /* a number alone would be read as megabytes */
        return fits(snprintf(buf, len, "%" PRId64 "b", number), len);
    return format_scaled(number, byte_units, buf, len);
}

/* Whole seconds where a client expects them; the odd milliseconds only show if there are any. */
static int
format_duration(enum option_form form, int64_t number_ms, char *buf, size_t len)
{
    if (form == FORM_SECONDS && number_ms % 1000 == 0)
        return format_plain(number_ms / 1000, buf, len);
    if (form == FORM_SECONDS)
        return fits(
            snprintf(buf, len, "%" PRId64 ".%03d", number_ms / 1000, (int)(number_ms % 1000)), len);
    return format_scaled(number_ms, time_units, buf, len);
}

void
option_format_real(double real, char *buf, size_t len)
{
    int64_t millionths = (int64_t)(real * MILLION + 0.5);
    int n =
        snprintf(buf, len, "%" PRId64 ".%06d", millionths / MILLION, (int)(millionths % MILLION));
    ASSERT(n > 0 && (size_t)n < len);
    while (buf[n - 1] == '0' && buf[n - 2] != '.') /* one decimal stays: TOML tells 1.0 from 1 */
        buf[--n] = '\0';
}

static int
format_double(double real, char *buf, size_t len)
{
    char text[32];
    option_format_real(real, text, sizeof text);
    return fits(snprintf(buf, len, "%s", text), len);
}

static int
format_choice(const struct option *option, enum option_form form, int64_t row, char *buf,
              size_t len)
{
    const struct option_choice *choice = &option->choices[row];
    const char *text = choice->text;
    if (form == FORM_REDIS && choice->redis)
        text = choice->redis;
    else if (form != FORM_REDIS)
        text = option_choice_text(option, choice->value);
    return fits(snprintf(buf, len, "%s", text), len);
}

int
option_format(const struct option *option, enum option_form form, struct option_scalar value,
              const char *text, char *buf, size_t len)
{
    static const char *const words[2][2] = { { "false", "true" }, { "no", "yes" } };
    switch (option->type) {
    case OPTION_BOOL:
        return fits(snprintf(buf, len, "%s", words[form == FORM_PLAIN][value.number != 0]), len);
    case OPTION_INT: return format_plain(value.number, buf, len);
    case OPTION_BYTES: return format_bytes(form, value.number, buf, len);
    case OPTION_DURATION: return format_duration(form, value.number, buf, len);
    case OPTION_DOUBLE: return format_double(value.real, buf, len);
    case OPTION_ENUM: return format_choice(option, form, value.number, buf, len);
    case OPTION_MODE:
        return fits(snprintf(buf, len, form == FORM_PLAIN ? "%" PRIo64 : "%04" PRIo64,
                             (uint64_t)value.number),
                    len);
    case OPTION_STRING:
    case OPTION_SECRET: break;
    }
    return fits(snprintf(buf, len, "%s", text ? text : ""), len);
}
