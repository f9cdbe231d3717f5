internal import Messages
internal import Telemetry

extension TopScreen {
    /// What the lanes' caches have on disk; nil where no folder is set.
    func diskLine(_ model: TopModel, _ status: LaneStatus) -> [Part]? {
        let disk = status.disk
        guard disk.configured > 0 else { return nil }
        let isWhole = disk.open == disk.configured
        let state = isWhole ? "cache on disk" : "CACHE ON DISK: \(disk.open) of \(disk.configured) folders"
        let lost = (model.rate(\.disk.failed) ?? 0) + (model.rate(\.disk.broken) ?? 0)
        return [
            (isWhole ? .plain : .alarm, state),
            (.plain, "  \(disk.files) in \(Decimals.text(Double(disk.bytes) / 1_048_576, digits: 1)) MiB"),
            (.plain, "  read \(Self.rate(model.rate(\.disk.loaded)))/s"),
            (.plain, "  written \(Self.rate(model.rate(\.disk.written)))/s"),
            (lost > 0 ? .alarm : .plain, "  lost \(Self.rate(lost))/s"),
        ]
    }
}

extension TopModel {
    func appendDisk(_ disk: DiskStatus, to json: inout JSONText) {
        guard disk.configured > 0 else { return }
        json.raw(",\"disk_cache\":{\"configured\":")
        json.number(disk.configured)
        json.raw(",\"open\":")
        json.number(disk.open)
        json.raw(",\"files\":")
        json.number(disk.files)
        json.raw(",\"bytes\":")
        json.number(disk.bytes)
        json.field(",\"loaded_per_s\":", rate(\.disk.loaded))
        json.field(",\"written_per_s\":", rate(\.disk.written))
        json.raw(",\"evicted\":")
        json.number(disk.evicted)
        json.raw(",\"broken\":")
        json.number(disk.broken)
        json.raw(",\"failed\":")
        json.number(disk.failed)
        json.raw(",\"omitted\":")
        json.number(disk.omitted)
        json.raw("}")
    }
}
