package import Moments

/// Someone who may use the console.
package struct Account: Equatable, Sendable, Codable {
    /// 1-64 of a-z, 0-9, ".", "-" and "_".
    package var name: String
    package var role: Role
    /// The organisation whose matters it sees; nil: all (operators and analysts of the washing street).
    package var organisation: String?
    /// The scrypt hash of the password with its parameters and salt, as the console made it.
    package var password: String
    /// The secret of its second factor (RFC 6238), on disk sealed; nil: it has none.
    package var factor: [UInt8]?

    package init(name: String, role: Role, organisation: String?, password: String, factor: [UInt8]? = nil) {
        self.name = name
        self.role = role
        self.organisation = organisation
        self.password = password
        self.factor = factor
    }

    package enum Role: String, CaseIterable, Sendable, Codable {
        /// Sees, posts, and undoes what the system does.
        case `operator`
        /// Sees, and files evidence and claims (a CSIRT analyst).
        case analyst
        /// Only sees (an auditor).
        case auditor
    }
}

/// A console session. The register holds a hash made of its token, never the token.
package struct Session: Equatable, Sendable {
    /// SHA-256 of the token's secret with the account's stored password hash and second factor, hexadecimal: where one of
    /// these changes, every session of the account ends.
    package var key: String
    package var account: String
    package var expires: Moment

    package init(key: String, account: String, expires: Moment) {
        self.key = key
        self.account = account
        self.expires = expires
    }
}
