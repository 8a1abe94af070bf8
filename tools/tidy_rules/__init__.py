# SPDX-License-Identifier: BSD-2-Clause
"""The checks behind tools/tidy.py, one module per kind of thing that is looked at."""
