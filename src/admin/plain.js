// SPDX-License-Identifier: BSD-2-Clause
// Fills in the figures of plain.html, every two seconds while the page can be seen. What the server says becomes text
// and nothing else. It asks two questions of the API, one after the other, and says so when there is no answer.
"use strict";

const by = (id) => document.getElementById(id);

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return (i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)) + " " + units[i];
}

function duration(s) {
  if (s < 120) return s + " s";
  if (s < 7200) return Math.floor(s / 60) + " min";
  return s < 172800 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " d";
}

function ratio(part, rest) {
  return part + rest > 0 ? ((100 * part) / (part + rest)).toFixed(1) + " %" : "nothing read yet";
}

function figures(info) {
  const m = info.memory, a = info.attl, p = info.persistence, s = info.stats;
  return [
    ["uptime", duration(info.server.uptime_in_seconds)],
    ["requests per second", String(s.instantaneous_ops_per_sec)],
    ["hits", ratio(s.keyspace_hits, s.keyspace_misses)],
    ["entries", String(a.attl_items)],
    ["memory used", bytes(m.used_memory) + (m.maxmemory ? " of " + bytes(m.maxmemory) : ", no limit")],
    ["process", bytes(m.used_memory_rss)],
    ["clients", info.clients.connected_clients + " of " + info.clients.maxclients],
    ["expired, evicted", s.expired_keys + ", " + s.evicted_keys],
    ["log", p.attl_log_state + (p.attl_log_enabled ? ", " + bytes(p.attl_unsynced_bytes) + " not synced" : "")],
  ];
}

function items(list, texts) {
  list.replaceChildren(...texts.map((text) => {
    const li = document.createElement("li");
    li.textContent = text;
    return li;
  }));
}

function show(info, incidents) {
  by("version").textContent = info.server.attl_version;
  by("figures").replaceChildren(...figures(info).flatMap(([name, value]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    return [dt, dd];
  }));
  const open = incidents.filter((i) => i.state !== "resolved");
  items(by("incidents"), open.length ? open.map((i) => i.severity + ": " + i.kind + ": " + i.cause) : ["none"]);
  const loading = info.persistence.loading === 1;
  by("state").textContent = loading ? "loading" : open.length ? open.length + " open incidents" : "serving";
  document.title = (open.length ? "(" + open.length + ") " : "") + "attld";
}

async function get(path) {
  const reply = await fetch(path, { cache: "no-store" });
  const envelope = await reply.json();
  if (!reply.ok) throw new Error(reply.status === 401 || reply.status === 403 ? "reading needs a token here: use curl with Authorization: Bearer TOKEN" : envelope.error.message);
  return envelope.result;
}

async function tick() {
  try {
    if (!document.hidden) show(await get("/api/v1/info"), await get("/api/v1/incidents"));
  } catch (e) {
    by("state").textContent = "no answer: " + e.message;
  }
  setTimeout(tick, 2000);
}

tick();
