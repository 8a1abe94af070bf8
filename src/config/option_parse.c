/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text to value. All numbers with a unit go through one routine: whole digits, up to six decimals,
 * a unit from a short table; the product must be exact, so that "0.0001s" is refused instead of
 * becoming 0, which for many options means "off". strtod() is not used: it follows the locale of
 * the program that embeds the library, where 1.5 may be spelt 1,5.
 */
#include "config/option_value.h"

#include "base/num.h"

#include <inttypes.h>

#define MILLION INT64_C(1000000)

enum { DECIMALS_MAX = 6, WHOLE_DIGITS_MAX = 18 };

struct unit {
    const char *name; /* lower case */
    int64_t factor;
};

static const struct unit byte_units[] = {
    { "b", 1 },
    { "k", 1000 },
    { "kb", INT64_C(1) << 10 },
    { "kib", INT64_C(1) << 10 },
    { "m", 1000000 },
    { "mb", INT64_C(1) << 20 },
    { "mib", INT64_C(1) << 20 },
    { "g", 1000000000 },
    { "gb", INT64_C(1) << 30 },
    { "gib", INT64_C(1) << 30 },
    { "t", INT64_C(1000000000000) },
    { "tb", INT64_C(1) << 40 },
    { "tib", INT64_C(1) << 40 },
    { NULL, 0 },
};

static const struct unit time_units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};

static bool
same_word(attl_slice text, const char *word)
{
    if (text.len != strlen(word))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = ((const char *)text.data)[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if (c != word[i])
            return false;
    }
    return true;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes leading digits off `text`, at most `max` of them; returns how many, their value in
 * *ret_value. */
static size_t
take_digits(attl_slice *text, size_t max, int64_t *ret_value)
{
    const char *p = text->data;
    size_t n = 0;
    int64_t value = 0;
    while (n < text->len && n < max && is_digit(p[n]))
        value = value * 10 + (p[n++] - '0');
    *text = attl_b(p + n, text->len - n);
    *ret_value = value;
    return n;
}

/* Takes a decimal number off `text`: the whole part and the millionths. */
static bool
take_decimal(attl_slice *text, int64_t *ret_whole, int64_t *ret_millionths)
{
    int64_t millionths = 0;
    if (take_digits(text, WHOLE_DIGITS_MAX, ret_whole) == 0)
        return false;
    if (text->len > 0 && *(const char *)text->data == '.') {
        *text = attl_b((const char *)text->data + 1, text->len - 1);
        size_t n = take_digits(text, DECIMALS_MAX, &millionths);
        if (n == 0)
            return false;
        for (; n < DECIMALS_MAX; n++)
            millionths *= 10;
    }
    *ret_millionths = millionths;
    return text->len == 0 || !is_digit(*(const char *)text->data);
}

/* "1.5GiB" with a table of units; without a unit the factor is `plain`. The result must be exact.
 */
static bool
parse_scaled(attl_slice text, const struct unit *units, int64_t plain, int64_t *ret_value)
{
    int64_t whole, millionths, product;
    if (!take_decimal(&text, &whole, &millionths))
        return false;
    int64_t factor = plain;
    if (text.len > 0) {
        while (units->name && !same_word(text, units->name))
            units++;
        factor = units->factor;
    }
    if (factor == 0 || __builtin_mul_overflow(whole, factor, &product))
        return false;
    if (millionths * factor % MILLION != 0) /* < 10^6 * 2^40: fits */
        return false;
    return num_add_i64(product, millionths * factor / MILLION, ret_value);
}

bool
option_parse_real(attl_slice text, double *ret_real)
{
    int64_t whole, millionths;
    if (!take_decimal(&text, &whole, &millionths) || text.len > 0)
        return false;
    if (whole > INT64_C(1000000000)) /* keeps the sum below 2^53, so that the quotient is exact */
        return false;
    *ret_real = (double)(whole * MILLION + millionths) / (double)MILLION;
    return true;
}

bool
option_parse_bool(attl_slice text, bool *ret_value)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (same_word(text, words[i])) {
            *ret_value = i % 2 == 1;
            return true;
        }
    return false;
}

static bool
parse_mode(attl_slice text, int64_t *ret_value)
{
    const char *p = text.data;
    int64_t value = 0;
    size_t i = text.len > 2 && p[0] == '0' && p[1] == 'o' ? 2 : 0;
    if (text.len == 0 || text.len > 8)
        return false;
    for (; i < text.len; i++) {
        if (p[i] < '0' || p[i] > '7')
            return false;
        value = value * 8 + (p[i] - '0');
    }
    *ret_value = value;
    return true;
}

static bool
parse_choice(const struct option *option, attl_slice text, int64_t *ret_row)
{
    for (int64_t row = 0; option->choices[row].text; row++)
        if (same_word(text, option->choices[row].text)) {
            *ret_row = row;
            return true;
        }
    return false;
}

static bool
parse_by_type(const struct option *option, enum option_form form, attl_slice text,
              struct option_scalar *value)
{
    bool flag = false;
    bool fine = false;
    switch (option->type) {
    case OPTION_BOOL:
        fine = option_parse_bool(text, &flag);
        value->number = flag;
        break;
    case OPTION_INT: fine = num_parse_i64(text, &value->number); break;
    case OPTION_BYTES:
        fine = parse_scaled(text, byte_units, form == FORM_MEGABYTES ? INT64_C(1) << 20 : 1,
                            &value->number);
        break;
    case OPTION_DURATION: fine = parse_scaled(text, time_units, 1000, &value->number); break;
    case OPTION_DOUBLE: fine = option_parse_real(text, &value->real); break;
    case OPTION_ENUM: fine = parse_choice(option, text, &value->number); break;
    case OPTION_MODE: fine = parse_mode(text, &value->number); break;
    case OPTION_STRING:
    case OPTION_SECRET: fine = true; break;
    }
    return fine;
}

/* What a text that does not parse should have looked like. */
static const char *
expected(const struct option *option)
{
    switch (option->type) {
    case OPTION_BOOL: return "yes or no";
    case OPTION_INT: return "a whole number";
    case OPTION_BYTES: return "a number of bytes, like 4096, 64KiB or 8GiB";
    case OPTION_DURATION: return "a time, like 500ms, 30s, 5m, 12h, 7d, or a number of seconds";
    case OPTION_DOUBLE: return "a number with at most six decimals, like 1.5";
    case OPTION_MODE: return "octal permissions, like 0700";
    case OPTION_ENUM:
    case OPTION_STRING:
    case OPTION_SECRET: break;
    }
    return "text";
}

/* "x: 'lru' is not one of s3fifo, volatile-ttl, noeviction". Other spellings are not listed. */
static int
fail_choice(const struct option *option, const char *shown, struct config_error err)
{
    char list[OPTION_ERROR_MAX / 2];
    size_t len = 0;
    list[0] = '\0';
    for (int row = 0; option->choices[row].text; row++) {
        const struct option_choice *choice = &option->choices[row];
        size_t n = strlen(choice->text);
        if (option_choice_text(option, choice->value) != choice->text || len + n + 3 > sizeof list)
            continue;
        if (len > 0) {
            memcpy(list + len, ", ", 2);
            len += 2;
        }
        memcpy(list + len, choice->text, n + 1);
        len += n;
    }
    return config_fail(err, "%s: '%s' is not one of: %s", option->name, shown, list);
}

/* The length of the well-formed UTF-8 sequence at `p`, or 0. */
static size_t
utf8_sequence(const unsigned char *p, size_t left)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (n == 1)
        return 1;
    if (n > left || (n == 4 && (p[0] & 0xf8) != 0xf0))
        return 0;
    uint32_t code = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[n] || code > 0x10ffff || surrogate ? 0 : n;
}

/* Texts are UTF-8 without control characters, because runtime.toml must be able to hold them. */
static int
check_string(const struct option *option, attl_slice text, struct config_error err)
{
    if (option->max == 0 && text.len > 0)
        return config_fail(err, "%s: only an empty text is accepted in this release", option->name);
    if ((int64_t)text.len > option->max || text.len >= OPTION_TEXT_MAX)
        return config_fail(err, "%s: longer than %" PRId64 " bytes", option->name, option->max);
    if ((int64_t)text.len < option->min)
        return config_fail(err, "%s: must not be empty", option->name);
    const unsigned char *p = text.data;
    for (size_t i = 0, n; i < text.len; i += n) {
        n = utf8_sequence(p + i, text.len - i);
        if (n == 0)
            return config_fail(err, "%s: is not valid UTF-8", option->name);
        if (p[i] < ' ' || p[i] == 0x7f)
            return config_fail(err, "%s: holds a control character", option->name);
    }
    return ATTL_OK;
}

static int
check_bounds(const struct option *option, struct option_scalar value, const char *shown,
             struct config_error err)
{
    bool real = option->type == OPTION_DOUBLE;
    bool low = real ? value.real < option->min_real : value.number < option->min;
    bool high = real ? value.real > option->max_real : value.number > option->max;
    if (!low && !high)
        return ATTL_OK;
    struct option_scalar bound = { low ? option->min : option->max,
                                   low ? option->min_real : option->max_real };
    char text[OPTION_NAME_MAX];
    if (option_format(option, FORM_NATIVE, bound, NULL, text, sizeof text) != ATTL_OK)
        return config_fail(err, "%s: %s is out of range", option->name, shown);
    return config_fail(err, "%s: %s is %s %s", option->name, shown,
                       low ? "below the minimum," : "above the maximum,", text);
}

int
option_parse(const struct option *option, enum option_form form, attl_slice text,
             struct config_error err, struct option_scalar *ret_value)
{
    char shown[CONFIG_SHOWN_BYTES];
    struct option_scalar value = { 0, 0 };
    if (text.len == 0)
        text.data = ""; /* so that nobody computes with a NULL pointer */
    config_shown(shown, text);
    if (!parse_by_type(option, form, text, &value)) {
        if (option->type == OPTION_ENUM)
            return fail_choice(option, shown, err);
        return config_fail(err, "%s: '%s' is not %s", option->name, shown, expected(option));
    }
    int status = ATTL_OK;
    if (option->type == OPTION_STRING || option->type == OPTION_SECRET)
        status = check_string(option, text, err);
    else if (option->type != OPTION_ENUM && option->type != OPTION_BOOL)
        status = check_bounds(option, value, shown, err);
    if (status == ATTL_OK)
        *ret_value = value;
    return status;
}
