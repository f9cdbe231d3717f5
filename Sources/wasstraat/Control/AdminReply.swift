internal import Telemetry

/// An answer on the admin socket: a status and one line of JSON.
struct AdminReply {
    var status: Int
    var body: [UInt8]

    init(_ status: Int, _ body: [UInt8]) {
        self.status = status
        self.body = body
    }

    init(_ status: Int = 200, _ write: (inout JSONText) -> Void) {
        var json = JSONText()
        write(&json)
        json.raw("\n")
        self.init(status, json.bytes)
    }

    /// - Parameter code: for programs; `reason` is for people.
    static func refusal(_ status: Int, _ code: String, _ reason: String) -> AdminReply {
        AdminReply(status) {
            $0.raw("{\"error\":")
            $0.string(code)
            $0.raw(",\"reason\":")
            $0.string(reason)
            $0.raw("}")
        }
    }

    private var phrase: String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        default: "Internal Server Error"
        }
    }

    func encoded() -> [UInt8] {
        let head =
            "HTTP/1.1 \(status) \(phrase)\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n"
            + "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + body
    }
}
