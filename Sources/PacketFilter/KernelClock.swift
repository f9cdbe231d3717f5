internal import CLinux

/// The clock that our programs read: nanoseconds since the machine's start, as of the last tick, which is up to 10
/// milliseconds ago.
package enum KernelClock {
    package static var now: UInt64 { linux_coarse_clock() }
}
