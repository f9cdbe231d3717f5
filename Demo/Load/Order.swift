/// One request that a driver wants sent.
package struct Order: Sendable {
    /// The source that it comes from: an index that the engine gave out.
    package var source: Int
    /// What the driver knows it by.
    package var job: Int
    /// Request line and header fields, each with its line end, without cookies and without the empty line.
    package var head: [UInt8]
    /// Bytes of a body to send after the head; its length is in the head already.
    package var body: [UInt8] = []
    /// A word that the page must hold; empty: none.
    package var word: [UInt8] = []
    /// When it has taken too long: nanoseconds of `Clock`.
    package var deadline: UInt64
    /// Which driver's; the engine writes it.
    var driver = 0
    var isReached = false
    var isRetried = false

    package init(source: Int, job: Int, head: [UInt8], deadline: UInt64) {
        self.source = source
        self.job = job
        self.head = head
        self.deadline = deadline
    }

    /// Adds the fields of a form, and the form.
    mutating func carry(form: [UInt8]) {
        head += "Content-Type: application/x-www-form-urlencoded\r\n".utf8
        head += "Content-Length: \(form.count)\r\n".utf8
        body = form
    }
}

/// How a request ended.
package struct Outcome: Equatable, Sendable {
    package enum Ending: String, Sendable, CaseIterable {
        /// A whole response came, of whatever status.
        case complete
        /// The server, or the kernel before it, refused or broke the connection.
        case broken
        /// TLS failed: the handshake, or the certificate.
        case untrusted
        /// Not a response, or one cut off.
        case malformed
        /// Its deadline passed.
        case late
        /// The engine did not send it: a bound was reached.
        case unsent
    }

    package var job: Int
    package var ending: Ending
    /// The response's status; 0 without one.
    package var status = 0
    /// The page holds the word asked for.
    package var hasWord = false
    /// Where it sends its reader, in the words of `ResponseReader`.
    package var location: [UInt8] = []
    package var retryAfter: Int?
    package var refresh: Refresh?

    package init(job: Int, ending: Ending) {
        self.job = job
        self.ending = ending
    }
}

/// Decides what is sent and when; the engine carries it out and tells how it ended. Classes, because the engine and the
/// caller both hold them.
package protocol Driver: AnyObject {
    /// The next moment at which something is to be sent; nil: nothing more.
    func due() -> UInt64?
    /// Sends what is due.
    func fire(at now: UInt64, on engine: Engine)
    func finished(_ outcome: Outcome, at now: UInt64, on engine: Engine)
    /// Nothing more is to be sent or awaited.
    func isDone(at now: UInt64) -> Bool
    /// The engine tells the driver its place, which the driver gives with each order.
    var place: Int { get set }
}
