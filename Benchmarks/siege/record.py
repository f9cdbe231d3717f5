#!/usr/bin/env python3
"""Records how browsers begin a connection, as curl_cffi (PyPI, MIT) imitates them, into browsers.json.

usage: record.py FILE          (with curl_cffi and hpack installed; loopback only)

Kept for each browser: the bytes of its ClientHello, what is in them, its HTTP/2 SETTINGS, window and order of
pseudo-header fields, and its header fields in order. The load program sets up BoringSSL after these figures, and sends the
bytes themselves where only a ClientHello is wanted. Host names and random values are those of this recording.
"""
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

BROWSERS = ("chrome131", "firefox133", "safari180", "safari180_ios", "chrome131_android")
HOST = "site.localhost"


def listener():
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(8)
    return listening, listening.getsockname()[1]


def ask(browser, port):
    from curl_cffi import requests
    try:
        requests.get(
            f"https://{HOST}:{port}/", impersonate=browser, timeout=5, verify=False)
    except Exception:  # the listener answers nothing: that is expected
        pass


def client_hello(browser):
    listening, port = listener()
    thread = threading.Thread(target=ask, args=(browser, port))
    thread.start()
    peer, _ = listening.accept()
    peer.settimeout(5)
    data = b""
    while len(data) < 5 or len(data) < 5 + struct.unpack(">H", data[3:5])[0]:
        data += peer.recv(65536)
    peer.close()
    listening.close()
    thread.join()
    return data


def u16s(data):
    return [struct.unpack(">H", data[at:at + 2])[0] for at in range(0, len(data) - 1, 2)]


def is_grease(value):
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def dissect(record):
    body = record[9:]
    at = 34
    at += 1 + body[at]
    size = struct.unpack(">H", body[at:at + 2])[0]
    ciphers = u16s(body[at + 2:at + 2 + size])
    at += 2 + size
    at += 1 + body[at]
    end = at + 2 + struct.unpack(">H", body[at:at + 2])[0]
    at += 2
    extensions, found = [], {}
    while at < end:
        kind, length = struct.unpack(">HH", body[at:at + 4])
        extensions.append(kind)
        found[kind] = body[at + 4:at + 4 + length]
        at += 4 + length
    return {
        "grease": any(map(is_grease, ciphers)),
        "ciphers": [value for value in ciphers if not is_grease(value)],
        "extensions": [value for value in extensions if not is_grease(value)],
        "groups": [value for value in u16s(found.get(10, b"\0\0")[2:]) if not is_grease(value)],
        "signatures": u16s(found.get(13, b"\0\0")[2:]),
        "compressions": u16s(found[27][1:]) if 27 in found else [],
    }


def frames(browser, folder):
    import hpack
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    context.set_alpn_protocols(["h2"])
    listening, port = listener()
    thread = threading.Thread(target=ask, args=(browser, port))
    thread.start()
    peer, _ = listening.accept()
    peer = context.wrap_socket(peer, server_side=True)
    peer.settimeout(5)
    data = b""
    kept = {"settings": [], "window": 0, "pseudo": "", "priority": None, "fields": []}
    peer.sendall(b"\0\0\0\x04\0\0\0\0\0")
    data = b""
    at = 24
    while not kept["fields"]:
        data += peer.recv(65536)
        while len(data) >= at + 9 and len(data) >= at + 9 + int.from_bytes(data[at:at + 3], "big"):
            length, kind, flags = int.from_bytes(data[at:at + 3], "big"), data[at + 3], data[at + 4]
            stream = int.from_bytes(data[at + 5:at + 9], "big")
            payload = data[at + 9:at + 9 + length]
            at += 9 + length
            if kind == 4 and not flags & 1:
                kept["settings"] = [list(struct.unpack(">HI", payload[i:i + 6])) for i in range(0, length, 6)]
            elif kind == 8 and stream == 0:
                kept["window"] = int.from_bytes(payload, "big")
            elif kind == 1:
                if flags & 0x20:
                    kept["priority"] = [int.from_bytes(payload[:4], "big"), payload[4]]
                    payload = payload[5:]
                fields = [tuple(map(lambda t: t if isinstance(t, str) else t.decode(), pair))
                          for pair in hpack.Decoder().decode(payload)]
                kept["pseudo"] = "".join(name[1] for name, _ in fields if name[0] == ":")
                kept["fields"] = [list(pair) for pair in fields if pair[0][0] != ":"]
    peer.close()
    listening.close()
    thread.join()
    return kept


def main():
    import curl_cffi
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
                        "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
        browsers = []
        for name in BROWSERS:
            hello = client_hello(name)
            browsers.append({"name": name, **dissect(hello), **frames(name, folder), "hello": hello.hex()})
            print(name, len(hello), "bytes", file=sys.stderr)
    report = {"note": f"How browsers begin a connection, as curl_cffi {curl_cffi.__version__} imitates them; made by "
                      "record.py on loopback. Facts of protocols, no code.",
              "source": "curl_cffi of PyPI (MIT)", "browsers": browsers}
    with open(sys.argv[1], "w") as file:
        lines = ",\n".join("    " + json.dumps(browser) for browser in report.pop("browsers"))
        about = json.dumps(report, indent=2).rstrip("\n}")
        file.write(f'{about},\n  "browsers": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
