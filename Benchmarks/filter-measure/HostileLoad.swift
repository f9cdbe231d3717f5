import Glibc

/// A site under load, as a script of Python: visitors, a crowd that is too large, floods, each from addresses of its own.
/// It prints a line for each request: what it was, from where, when it was sent (monotonic nanoseconds), its status; 0:
/// none.
enum HostileLoad {
    /// An origin with four places, 30 ms each: some 130 requests a second.
    static let origin = """
        import http.server, sys, threading, time
        slots = threading.Semaphore(4)
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def do_GET(self):
                with slots: time.sleep(0.03)
                self.send_response(200)
                self.send_header('Content-Length', '4')
                self.end_headers()
                self.wfile.write(b'page')
            def log_message(self, *words): pass
        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True
        Server(('127.0.0.1', 8081), Handler).serve_forever()
        """

    /// Words: a file that ends it once it is there, kind, first source, sources (each in a /24 of its own), requests a second
    /// of each, seconds at most. A flood asks four things at once, all others one.
    static let sources = """
        import os, socket, sys, threading, time
        mark, kind, first = sys.argv[1:4]
        count, rate, seconds = int(sys.argv[4]), float(sys.argv[5]), float(sys.argv[6])
        lock, end = threading.Lock(), time.monotonic() + seconds
        parts = [int(part) for part in first.split('.')]
        def ask(address, path, agent):
            began = time.monotonic_ns()
            try:
                with socket.create_connection(('10.99.7.1', 8080), 20 if kind == 'visitor' else 1, (address, 0)) as link:
                    link.sendall(('GET %s HTTP/1.1\\r\\nHost: site.example\\r\\nUser-Agent: %s\\r\\nConnection: close\\r\\n\\r\\n'
                        % (path, agent)).encode())
                    got = b''
                    while more := link.recv(65536): got += more
                return began, int(got[9:12] or 0)
            except OSError:
                return began, 0
        def source(number, hand, hands):
            address = '%d.%d.%d.%d' % (parts[0], parts[1], parts[2] + number, parts[3])
            due, turn = time.monotonic() + (number / count + hand) / rate, hand
            while True:
                time.sleep(max(0, due - time.monotonic()))
                if time.monotonic() >= end or os.path.exists(mark): return
                path = '/nieuws/%d' % (turn % 5) if kind in ('visitor', 'crowd') else '/zoeken?q=%d' % turn
                agent = 'agent/%d' % (turn % 10 if kind == 'shared' else number)
                began, status = ask(address, path, agent)
                with lock: print(kind, address, began, status, flush=True)
                turn += hands
                due = max(due + hands / rate, time.monotonic() - 0.5)
        hands = 4 if kind in ('flood', 'shared') else 1
        threads = [threading.Thread(target=source, args=(number, hand, hands))
            for number in range(count) for hand in range(hands)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """

    struct Request {
        var sent: UInt64
        var status: Int
    }

    /// What such a script printed.
    static func requests(in text: String) -> [Request] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 4, let sent = UInt64(words[2]), let status = Int(words[3]) else { return nil }
            return Request(sent: sent, status: status)
        }
    }
}
