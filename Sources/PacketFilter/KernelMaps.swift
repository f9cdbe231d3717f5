package import Filters
internal import Glibc

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

extension KernelMaps {
    /// Opens what is pinned, and makes and pins what is not. A pinned map of another shape, of an older version of us, is
    /// replaced; programs that have it keep it.
    package init(keeping shapes: [EBPF.Map], in folder: PinFolder) throws(KernelError) {
        var maps: [KernelMap] = []
        for shape in shapes {
            let path = folder.path(shape.name)
            do {
                maps.append(try KernelMap(opening: path, as: shape))
            } catch {
                guard error.code == ENOENT || error.code == EINVAL else { throw error }
                try folder.remove(shape.name)
                let map = try KernelMap(creating: shape)
                try map.pin(at: path)
                maps.append(map)
            }
        }
        self.init(maps)
    }
}
