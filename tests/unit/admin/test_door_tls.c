/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts of the door's TLS without a door: files that are right, wrong or absent, each with the
 * word that tells what to do, memory that fails, and references. Certificates are made here, for
 * each run.
 */
#include "admin/door_tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { DAY_S = 86400 };

static const char *const names[] = { "a.crt", "a.key", "b.crt", "b.key", "nothing" };

static bool fail_next; /* the next allocation, once */

void *__real_calloc(size_t n, size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);

void *
__wrap_calloc(size_t n, size_t bytes)
{
    bool fails = fail_next;
    fail_next = false;
    return fails ? NULL : __real_calloc(n, bytes);
}

/* In the current directory, which is the test's own. */
static void
write_file(const char *name, const void *data, size_t len)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void
make_pair(const char *crt_name, const char *key_name)
{
    static const unsigned char serial[] = { 1 };
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_datum_t text;
    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_crt_init(&crt), 0);
    assert_int_equal(gnutls_x509_privkey_generate(
                         key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_crt_set_version(crt, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_dn(crt, "CN=localhost", NULL), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(crt, serial, sizeof serial), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(crt, time(NULL) - DAY_S), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + DAY_S), 0);
    assert_int_equal(gnutls_x509_crt_set_key(crt, key), 0);
    assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text), 0);
    write_file(crt_name, text.data, text.size);
    gnutls_free(text.data);
    assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text), 0);
    write_file(key_name, text.data, text.size);
    gnutls_free(text.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}

static int
setup(void **state)
{
    char *folder = strdup("/tmp/attl-door-tls-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    make_pair("a.crt", "a.key");
    make_pair("b.crt", "b.key");
    write_file("nothing", "nothing\n", 8);
    *state = folder;
    return 0;
}

static int
teardown(void **state)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(unlink(names[i]), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(*state), 0);
    free(*state);
    return 0;
}

static struct door_tls *
open_with(const struct tls_settings *s, char err[TLS_ERROR_MAX])
{
    const struct door_tls_log log = { NULL, NULL };
    err[0] = '\0';
    return door_tls_new(s, log, err, TLS_ERROR_MAX);
}

static void
files_are_right_or_it_is_told_which_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *cert, *key, *ca;
        enum tls_verify verify;
        const char *says[2]; /* NULL: it is good */
    } cases[] = {
        { "a.crt", "a.key", "", TLS_VERIFY_NO, { NULL, NULL } },
        { "a.crt", "a.key", "b.crt", TLS_VERIFY_YES, { NULL, NULL } },
        { "a.crt", "a.key", "b.crt", TLS_VERIFY_OPTIONAL, { NULL, NULL } },
        { "a.crt", "a.key", "nothing", TLS_VERIFY_NO, { NULL, NULL } },
        { "", "a.key", "", TLS_VERIFY_NO, { "tls.cert_file is empty", "admin.tls" } },
        { "nowhere", "a.key", "", TLS_VERIFY_NO, { "nowhere", "cannot be read" } },
        { "nothing", "a.key", "", TLS_VERIFY_NO, { "nothing", "the certificate" } },
        { "a.crt", "nowhere", "", TLS_VERIFY_NO, { "nowhere", "tls.key_file" } },
        { "a.crt", "nothing", "", TLS_VERIFY_NO, { "nothing", "the private key" } },
        { "a.crt", "", "", TLS_VERIFY_NO, { "a.crt", "the private key" } },
        { "a.crt", "b.key", "", TLS_VERIFY_NO, { "b.key", "does not belong" } },
        { "a.crt", "a.key", "", TLS_VERIFY_YES, { "tls.ca_file is empty", "tls_auth_clients" } },
        { "a.crt", "a.key", "nowhere", TLS_VERIFY_YES, { "nowhere", "authorities" } },
        { "a.crt", "a.key", "nothing", TLS_VERIFY_OPTIONAL, { "nothing", "authorities" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char err[TLS_ERROR_MAX];
        struct tls_settings s = { .cert_file = cases[i].cert,
                                  .key_file = cases[i].key,
                                  .key_pass = "",
                                  .ca_file = cases[i].ca,
                                  .verify = cases[i].verify,
                                  .tls13_only = i % 2 == 0 };
        struct door_tls *tls = open_with(&s, err);
        if ((tls != NULL) != (cases[i].says[0] == NULL))
            fail_msg("row %zu: %s", i, err);
        for (size_t k = 0; !tls && k < 2; k++)
            if (!strstr(err, cases[i].says[k]))
                fail_msg("row %zu: %s", i, err);
        door_tls_free(tls);
    }
}

static void
a_context_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    char err[TLS_ERROR_MAX];
    struct tls_settings s = {
        .cert_file = "a.crt", .key_file = "a.key", .key_pass = "", .ca_file = ""
    };
    gnutls_session_t session;
    fail_next = true;
    assert_null(open_with(&s, err));
    assert_string_equal(err, "no memory for TLS");
    struct door_tls *tls = open_with(&s, err);
    assert_non_null(tls);
    assert_ptr_equal(door_tls_keep(tls), tls);
    door_tls_free(tls); /* the one that was kept remains */
    assert_int_equal(gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
    assert_true(door_tls_begin(tls, session));
    gnutls_deinit(session);
    door_tls_free(tls);
    door_tls_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_right_or_it_is_told_which_is_not),
        cmocka_unit_test(a_context_lives_as_long_as_somebody_holds_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
