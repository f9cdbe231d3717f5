package import Filters

/// The maps of one filter, by their shapes.
package struct KernelMaps: Sendable {
    private var maps: [EBPF.Map: KernelMap]

    package init(_ maps: [KernelMap] = []) {
        self.maps = [:]
        for map in maps { self.maps[map.shape] = map }
    }

    /// Makes them all new.
    package init(creating shapes: [EBPF.Map]) throws(KernelError) {
        maps = [:]
        for shape in shapes where maps[shape] == nil { maps[shape] = try KernelMap(creating: shape) }
    }

    package subscript(shape: EBPF.Map) -> KernelMap? { maps[shape] }

    /// In no order.
    package var all: [KernelMap] { Array(maps.values) }
}
