/// Which ways of speaking TLS a worker's visitors have in calm, and which come in excess now: a hash of the ClientHello's
/// form (JA4) counts in a table of fixed size, once for calm and once for now.
///
/// As with the history of visitors, what comes is learnt only after two slices of time without pressure: the first wave
/// of a flood is not taken for the usual.
struct FamiliarClients: Sendable {
    /// 0 as usual, 3 hardly anything but excess.
    typealias Strangeness = Int

    private static let width = 1024
    /// Seconds of a slice.
    private static let slice: Float = 5
    /// Handshakes of calm without which nothing is told apart, and the weight at which all of them are halved.
    private static let enough: Float = 200
    private static let memory: Float = 100_000
    /// Shares below this one are noise.
    private static let leastShare: Float = 0.005
    /// Where nothing is known of calm: between the usual and the strange.
    static let unknown: Strangeness = 1

    private var calm = [Float](repeating: 0, count: width)
    private var settling = [Float](repeating: 0, count: width)
    private var fresh = [Float](repeating: 0, count: width)
    private var now = [Float](repeating: 0, count: width)
    private var calmTotal: Float = 0
    private var nowTotal: Float = 0
    private var sliceAge: Float = 0

    /// Counts a client, and says how strange it is.
    mutating func sight(_ client: UInt64, isCalm: Bool) -> Strangeness {
        let place = Int(truncatingIfNeeded: client ^ client >> 32) & (Self.width - 1)
        now[place] += 1
        nowTotal += 1
        if isCalm { fresh[place] += 1 }
        guard calmTotal >= Self.enough else { return Self.unknown }
        let usual = calm[place] / calmTotal
        let ratio = (now[place] / nowTotal + Self.leastShare) / (usual + Self.leastShare)
        let excess = ratio < 1.5 ? 0 : ratio < 4 ? 1 : ratio < 16 ? 2 : 3
        // Made up anew for each handshake, none comes often: it is strange all the same.
        return calm[place] < 0.5 ? max(2, excess) : excess
    }

    /// Time goes on by some seconds, in which what comes now fades by the factor.
    mutating func step(_ elapsed: Float, fading factor: Float, isCalm: Bool) {
        for index in now.indices { now[index] *= factor }
        nowTotal *= factor
        guard isCalm else {
            for index in fresh.indices { (fresh[index], settling[index]) = (0, 0) }
            sliceAge = 0
            return
        }
        sliceAge += elapsed
        guard sliceAge >= Self.slice else { return }
        sliceAge = 0
        for index in calm.indices {
            calm[index] += settling[index]
            calmTotal += settling[index]
            settling[index] = fresh[index]
            fresh[index] = 0
        }
        guard calmTotal >= Self.memory else { return }
        for index in calm.indices { calm[index] *= 0.5 }
        calmTotal *= 0.5
    }
}
