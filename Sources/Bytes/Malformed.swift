/// Why bytes from outside were refused, and where: the one error of the ground floor.
public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong; a closed set, so that refusals can be counted by reason.
    public enum Reason: String, Sendable, CaseIterable {
        /// The input ended before what it promised.
        case truncated
        /// A byte or value that the format does not allow at this place.
        case invalid
        /// More than the budget named beside the check: too long, too many, too deep.
        case overBudget
        /// A version or variant that we do not speak.
        case unsupported
        /// Two statements in the same input that contradict each other.
        case contradictory
    }

    public var reason: Reason
    /// Bytes from the start of the input that the reader was given.
    public var offset: Int

    @inlinable
    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public var description: String { "\(reason.rawValue) at byte \(offset)" }
}
