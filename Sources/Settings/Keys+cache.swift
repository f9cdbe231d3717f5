internal import Messages

extension Keys {
    /// What is kept of a site's responses; keys of the site itself.
    enum Cache {
        static let mode = Key(
            "cache", .choice(["on", "off", "hard-times"]), .value("on"),
            "What is kept of the site's responses. `on`: as they allow (RFC 9111), and in hard times: under pressure, or "
                + "when the origin does not answer, public pages are shown as they were. `hard-times`: only that. Nothing "
                + "private is ever kept.")
        static let stale = Key(
            "stale", .amount(.time, 0...30 * 86_400_000), .value("1 day"),
            "How long after it went out of date a page may be shown in hard times, in whole seconds. Where the origin "
                + "forbids it (`must-revalidate`), never.")
        static let fallback = Key(
            "fallback", .text(.path), .otherwise("Wasstraat's own page"),
            "A page in HTML, at most 256 KiB, for visitors who can be shown nothing else: it goes out with 503 and "
                + "Retry-After. It must need nothing else of the site: no style sheet, no image.")

        static let all = [mode, stale, fallback]
    }
}

extension Settings.Site {
    /// What the lane is told of the cache; complains where the fallback page cannot be read.
    func compileCache(_ files: some Files, _ complaints: inout Complaints) -> Snapshot.Caching {
        var cache = Snapshot.Caching()
        cache.mode = self.cache.mode
        cache.stale = self.cache.stale
        guard let path = self.cache.fallback else { return cache }
        do throws(FileTrouble) {
            cache.fallback = try files.read(path, limit: Snapshot.Caching.fallbackLimit).bytes
        } catch {
            complaints.refuse(self.cache.fallbackPlace, error.reason(for: path))
            return cache
        }
        if cache.fallback.isEmpty {
            complaints.refuse(self.cache.fallbackPlace, "the file \(shownPath(path)) is empty")
        }
        return cache
    }
}

extension SettingsBuilder {
    func cache(_ values: Values) -> Settings.Cache {
        var cache = Settings.Cache()
        switch values.text(Keys.Cache.mode) {
        case "off": cache.mode = .off
        case "hard-times": cache.mode = .hardTimes
        default: cache.mode = .on
        }
        cache.stale = UInt32(clamping: (values.number(Keys.Cache.stale) ?? 86_400_000) / 1000)
        cache.fallback = values.text(Keys.Cache.fallback).map(path)
        cache.fallbackPlace = values.place(of: Keys.Cache.fallback)
        return cache
    }
}
