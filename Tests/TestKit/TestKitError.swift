/// Why a helper could not do its part; a test that throws it failed, or its machine did.
package enum TestKitError: Error, CustomStringConvertible {
    /// A system call, and its error number.
    case system(String, Int32)
    /// What did not come in time.
    case timedOut(String)
    /// The other side closed before this was whole.
    case closed(String)
    /// The other side sent what is not HTTP.
    case malformed(String)
    /// A tool ended with another status than 0, and its output.
    case tool(String, Int32, String)

    package var description: String {
        switch self {
        case .system(let call, let number): "\(call): error \(number)"
        case .timedOut(let what): "timed out: \(what)"
        case .closed(let what): "closed before \(what)"
        case .malformed(let what): "not HTTP: \(what)"
        case .tool(let tool, let status, let output): "\(tool) ended with \(status): \(output)"
        }
    }
}
