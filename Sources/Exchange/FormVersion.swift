/// The versions of the form. The last one is written; all are read, each by its own rules: the identifier and the
/// signature of a form are over what its own version says.
package enum FormVersion: String, CaseIterable, Sendable {
    /// Of requests alone: method, route, JA4.
    case one = "wasstraat-fingerprint-1"
    /// Of requests or packets, with its kind and the evidence in bytes.
    case two = "wasstraat-fingerprint-2"

    package static let written = FormVersion.two
}
