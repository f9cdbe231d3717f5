extension PageLibrary {
    /// What the filter says of itself is in English, in either language.
    static let filterTemplate = """
        <section aria-labelledby="packet-filter"><h2 id="packet-filter">[[Pakketfilter|Packet filter]]</h2>
        {{#isAbsent}}<p class="empty">[[Er is geen pakketfilter ingesteld.|No packet filter is configured.]]</p>{{/isAbsent}}
        {{^isAbsent}}<div class="card site is-{{kind}}">
        <p class="badges"><span class="badge is-{{kind}}"><span class="sign" aria-hidden="true">{{sign}}</span> {{stateName}}</span></p>
        {{#reason}}<p lang="en">{{reason}}</p>{{/reason}}
        {{#answer}}<dl class="facts"><div><dt>Interface</dt><dd class="code">{{interface}}</dd></div>
        <div><dt>[[Regels|Rules]]</dt><dd>{{rules}}</dd></div></dl>
        {{#hasMissing}}<h3>[[Wat ontbreekt|What is missing]]</h3>
        <ul>{{#missing}}<li lang="en">{{.}}</li>{{/missing}}</ul>{{/hasMissing}}
        {{^hasMissing}}<p>[[Er ontbreekt niets.|Nothing is missing.]]</p>{{/hasMissing}}{{/answer}}
        </div>{{/isAbsent}}</section>
        """
}
