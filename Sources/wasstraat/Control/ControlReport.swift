internal import Mitigations

extension OfficeReport {
    /// What holds by hand, for the console and the record.
    struct Control: Sendable {
        var orders: [ControlBook.Order] = []
        /// Names of the sites that let everything through now, by hand or by the configuration.
        var observing: Set<String> = []
    }
}
