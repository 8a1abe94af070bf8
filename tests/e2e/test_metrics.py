#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Metrics as monitoring reads them: Prometheus' own linter over the text, its checker over our alert rules,
Debian's redis_exporter and a running Prometheus against a running attld, and the numbers themselves against what
was done. Where a tool is not installed its part is skipped, and says so.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from attl_server import Server, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/attl.json"
WAIT_S = 20
# What monitoring tools index INFO by: docs/monitoring.md says which.
INFO_FIELDS = """
    redis_version redis_mode os run_id process_id tcp_port uptime_in_seconds uptime_in_days hz connected_clients
    blocked_clients maxclients tracking_clients used_memory used_memory_rss used_memory_peak used_memory_overhead
    used_memory_startup used_memory_dataset used_memory_human maxmemory maxmemory_policy mem_fragmentation_ratio
    mem_clients_normal mem_aof_buffer allocator_allocated allocator_active allocator_resident
    number_of_cached_scripts loading rdb_changes_since_last_save rdb_last_save_time rdb_last_bgsave_status
    rdb_last_bgsave_time_sec rdb_bgsave_in_progress aof_enabled aof_current_size aof_last_write_status
    aof_pending_bio_fsync aof_delayed_fsync total_connections_received total_commands_processed
    instantaneous_ops_per_sec instantaneous_input_kbps instantaneous_output_kbps total_net_input_bytes
    total_net_output_bytes rejected_connections expired_keys expired_stale_perc expired_time_cap_reached_count
    evicted_keys keyspace_hits keyspace_misses tracking_total_keys tracking_total_items tracking_total_prefixes
    total_error_replies role connected_slaves master_repl_offset used_cpu_sys used_cpu_user cluster_enabled
    cmdstat_get latency_percentiles_usec_get db0
""".split()


def tool(name):
    path = shutil.which(name)
    if not path:
        print(f"SKIPPED: {name} is not installed")
    return path


def text_of(c, *format_word):
    reply = c.command("ATTL.METRICS", *format_word)
    return reply.decode() if isinstance(reply, bytes) else reply


def samples(text):
    """{'name{labels}': value} of a Prometheus text."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in found, f"{name} twice"
            assert value, repr(line)
            found[name] = float(value)
    return found


def use(c):
    """A little of everything that is counted."""
    c.command("SET", "stays", "v" * 1000)
    c.command("SET", "goes", "v", "PX", "50")
    for _ in range(100):
        c.command("GET", "stays")
    for _ in range(10):
        c.command("GET", "never")
    c.command("DEL", "never", "stays2")
    c.command("SET", "stays2", "v")
    c.command("DEL", "stays2")
    time.sleep(0.3)


def numbers_are_true(c):
    got = samples(text_of(c))
    assert got["attl_hits_total"] == 100, got["attl_hits_total"]
    assert got["attl_misses_total"] >= 10
    assert abs(got["attl_hit_ratio"] - 100 / (100 + got["attl_misses_total"])) < 1e-9
    assert got['attl_removals_total{cause="deleted"}'] == 1
    assert got['attl_commands_total{cmd="get"}'] == 110
    assert got['attl_command_duration_seconds_count{family="string",access="read"}'] == 7  # 1 + 109 // 16
    parts = sum(got[f'attl_memory_bytes{{part="{part}"}}'] for part in
                ("records", "values", "dead", "unsealed", "retired", "index", "ghost"))
    assert parts == got["attl_memory_used_bytes"], (parts, got["attl_memory_used_bytes"])
    assert got["attl_clients"] == 1
    assert got["attl_ready"] == 1
    assert got["attl_log_ok"] == 1
    assert got['attl_stage_duration_seconds_count{stage="fsync"}'] >= 1
    assert got['attl_log_state{state="writing"}'] == 1
    assert 0 < got["process_resident_memory_bytes"] < got["process_virtual_memory_bytes"]
    assert got["process_open_fds"] >= 5
    assert got["process_threads"] >= 3
    assert abs(got["process_start_time_seconds"] - time.time()) < 60


def expiry_is_counted(c):
    end = time.time() + WAIT_S
    while samples(text_of(c))['attl_removals_total{cause="expired"}'] < 1:
        assert time.time() < end, "an expired entry was not reclaimed"
        time.sleep(0.1)
    got = samples(text_of(c))
    assert got['attl_stage_duration_seconds_count{stage="expiry_lag"}'] == 1
    assert got['attl_stage_duration_seconds_sum{stage="expiry_lag"}'] <= 2


def info_agrees(c):
    """Fields of INFO that the page names for a metric show the same number."""
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    pairs = re.findall(r"^\| `(\w+)` \| \w+ \|  \| `(\w+)` \|", page, re.MULTILINE)
    assert len(pairs) > 50, len(pairs)
    info = dict(line.split(":", 1) for line in c.command("INFO", "everything").decode().split("\r\n")
                if ":" in line)
    moving = {"attl_requests_total", "attl_net_received_bytes_total", "attl_net_sent_bytes_total",
              "process_resident_memory_bytes", "attl_memory_committed_bytes", "attl_audit_oldest_age_seconds"}
    got = samples(text_of(c))
    for metric, field in pairs:
        assert field in info, f"INFO has no {field}"
        if metric in got and metric not in moving:
            assert float(info[field]) == got[metric], (metric, got[metric], field, info[field])
    missing = [f for f in INFO_FIELDS if f not in info]
    assert not missing, missing


def json_agrees(c):
    families = json.loads(text_of(c, "JSON"))
    text = text_of(c)
    for name, family in families.items():
        assert family["help"] and family["type"] in ("counter", "gauge", "histogram", "info")
        if family["samples"]:
            assert re.search(rf"^# TYPE {name} ", text, re.MULTILINE), name
    assert families["attl_items"]["samples"][0]["value"] == 1
    for sample in families["attl_command_duration_seconds"]["samples"]:
        assert sample["buckets"][-1] == [None, sample["count"]]
        assert sample["p50"] <= sample["p99"] <= sample["p999"]


def openmetrics_is_one(c):
    text = text_of(c, "OPENMETRICS")
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    names = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    assert len(names) == len({name for name, _ in names})
    counters = [name for name, kind in names if kind == "counter"]
    assert counters and not any(name.endswith("_total") for name in counters)
    for name in counters:
        assert re.search(rf"^{name}_total(\{{.*\}})? ", text, re.MULTILINE), name


def promtool_is_content(c):
    promtool = tool("promtool")
    if not promtool:
        return
    done = subprocess.run([promtool, "check", "metrics"], input=text_of(c), text=True, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout
    done = subprocess.run([promtool, "check", "rules", RULES], text=True, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    done = subprocess.run([promtool, "check", "config", ROOT / "deploy/prometheus/prometheus.yml"], text=True,
                          timeout=30, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout


def known_names(c):
    names = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(encoding="utf-8"),
                           re.MULTILINE))
    assert {name.split("{")[0] for name in samples(text_of(c))} >= {"attl_items"}
    return names | {f"{name}_{line}" for name in names for line in ("bucket", "sum", "count")}


def rules_and_dashboard_use_metrics_that_exist(c):
    names = known_names(c)
    for path in (RULES, DASHBOARD):
        used = set(re.findall(r"\b(?:attl|process)_[a-z_]+", path.read_text(encoding="utf-8")))
        used -= {"attl_down"}
        assert len(used) > 10, path
        assert used <= names, f"{path}: {sorted(used - names)}"
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    assert len({p["id"] for p in panels}) == len(panels)


def fetch(url):
    end = time.time() + WAIT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return reply.read().decode()
        except (urllib.error.URLError, ConnectionError):
            if time.time() > end:
                raise
            time.sleep(0.1)


def redis_exporter_scrapes(server):
    exporter = tool("prometheus-redis-exporter") or tool("redis_exporter")
    if not exporter:
        return
    port = free_port()
    with subprocess.Popen([exporter, f"-redis.addr=redis://127.0.0.1:{server.port}",
                           f"-web.listen-address=127.0.0.1:{port}"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as p:
        try:
            got = samples(fetch(f"http://127.0.0.1:{port}/metrics"))
        finally:
            p.terminate()
    assert got["redis_up"] == 1
    assert got["redis_keyspace_hits_total"] == 100, got["redis_keyspace_hits_total"]
    assert got['redis_db_keys{db="db0"}'] == 1
    assert got['redis_commands_total{cmd="get"}'] == 110
    assert got["redis_memory_used_bytes"] > 0
    assert got["redis_blocked_clients"] == 0
    assert got["redis_exporter_last_scrape_error" + '{err=""}'] == 0
    print(f"redis_exporter: {len(got)} samples")


def admin_port_serves(port):
    """Whether this attld was built with an admin port, which needs libmicrohttpd."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            assert reply.headers["Content-Type"].startswith("text/plain"), reply.headers["Content-Type"]
            assert samples(reply.read().decode())["attl_hits_total"] == 100
        return True
    except (urllib.error.URLError, ConnectionError) as e:
        print(f"SKIPPED: no metrics on the admin port to scrape: {e}")
        return False


def prometheus_scrapes(admin_port):
    prometheus = tool("prometheus")
    if not admin_port_serves(admin_port) or not prometheus:
        return
    with tempfile.TemporaryDirectory() as d:
        port = free_port()
        config = pathlib.Path(d, "prometheus.yml")
        config.write_text("global: {scrape_interval: 1s}\n"
                          f"rule_files: ['{RULES}']\n"
                          "scrape_configs: [{job_name: attl, static_configs: [{targets: "
                          f"['127.0.0.1:{admin_port}']}}]}}]\n", encoding="utf-8")
        with subprocess.Popen([prometheus, f"--config.file={config}", f"--storage.tsdb.path={d}/data",
                               f"--web.listen-address=127.0.0.1:{port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
            try:
                base = f"http://127.0.0.1:{port}/api/v1"
                end = time.time() + WAIT_S
                while True:
                    found = json.loads(fetch(f"{base}/query?query=attl_hits_total"))["data"]["result"]
                    if found:
                        break
                    assert time.time() < end, "nothing was scraped"
                    time.sleep(0.3)
                assert found[0]["value"][1] == "100", found
                up = json.loads(fetch(f"{base}/query?query=up"))["data"]["result"]
                assert up[0]["value"][1] == "1", up
            finally:
                p.terminate()


def main():
    admin_port = free_port()
    with Server(**{"persist.fsync": "everysec", "admin_port": admin_port}) as server, server.connect() as c:
        c.command("SET", "stays", "v")
        c.command("CONFIG", "RESETSTAT")
        use(c)
        time.sleep(1)  # a sync has been made by then
        numbers_are_true(c)
        expiry_is_counted(c)
        json_agrees(c)
        openmetrics_is_one(c)
        promtool_is_content(c)
        info_agrees(c)
        rules_and_dashboard_use_metrics_that_exist(c)
        redis_exporter_scrapes(server)
        prometheus_scrapes(admin_port)
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
