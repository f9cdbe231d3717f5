package import Detection

/// An order by hand as somebody gives it, on the admin socket or in the console. It is checked where it is carried out.
package enum HandOrder: Equatable, Sendable {
    /// What holds for a time.
    /// - Parameter site: its name; empty: all sites.
    case hold(ControlBook.Act, site: String, seconds: Int64, reason: String)
    /// What was said is taken back, by its number.
    case expire(UInt64)
    /// A word on a rule on requests.
    /// - Parameter site: its name; nil: all sites.
    case rule(LiveRule.Order, of: UInt64, site: String?, reason: String)

    /// Who gives it.
    package struct Giver: Equatable, Sendable {
        /// As the audit log has it.
        package var name: String
        /// The organisation at whose sites it may; nil: at all.
        package var organisation: String?

        package init(name: String, organisation: String? = nil) {
            self.name = name
            self.organisation = organisation
        }
    }
}
