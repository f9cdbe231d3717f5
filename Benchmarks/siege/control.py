"""curl_cffi itself beside our replay of it: run by the siege with the Python that has it. An order on standard input, a
report on standard output."""
import collections
import json
import sys
import threading
import time

from curl_cffi import requests

order = json.load(sys.stdin)
if not 1 <= order["rate"] <= 500 or not 0 < order["seconds"] <= 120 or not order["url"].startswith("https://site.localhost:"):
    sys.exit("the order is beyond its bounds")
statuses, lock = collections.Counter(), threading.Lock()
start, end = order["start"] / 1e9, order["start"] / 1e9 + order["seconds"]


def work(number, workers):
    sessions, turn, due = {}, 0, start + number / order["rate"]
    while due < end:
        time.sleep(max(0, due - time.monotonic()))
        address = order["addresses"][(number + workers * turn) % len(order["addresses"])]
        if address not in sessions:
            browser = order["browsers"][turn % len(order["browsers"])]
            sessions[address] = requests.Session(interface=address, impersonate=browser, verify=False, timeout=10)
        try:
            status = str(sessions[address].get(f"{order['url']}{number}a{turn}x").status_code)
        except Exception as error:  # whatever curl says, it is an answer that did not come
            status = type(error).__name__
        with lock:
            statuses[status] += 1
        turn, due = turn + 1, due + workers / order["rate"]


WORKERS = 40
threads = [threading.Thread(target=work, args=(number, WORKERS), daemon=True) for number in range(WORKERS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(max(0.1, end + 11 - time.monotonic()))
print(json.dumps({"statuses": statuses, "offered": int(order["rate"] * order["seconds"])}))
