internal import Incidents
internal import Mitigations

extension Visit {
    /// The packet filter's state, for the street's own people; nil for all others.
    func filterView(_ filter: PacketFilterNow) -> View? {
        guard let account, account.organisation == nil else { return nil }
        switch filter {
        case .notConfigured: return ["isAbsent": true]
        case .unreachable(let reason):
            let state = wording.pick("Niet bereikbaar", "Cannot be reached")
            return ["kind": "down", "sign": "■", "stateName": state, "alarm": state, "reason": reason]
        case .answering(let answer): return filterView(answer)
        }
    }

    private func filterView(_ answer: PacketFilterNow.Answer) -> View {
        let count = answer.missing.count
        let (kind, sign) =
            answer.mode == .none ? ("down", "■") : count > 0 ? ("degraded", "▲") : ("up", "●")
        var rules = wording.number(UInt64(answer.rules))
        if answer.dryRules > 0 {
            let dry = wording.number(UInt64(answer.dryRules))
            rules +=
                answer.dryRules == 1
                ? wording.pick(", waarvan 1 alleen telt", ", of which 1 only counts")
                : wording.pick(", waarvan \(dry) alleen tellen", ", of which \(dry) only count")
        }
        if answer.suspendedRules > 0 {
            let stopped = wording.number(UInt64(answer.suspendedRules))
            // In words that fit one and several.
            rules += wording.pick(
                ", \(stopped) gestopt na treffers onder gewone bezoekers",
                ", \(stopped) stopped after hits among ordinary visitors")
        }
        var view: View = [
            "kind": kind, "sign": sign, "stateName": wording.filter(answer.mode),
            "answer": [
                "interface": answer.interface, "rules": rules, "hasMissing": count > 0, "missing": answer.missing,
            ]
                as View,
        ]
        if answer.mode == .none {
            view["alarm"] = wording.filter(.none)
        } else if count > 0 {
            view["alarm"] =
                count == 1
                ? wording.pick("er ontbreekt iets", "something is missing")
                : wording.pick("er ontbreken \(count) dingen", "\(count) things are missing")
        }
        return view
    }
}

extension Wording {
    /// How packets are filtered.
    fileprivate func filter(_ mode: EnforcerConduct.Mode) -> String {
        switch mode {
        case .none: pick("Er wordt niets gefilterd", "Nothing is filtered")
        case .native:
            pick("XDP native: in het stuurprogramma van de interface", "XDP native: in the interface's driver")
        case .generic:
            pick("XDP generic: in de kernel, langzamer dan native", "XDP generic: in the kernel, slower than native")
        case .nftables: pick("nftables: een deel van het filter, en langzamer", "nftables: a part of it, and slower")
        }
    }
}
