# SPDX-License-Identifier: BSD-2-Clause
"""Certificates for tests, made by openssl for each run, in a directory that goes with it: an authority, a
server of it, one to replace it, a client "bob" of it, and a stranger of another authority."""
import os
import subprocess
import tempfile

FILES = tempfile.TemporaryDirectory(prefix="attl-tls-")


def path(name):
    return os.path.join(FILES.name, name)


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=60)


def make_authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
            "2", "-subj", f"/CN={name}", "-keyout", path(name + ".key"), "-out", path(name + ".crt"))


def make_certificate(name, authority, common_name, password=None, usage=None):
    request = path(name + ".csr")
    key = ["-nodes"] if password is None else ["-passout", "pass:" + password]
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *key, "-subj",
            f"/CN={common_name}", "-keyout", path(name + ".key"), "-out", request)
    with open(path(name + ".ext"), "w", encoding="ascii") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        if usage:
            f.write(f"extendedKeyUsage={usage}\n")
    openssl("x509", "-req", "-in", request, "-CA", path(authority + ".crt"), "-CAkey",
            path(authority + ".key"), "-CAcreateserial", "-days", "2", "-extfile",
            path(name + ".ext"), "-out", path(name + ".crt"))


def make_files():
    make_authority("ca")
    make_authority("other")
    make_certificate("server", "ca", "localhost")
    make_certificate("renewed", "ca", "renewed")
    make_certificate("locked", "ca", "localhost", "let me in")
    make_certificate("client", "ca", "bob")
    make_certificate("stranger", "other", "bob")
    make_certificate("serving", "ca", "bob", usage="serverAuth")
