internal import Detection
internal import FoundationEssentials

/// Attacks that the register did not take, on disk until it does: nothing is lost silently. It holds no source network:
/// those stay in memory, for only the register can seal them.
struct AttackSpool: Sendable {
    private static let limit = 4 << 20

    let folder: StateFolder
    let file: String

    func keep(_ attacks: [DetectedAttack]) {
        guard !attacks.isEmpty else { return }
        let open = attacks.map { attack in
            var shown = attack
            shown.networks = []
            return shown
        }
        // A disk that takes neither the register nor this: the recorder has said so already.
        guard let bytes = try? JSONEncoder().encode(open) else { return }
        try? folder.write(Array(bytes), to: file)
    }

    func take() -> [DetectedAttack] {
        guard let bytes = folder.read(file, limit: Self.limit) else { return [] }
        return (try? JSONDecoder().decode([DetectedAttack].self, from: Data(bytes))) ?? []
    }

    func clear() { folder.remove(file) }
}
