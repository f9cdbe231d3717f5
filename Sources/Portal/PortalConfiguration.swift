/// How the console is reached, and how long a session lasts.
package struct PortalConfiguration: Sendable {
    package var listener: Listener
    /// Host names (without a port) that it answers to; others get 421, so that no other site's name can be pointed at it.
    package var hosts: Set<String>
    /// Visitors come over TLS, which ends before the console: cookies are then for TLS only.
    package var isSecure = false
    /// Seconds from signing in to the end of the session.
    package var sessionTime = 8.0 * 3_600
    /// Connections at once; more wait to be accepted.
    package var connectionLimit = 256
    /// Readers of live figures at once.
    package var viewerLimit = 64
    package var passwordCost = Password.Cost.usual
    /// Who has no second factor may do nothing but set one up.
    package var needsFactor = false

    package enum Listener: Sendable {
        /// An address literal, and a port (0: any that is free).
        case address(String, port: Int)
        /// A bound, listening, non-blocking socket, which the console takes over once it runs.
        case bound(Int32)
    }

    package init(listener: Listener, hosts: Set<String>) {
        self.listener = listener
        self.hosts = hosts
    }
}
