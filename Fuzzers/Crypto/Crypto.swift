// In place of swift-crypto, for the fuzzers only: hashes of two bits. A changed form keeps its identifier and its
// signature one time in four, so that what lies behind their checks is fuzzed too; and BoringSSL, some 380 files of C++
// under a sanitizer, is not built for it.

private func weak(_ bytes: some Sequence<UInt8>) -> UInt8 {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return UInt8(truncatingIfNeeded: value >> 60) & 3
}

package enum SHA256 {
    package static func hash(data: some Sequence<UInt8>) -> [UInt8] { [weak(data)] + Array(repeating: 0, count: 31) }
}

package enum Insecure {
    package enum MD5 {
        package static func hash(data: some Sequence<UInt8>) -> [UInt8] {
            [weak(data)] + Array(repeating: 0, count: 15)
        }
    }
}

package enum Curve25519 {
    package enum Signing {
        package struct WrongSize: Error {}

        package struct PrivateKey: Sendable {
            package let rawRepresentation: [UInt8]

            package init() { rawRepresentation = Array(repeating: 1, count: 32) }

            package init(rawRepresentation: [UInt8]) throws {
                guard rawRepresentation.count == 32 else { throw WrongSize() }
                self.rawRepresentation = rawRepresentation
            }

            package var publicKey: PublicKey { PublicKey(of: rawRepresentation) }

            package func signature(for data: [UInt8]) throws -> [UInt8] {
                [weak(rawRepresentation + data)] + Array(repeating: 0, count: 63)
            }
        }

        package struct PublicKey: Sendable {
            package let rawRepresentation: [UInt8]

            init(of key: [UInt8]) { rawRepresentation = key }

            package init(rawRepresentation: [UInt8]) throws {
                guard rawRepresentation.count == 32 else { throw WrongSize() }
                self.rawRepresentation = rawRepresentation
            }

            package func isValidSignature(_ signature: [UInt8], for data: [UInt8]) -> Bool {
                signature.first.map { $0 & 3 } == weak(rawRepresentation + data)
            }
        }
    }
}
