import Glibc
import Messages
import TestKit
import Testing

extension LoopbackOrigin {
    /// From now on, answers requests for this path so.
    func say(
        _ path: String, _ fields: String..., body: String = "kept", status: String = "200 OK", after pause: Int = 0
    ) {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + fields
        answer(
            path, with: [.pause(milliseconds: pause), .text(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)])
    }

    /// How often it was asked for this path.
    func asked(_ path: String) -> Int { requests.count { $0.message.target.hasPrefix(path) } }
}

extension Street {
    /// A street whose origin answers "/page" with these fields.
    static func keeping(
        _ fields: String..., body: String = "kept", workers: Int = 1,
        _ change: (inout Snapshot) throws -> Void = { _ in }
    ) throws -> Street {
        let street = try Street(workers: workers, change)
        let lines = ["HTTP/1.1 200 OK", "Content-Length: \(body.utf8.count)"] + fields
        street.origin.answer("/page", with: [.text(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)])
        return street
    }

    var cache: CacheStatus { lane.status { _ in true }.sites[0].cache }

    /// The cache's figures once they are as wanted, or the last.
    func cache(_ wanted: @escaping (CacheStatus) -> Bool) -> CacheStatus {
        lane.status { wanted($0.sites[0].cache) }.sites[0].cache
    }
}

/// "Sun, 06 Nov 1994 08:49:37 GMT", so many seconds from now.
func httpDate(_ seconds: Int) -> String {
    var moment = time(nil) + seconds
    var parts = tm()
    gmtime_r(&moment, &parts)
    var text = [CChar](repeating: 0, count: 40)
    let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
    return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
