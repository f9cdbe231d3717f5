/// Why something is in the filter's book: for whom, who said so, and the reason for people. Many entries share one.
package struct FilterNote: Hashable, Sendable {
    package static let tenantLimit = 64
    package static let reasonLimit = 200
    /// The longest name of a host.
    package static let siteLimit = 253

    /// Who said so.
    package enum Author: UInt8, CaseIterable, Sendable {
        case `operator` = 0
        /// The lane, of sources that it has proven hostile.
        case gateway = 1
        case detection = 2

        package var isMachine: Bool { self != .operator }

        package var name: String {
            switch self {
            case .operator: "operator"
            case .gateway: "gateway"
            case .detection: "detection"
            }
        }
    }

    /// The organisation; empty: all.
    package var tenant: String
    package var reason: String
    package var author: Author
    /// The site whose attack it is against, so that what it hits is counted for that; empty: none.
    package var site: String

    package init(tenant: String, reason: String, author: Author, site: String = "") {
        self.tenant = tenant
        self.reason = reason
        self.author = author
        self.site = site
    }

    /// What is wrong with it; nil: nothing.
    var refusal: FilterRefusal? {
        if tenant.utf8.count > Self.tenantLimit {
            return FilterRefusal(.text, "the tenant's name is longer than \(Self.tenantLimit) bytes")
        }
        if reason.isEmpty { return FilterRefusal(.text, "a reason is needed: somebody will ask") }
        if reason.utf8.count > Self.reasonLimit {
            return FilterRefusal(.text, "the reason is longer than \(Self.reasonLimit) bytes")
        }
        if site.utf8.count > Self.siteLimit {
            return FilterRefusal(.text, "the site's name is longer than \(Self.siteLimit) bytes")
        }
        // They are shown in terminals and logs, a line each.
        guard (tenant + reason + site).utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
            return FilterRefusal(.text, "tenant and reason are one line of text, without control characters")
        }
        return nil
    }
}

/// The notes in use, each once, by a number that entries hold.
struct NoteTable: Sendable {
    /// Different notes at a time. A batch has one; somebody who writes another reason for each address meets this bound
    /// before 20 MB are used.
    static let limit = 65_536

    private var notes: [FilterNote?] = []
    private var uses: [UInt32] = []
    private var numbers: [FilterNote: UInt32] = [:]
    private var free: [UInt32] = []

    var count: Int { numbers.count }

    /// Holds a note once more; nil where there are too many.
    mutating func retain(_ note: FilterNote) -> UInt32? {
        if let number = numbers[note] {
            uses[Int(number)] += 1
            return number
        }
        guard numbers.count < Self.limit else { return nil }
        let number: UInt32
        if let last = free.popLast() {
            number = last
            notes[Int(number)] = note
            uses[Int(number)] = 1
        } else {
            number = UInt32(notes.count)
            notes.append(note)
            uses.append(1)
        }
        numbers[note] = number
        return number
    }

    /// Holds once more what is held.
    mutating func retain(number: UInt32) { uses[Int(number)] += 1 }

    mutating func release(_ number: UInt32) {
        uses[Int(number)] -= 1
        guard uses[Int(number)] == 0, let note = notes[Int(number)] else { return }
        numbers[note] = nil
        notes[Int(number)] = nil
        free.append(number)
    }

    subscript(number: UInt32) -> FilterNote {
        // A number is held by an entry, and an entry's note is not let go before it.
        notes[Int(number)] ?? FilterNote(tenant: "", reason: "unknown", author: .operator)
    }

    /// By number; nil where a number is free.
    var all: [FilterNote?] { notes }
}
