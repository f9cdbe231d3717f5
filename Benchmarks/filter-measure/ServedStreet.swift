import Glibc

/// A site behind the real lane, which the office runs: what visitors of the proof are served by. It listens at the end of
/// the wire that the floods come to.
final class ServedStreet {
    private let hosts: TwoHosts
    private let origin: pid_t
    private var office: pid_t = 0

    init(_ hosts: TwoHosts) throws {
        self.hosts = hosts
        origin = Command.start(
            "python3 -c \"import http.server as h, socketserver as s; s.TCPServer.request_queue_size = 512; "
                + "h.ThreadingHTTPServer(('127.0.0.1', 8081), h.SimpleHTTPRequestHandler).serve_forever()\" 2>/dev/null"
        )
        let file = hosts.state + "/street.yaml"
        try File.write(
            """
            state: \(hosts.state)/street
            organisations:
              - name: waterdam
                sites: [{host: www.example.nl, origin: 'http://127.0.0.1:8081'}]
            listeners: [{listen: '10.99.7.1:8080'}]
            metrics: {listen: '127.0.0.1:9464'}
            console: {listen: off}
            prober: {enabled: false}
            limits: {drain_time: 500 ms}

            """, to: file)
        office = Command.start("'\(hosts.program("wasstraat"))' run --config '\(file)' 2>'\(hosts.state)/street.log'")
        for _ in 0..<200 {
            if visit() { return }
            usleep(50_000)
        }
        throw MeasureError("the lane serves nobody: \(Command.output("tail -n 5 '\(hosts.state)/street.log'"))")
    }

    deinit {
        // The lane ends with its office.
        for (process, signal) in [(office, SIGTERM), (origin, SIGKILL)] where process > 0 {
            kill(process, signal)
            waitpid(process, nil, 0)
        }
    }

    /// kill -9 of the office and what it has started.
    func crash() {
        let lanes = Command.output("pgrep -P \(office)").split(separator: "\n").compactMap { pid_t($0) }
        kill(office, SIGKILL)
        for lane in lanes { kill(lane, SIGKILL) }
        waitpid(office, nil, 0)
        office = 0
    }

    /// One visit from the other end of the wire.
    func visit() -> Bool {
        hosts.output(
            there: "curl -s -o /dev/null -m 5 -w '%{http_code}' -H 'Host: www.example.nl' http://10.99.7.1:8080/"
        ).contains("200")
    }

    /// Visits, one after the other, until the body says that it is over.
    func visit(until isOver: () -> Bool) -> (served: Int, asked: Int) {
        var (served, asked) = (0, 0)
        while !isOver() {
            asked += 1
            served += visit() ? 1 : 0
            usleep(20_000)
        }
        return (served, asked)
    }
}
