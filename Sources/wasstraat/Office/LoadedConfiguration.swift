/// A configuration file as the office and `check` see it: fit for use, or with the reasons why not.
struct LoadedConfiguration: Sendable {
    struct Complaint: Sendable {
        /// A fault keeps the file from being used; everything else is a warning.
        var isFault: Bool
        /// "FILE:LINE: reason".
        var text: String
    }

    /// nil where there is a fault.
    var configuration: OfficeConfiguration?
    var complaints: [Complaint]
    var summary = ""

    static let defaultState = "/var/lib/wasstraat"
    static let reference = ""

    init(file: String) {
        complaints = [Complaint(isFault: true, text: "\(file):1: not joined yet")]
    }
}
