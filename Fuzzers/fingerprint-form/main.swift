import Exchange
import Fingerprints
import FuzzerSupport
import Glibc
import Moments

// The input is read as a form of ours and as the coalition's. What is taken can be written, and is read again as the
// same.
private func run(_ bytes: [UInt8]) {
    form(bytes)
    coalition(bytes)
}

private func form(_ bytes: [UInt8]) {
    let received = Result { () throws(ExchangeError) in try ReceivedFingerprint(parsing: bytes) }
    if case .failure(let error) = received { check(error) }
    do throws(ExchangeError) {
        let read = try FingerprintForm(parsing: bytes)
        require(read.identifier == read.fingerprint.identifier(as: read.version), "another identifier")
        if case .signed = read.seal {
            require((try? received.get())?.fingerprint == read.fingerprint, "signed, but not received")
        } else {
            require((try? received.get()) == nil, "received without a signature")
        }
        // Version 2 says all that version 1 says.
        let again = Result { () throws(ExchangeError) in try FingerprintForm(parsing: read.fingerprint.form) }
        guard case .success(let second) = again else { return require(false, "not written again") }
        require(second.fingerprint == read.fingerprint && second.version == .two, "written as another")
        for network in read.fingerprint.evidence.networks {
            require(read.fingerprint.evidence.isSpoofable == false, "networks of forged sources")
            require(network.prefix.contains("/"), "an address")
        }
    } catch { check(error) }
}

private func coalition(_ bytes: [UInt8]) {
    let now = Moment(seconds: 1_795_423_428)
    do throws(ExchangeError) {
        for read in try CoalitionFingerprint.parse(bytes) {
            let again = Result { () throws(ExchangeError) in try CoalitionFingerprint.parse(read.json) }
            require(again == .success([read]), "written as another")
            let (fingerprints, losses) = read.fingerprints(lifetime: 86_400, at: now)
            require(fingerprints.count <= read.vectors.count, "more than there are")
            for loss in losses { check(loss.description) }
            for fingerprint in fingerprints {
                let form = Result { () throws(ExchangeError) in try fingerprint.form }
                // Times of another's clock may be any; all else is of our grammar.
                if case .failure(let error) = form { require(error.code == .wrongTime, "conditions of no grammar") }
            }
            require(read.ownKey.utf8.count == 32, "key")
        }
    } catch { check(error) }
}

private func check(_ error: ExchangeError) {
    require(!error.reason.isEmpty, "refused without a reason")
    check(error.reason)
}

private func check(_ text: String) {
    for scalar in text.unicodeScalars {
        require(scalar.value >= 32 && scalar.value != 127, "a control character in a message")
    }
}

exit(
    runFuzzer { data, size in
        run(Array(UnsafeBufferPointer(start: data, count: size)))
        return 0
    })
