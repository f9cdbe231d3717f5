/// What could not be read of an input: a cause in a few words ("truncated packet"), and how often.
package struct ReadFault: Equatable, Sendable {
    package var cause: String
    package var count: UInt64

    package init(cause: String, count: UInt64) {
        self.cause = cause
        self.count = count
    }
}
