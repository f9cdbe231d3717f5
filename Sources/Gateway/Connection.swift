internal import Addresses
internal import Admission
internal import Heads
internal import Packets
internal import Sketches

/// A socket, with or without TLS, and what could not be written to it yet.
struct Stream {
    var socket: Int32 = -1
    /// Bytes may be waiting in the socket: the last read did not empty it.
    var isReadable = false
    /// The kernel said that the peer ended its side; what came before may still be read.
    var isHungUp = false
    /// The peer has ended its side, or the socket is broken.
    var isEnded = false
    /// It did not end in order: by a reset, or by what is no TLS.
    var isBroken = false
    /// Whose it is: a site's place among the worker's tenants, or nobody's.
    var tenant: UInt16 = 0
    /// The kernel's events that wait until the others are served, while its site is heavy.
    var deferred: UInt16 = 0
    var tls: OpaquePointer?
    /// To an origin, which may send as it likes.
    var isOrigin = false
    /// What a visitor's TLS records cost beside what they say.
    var records = RecordBudget()
    /// Bytes as they go on the wire (ciphertext under TLS).
    var out = Store()
}

/// One visitor's connection, or a request that an HTTP/2 connection carries. Trivial to copy: everything it owns is given back by the worker when it closes.
struct Visitor {
    enum Phase: UInt8 {
        case free
        /// Waiting for a PROXY header.
        case preface
        /// Waiting for, or in the middle of, a ClientHello: nothing of TLS exists for it yet.
        case hello
        /// Its ClientHello is whole, in `pending`; it waits for its turn.
        case ready
        case handshake
        /// Waiting for, or in the middle of, a request's head.
        case head
        /// The head is whole; the rest of a small body, or the first part of another, is awaited before an origin is asked
        /// for.
        case body
        /// The request waits in its site's queue.
        case waiting
        /// The request waits for the response to another one, which is for it too.
        case following
        /// The request is with an origin.
        case exchange
        case tunnel
        /// A file of the public pages goes out.
        case page
        /// The last response is out; what still comes in is thrown away until the peer ends.
        case lingering
        /// Speaks HTTP/2: its requests are records of their own.
        case carrying
    }

    var timer = TimerWheel.Node()
    var generation: UInt32 = 0
    var phase = Phase.free
    var listener: UInt8 = 0
    var isTLS = false
    /// Close as soon as `stream.out` is empty.
    var closesAfterFlush = false
    /// The source may say for whom it forwards.
    var isTrustedPeer = false
    /// It began with a PROXY header: the peer of the connection is a load balancer, whatever the source is.
    var hasPreface = false
    /// It goes on in the next round.
    var isPostponed = false
    /// A request came over this connection before.
    var isReused = false
    /// Nobody: no connection, and nothing is sent. What its request brings is kept (`Worker+refresh.swift`).
    var isAbsent = false
    /// It was slow with its ClientHello once.
    var isLate = false
    /// It was here before, by its source or its session ticket; as far as TLS knows.
    var isFamiliar = false
    /// In `ready`: its place in the queue for key exchanges.
    var turn: UInt16 = 0
    /// Let through in its handshake while its site was held back: its first request is not asked again.
    var hasPass = false
    /// Which crawler its first request said it is (`Worker.Claim`).
    var claim: UInt8 = 0
    /// The site that the certificate was shown for; `TLSPort.noSite` in clear.
    var site = TLSPort.noSite
    /// How the visitor's program speaks TLS.
    var ja4: JA4?
    var stream = Stream()
    var source = Address(high: 0, low: 0)
    /// Bytes received and not used yet: part of a head, or what came behind it.
    var pending = Store()
    var scanner = HeadScanner()
    /// In `carrying`: what the connection holds beside this.
    var carrier: UnsafeMutablePointer<Carrier>?
    /// What there is beside this of a request that a connection carries: `stream` has no socket then, and its `out` holds
    /// content not framed yet.
    var carriage: UnsafeMutablePointer<Carried>?
    /// In `hello`: bytes without which nothing new can be said of it.
    var helloNeeds: UInt32 = 0
    /// In `body`: bytes of head and body together; else 0.
    var awaited: UInt32 = 0
    /// In `body`: how long the body is, is not known. It may end before so many bytes are there.
    var isOpenEnded = false
    /// It is awaited for a second only.
    var hasShortTime = false
    /// The first part of such a body did not come in time.
    var startsSlow = false
    var exchange: UnsafeMutablePointer<Exchange>?
    /// In `page`: what is under way.
    var page: UnsafeMutablePointer<PageSending>?
    /// How often the request has waited for another one's response.
    var follows: UInt8 = 0
    /// Of a request that has waited so: when it came, in milliseconds of the worker's clock; else 0.
    var askedAt: UInt32 = 0
    /// Bytes taken from the visitor and given to its stream since the pace was last judged.
    var moved: UInt64 = 0
    /// Bytes for the visitor that the kernel and `stream.out` held when the pace was last judged.
    var held: Int32 = 0
    /// Bytes of places that what is gathered, or lies behind a request under way, has on the books.
    var reserved: UInt32 = 0
}

/// How far a message's content is.
struct Body {
    var framing = Framing.none
    var remaining: UInt64 = 0
    var chunks = ChunkedBody()
    var isDone = true

    init() {}

    init(_ framing: Framing) {
        self.framing = framing
        isDone = framing == .none
        if case .length(let length) = framing { remaining = length }
    }
}

/// One request on its way: from its head to the last byte of its response.
struct Exchange {
    static let noUpstream = UInt32.max

    /// The next record not in use.
    var next: UnsafeMutablePointer<Exchange>?
    var visitor: UInt32 = 0
    var upstream = Exchange.noUpstream
    var site: Unmanaged<Site>?
    /// The request's head as it came.
    var head = Store()
    var method = Method.get
    var minorVersion = 1
    var keepsAlive = true
    var wantsUpgrade = false
    var holdsSlot = false
    /// Holds its connection to the origin without a slot, and is counted as such in the origin's pool.
    var isSlowUpload = false
    /// Its body was slow before it had a slot: it gives that back at once, where it may be one of the slow uploads.
    var startsSlow = false
    var isKnown = false
    var isSuspect = false
    /// The rule that marked it; 0: none.
    var rule: UInt64 = 0
    var hasCookie = false
    var givesCookie = false
    var wasRetried = false
    var wasQueued = false
    /// Content of the request was taken from the visitor: it cannot be sent again.
    var bodyWasTaken = false
    /// More came behind the request than is kept; it was thrown away, and the connection closes.
    var leavesRest = false
    var responseStarted = false
    var closesVisitor = false
    /// Others wait for this one's response.
    var flight: UInt32?
    /// The request came with cookies that are not the lane's.
    var hasOtherCookies = false
    var dechunks = false
    var enchunks = false
    var slot: Slot?
    /// What admission knows the request by.
    var ticket: UInt64 = 0
    var sourceHash: UInt64 = 0
    var request = Body()
    var response = Body()
    /// Lines of the response's trailers, for HTTP/2.
    var trailers = Store()
    var status: UInt16 = 0
    var methodName = Heads.Slice.empty
    var path = Heads.Slice.empty
    var pathLength = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    var started: UInt64 = 0
    var sent: UInt64 = 0
    var firstByte: UInt64 = 0
    /// Hash of its key in the cache; 0: the cache has no part in it.
    var cacheHash: UInt64 = 0
    /// What the origin is asked about: does it still hold? Retained, as the next.
    var revalidates: Unmanaged<StoredResponse>?
    /// The response's content on its way into the cache.
    var capture: Unmanaged<CacheCapture>?
}

/// One connection to an origin.
struct Upstream {
    enum Phase: UInt8 {
        case free
        /// No connection: waits until the origin is to be tried again.
        case resting
        case connecting
        case handshake
        case idle
        /// A request is out; its response's head has not come.
        case awaiting
        /// The same, but the visitor is gone.
        case orphaned
        case responding
        case tunnel
    }

    var timer = TimerWheel.Node()
    var generation: UInt32 = 0
    var phase = Phase.free
    /// The response can stand while the visitor is slow: nothing is read until its `out` is empty.
    var isPaused = false
    /// Only because its organisation is near its cap of memory: nobody else is to notice.
    var isPausedForCap = false
    var isReused = false
    var keepsAlive = true
    /// Whose it was when it was made, who holds it until it ends. Nobody's where it is only tried.
    var owner: UInt16 = 0
    var pool: Int32 = 0
    /// The next idle connection of the pool.
    var nextIdle = TimerWheel.none
    /// When it came into the pool, in nanoseconds.
    var restedAt: UInt64 = 0
    var stream = Stream()
    var pending = Store()
    var scanner = HeadScanner()
    var exchange: UnsafeMutablePointer<Exchange>?
    var orphan: Orphan?
    var moved: UInt32 = 0
}

/// What is left of a request whose visitor is gone while its origin works on it.
struct Orphan {
    var slot: Slot
    /// Retained.
    var site: Unmanaged<Site>
}
