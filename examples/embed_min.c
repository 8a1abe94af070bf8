/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest program with a cache in it. Build: cc embed_min.c $(pkg-config --cflags --libs
 * attl). NULL asks for the defaults: 100 MB, 100 000 entries. The cache belongs to main(), which
 * closes it.
 */
#include <attl/attl.h>
#include <stdio.h>

int
main(void)
{
    attl *cache = NULL;
    char value[32];
    size_t len = 0;
    if (attl_open(&cache, NULL) || attl_set(cache, attl_s("greeting"), attl_s("hello"), 10000))
        return 1;
    if (attl_get(cache, attl_s("greeting"), value, sizeof(value), &len) == ATTL_OK)
        printf("%.*s, for ten seconds\n", (int)len, value);
    attl_close(&cache);
    return 0;
}
