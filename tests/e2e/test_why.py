# SPDX-License-Identifier: BSD-2-Clause
"""ATTL.WHY and misses by cause, over the wire: who deleted a key, what expired and when, what had to make
room, and what FLUSHALL and a rollback leave behind. Each test starts its own server."""
import sys
import time

from attl_server import Error, Server, run


def why(client, key, *more):
    """The deaths of a key, as dictionaries of text and numbers."""
    reply = client.command("ATTL.WHY", key, *more)
    assert not isinstance(reply, Error), reply
    deaths = []
    for flat in reply:
        pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2])
        deaths.append({k.decode(): v.decode() if isinstance(v, bytes) else v for k, v in pairs})
    return deaths


def misses(server):
    attl = server.info("attl")
    return {cause: int(attl[f"attl_misses_{cause}"])
            for cause in ("cold", "expired", "evicted", "deleted")}


def a_deleted_key_names_its_client():
    with Server() as server, server.connect() as a, server.connect() as b:
        a.command("CLIENT", "SETNAME", "the-deleter")
        a_id = a.command("CLIENT", "ID")
        assert b.command("SET", "k", "v", "EX", "100") == b"OK"
        before_ms = int(time.time() * 1000)
        assert a.command("DEL", "k") == 1
        [death] = why(b, "k")
        assert death["cause"] == "deleted", death
        assert death["client_id"] == a_id, death
        assert death["client_name"] == "the-deleter", death
        assert death["client_addr"].startswith("127.0.0.1:"), death
        assert before_ms - 1000 <= death["at_ms"] <= before_ms + 10000, death
        assert 0 <= death["ago_ms"] < 10000, death
        assert 90000 < death["ttl_left_ms"] <= 100000, death
        a.close()
        deadline = time.monotonic() + 10
        while why(b, "k")[0]["client_name"]:  # until the server has noticed
            assert time.monotonic() < deadline
            time.sleep(0.02)
        [death] = why(b, "k")
        assert death["client_id"] == a_id and death["client_addr"] == "", death


def a_pipeline_is_one_client():
    with Server(threads=4) as server:
        clients = [server.connect() for _ in range(8)]
        ids = [c.command("CLIENT", "ID") for c in clients]
        for i, c in enumerate(clients):
            c.send(b"".join(b"SET k%d-%d v\r\nDEL k%d-%d\r\n" % (i, n, i, n) for n in range(50)))
        for i, c in enumerate(clients):
            for _ in range(50):
                assert c.reply() == b"OK" and c.reply() == 1
            for n in range(0, 50, 7):
                assert why(clients[0], f"k{i}-{n}")[0]["client_id"] == ids[i]
            if c is not clients[0]:
                c.close()
        clients[0].close()


def expired_keys_died_at_their_deadline():
    with Server() as server, server.connect() as c:
        c.command("HELLO", "3")
        assert c.command("SET", "k", "v", "PX", "50") == b"OK"
        deadline_ms = c.command("PEXPIRETIME", "k")
        time.sleep(0.2)
        assert c.command("GET", "k") is None
        [death] = why(c, "k")
        assert death["cause"] == "expired", death
        assert abs(death["at_ms"] - deadline_ms) <= 1, (death, deadline_ms)
        assert death["client_id"] == 0 and death["ttl_left_ms"] == 0, death
        time.sleep(1.5)  # by now it has been reclaimed; it died once
        assert len(why(c, "k")) == 1
        assert misses(server) == {"cold": 0, "expired": 1, "evicted": 0, "deleted": 0}


def evicted_keys_say_which_limit():
    with Server(args=["--cache.max_entries=1000"]) as server, server.connect() as c:
        for first in range(0, 4000, 500):
            c.send(b"".join(b"SET key:%d v\r\n" % n for n in range(first, first + 500)))
            for _ in range(500):
                assert c.reply() == b"OK"
        gone = [n for n in range(4000) if c.command("EXISTS", f"key:{n}") == 0]
        assert len(gone) >= 3000
        for n in gone[::100]:
            assert why(c, f"key:{n}")[0]["cause"] == "evicted-entries"
        for n in gone:
            assert c.command("GET", f"key:{n}") is None
        counted = misses(server)
        assert counted["evicted"] >= len(gone) * 99 // 100, (counted, len(gone))


def misses_have_their_causes():
    with Server() as server, server.connect() as c:
        c.command("SET", "deleted", "v")
        c.command("DEL", "deleted")
        c.command("SET", "expired", "v", "PX", "1")
        time.sleep(0.05)
        assert c.command("MGET", "deleted", "expired", "never") == [None, None, None]
        assert c.command("GET", "deleted") is None
        assert misses(server) == {"cold": 1, "expired": 1, "evicted": 0, "deleted": 2}
        c.command("CONFIG", "RESETSTAT")
        assert misses(server) == {"cold": 0, "expired": 0, "evicted": 0, "deleted": 0}


def clearing_is_told():
    with Server() as server, server.connect() as c:
        c.command("SET", "k", "v")
        c.command("DEL", "k")
        c.command("SET", "k", "v")
        c.command("FLUSHALL")
        causes = [d["cause"] for d in why(c, "k")]
        assert causes == ["cleared", "deleted"], causes
        assert why(c, "k", "COUNT", 1)[0]["client_id"] == c.command("CLIENT", "ID")


def a_rollback_is_told():
    with Server(args=["--persist.fsync=no"]) as server, server.connect() as c:
        c.command("SET", "old", "v")
        time.sleep(0.05)
        point = c.command("TIME")
        point_ms = int(point[0]) * 1000 + int(point[1]) // 1000
        time.sleep(0.05)
        c.command("SET", "new", "v")
        reply = c.command("ATTL.ROLLBACK", "TO", point_ms)
        assert not isinstance(reply, Error), reply
        assert c.command("EXISTS", "new") == 0
        [death] = why(c, "new")
        assert death["cause"] == "rolled-back", death
        assert death["client_id"] == c.command("CLIENT", "ID"), death


def it_can_be_switched_off():
    with Server(args=["--ledger.entries=0"]) as server, server.connect() as c:
        c.command("SET", "k", "v")
        c.command("DEL", "k")
        assert isinstance(c.command("ATTL.WHY", "k"), Error)
        assert c.command("GET", "k") is None
        assert sum(misses(server).values()) == 0


if __name__ == "__main__":
    sys.exit(run([a_deleted_key_names_its_client, a_pipeline_is_one_client,
                  expired_keys_died_at_their_deadline, evicted_keys_say_which_limit,
                  misses_have_their_causes, clearing_is_told, a_rollback_is_told,
                  it_can_be_switched_off]))
