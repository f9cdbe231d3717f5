extension PageLibrary {
    static let incidentsTemplate = """
        <h1>[[Incidenten|Incidents]]</h1>
        <p>[[Het laatste jaar, nieuwste eerst.|The last year, latest first.]]</p>
        {{^hasIncidents}}<p class="empty">[[Er zijn geen incidenten.|There are no incidents.]]</p>{{/hasIncidents}}
        <ul class="rows">{{#incidents}}<li class="card row is-{{edge}}">
        <div><h2><a href="/incidents/{{number}}">{{number}}</a></h2><p class="sub">{{organisation}}</p></div>
        <div><p>{{sites}}</p><p class="sub">{{#start}}{{>time}}{{/start}} · {{duration}}</p></div>
        <p class="badges">{{#isOngoing}}<span class="badge is-down">[[Gaande|Ongoing]]</span>{{/isOngoing}}
        {{#outcome}}{{>badge}}{{/outcome}}{{#isProvisional}} <span class="sub">[[voorlopig|provisional]]</span>{{/isProvisional}}</p>
        </li>{{/incidents}}</ul>
        """

    static let incidentTemplate = """
        <p class="crumb"><a href="/incidents">[[Incidenten|Incidents]]</a></p>
        <h1>Incident {{number}}</h1>
        <p class="sub">{{organisation}} · {{sites}}</p>
        <p class="badges">{{#isOngoing}}<span class="badge is-down">[[Gaande|Ongoing]]</span>{{/isOngoing}}
        {{^isOngoing}}<span class="badge is-unknown">[[Voorbij|Over]]</span>{{/isOngoing}}</p>
        <section aria-labelledby="attacks"><h2 id="attacks">[[Wat er gebeurde|What happened]]</h2>
        <ul class="stack">{{#attacks}}{{>attack}}{{/attacks}}</ul></section>
        <section aria-labelledby="course"><h2 id="course">[[Verloop en berichten|Course and messages]]</h2>
        {{^hasPosts}}<p class="empty">[[Er is nog geen bericht geplaatst.|No message has been posted yet.]]</p>{{/hasPosts}}
        <ol class="timeline">{{#posts}}<li><p class="sub">{{#at}}{{>time}}{{/at}} · {{author}}</p>
        <p class="text" lang="nl">{{nl}}</p><p class="text second" lang="en">{{en}}</p></li>{{/posts}}</ol></section>
        {{#mayPost}}{{>incident-forms}}{{/mayPost}}
        <section aria-labelledby="done"><h2 id="done">[[Wat het systeem deed|What the system did]]</h2>
        {{^hasMitigations}}<p class="empty">[[Er is geen maatregel genoteerd.|No measure is on record.]]</p>{{/hasMitigations}}
        {{#hasMitigations}}<ul class="cards">{{#mitigations}}{{>mitigation}}{{/mitigations}}</ul>{{/hasMitigations}}</section>
        <section aria-labelledby="claims"><h2 id="claims">[[Wie zegt dat zij het deden|Who says they did it]]</h2>
        <p>[[Een claim is geen feit, en wordt nooit openbaar met naam.|A claim is not a fact, and is never made public with a name.]]</p>
        {{^hasClaims}}<p class="empty">[[Er is geen claim bekend.|No claim is known.]]</p>{{/hasClaims}}
        <ul class="stack">{{#claims}}<li class="card"><h3>{{claimant}}</h3><p class="sub">{{#at}}{{>time}}{{/at}} · {{place}} · [[door|by]] {{author}}</p>
        <p class="text">{{claim}}</p></li>{{/claims}}</ul>
        {{#mayFile}}<details class="card"><summary>[[Een claim vastleggen|File a claim]]</summary>
        <form method="post" action="{{link}}/claims">{{>key}}
        <p><label for="claimant">[[Wie zegt het?|Who says so?]]</label><input id="claimant" name="claimant" required maxlength="200"></p>
        <p><label for="place">[[Waar?|Where?]]</label> <span class="hint" id="place-hint">[[Bijvoorbeeld een kanaal of adres.|Such as a channel or an address.]]</span>
        <input id="place" name="place" aria-describedby="place-hint" required maxlength="500"></p>
        <p><label for="claim-text">[[Wat precies?|What exactly?]]</label><textarea id="claim-text" name="text" rows="4" required maxlength="4000"></textarea></p>
        <p><button class="primary">[[Vastleggen|File]]</button></p></form></details>{{/mayFile}}</section>
        <section aria-labelledby="evidence"><h2 id="evidence">[[Bewijs|Evidence]]</h2>
        {{^hasEvidence}}<p class="empty">[[Er is nog geen bewijs.|There is no evidence yet.]]</p>{{/hasEvidence}}
        <ul class="stack">{{#evidence}}<li class="card"><h3>{{code}}: {{kindName}}</h3>
        <p class="badges"><span class="badge is-unknown" title="{{gradeText}}">[[Graad|Grade]] {{grade}}</span></p>
        <p class="sub">{{#at}}{{>time}}{{/at}} · [[door|by]] {{author}} · {{gradeText}}</p><p class="text">{{evidenceText}}</p></li>{{/evidence}}</ul>
        <details class="card"><summary>[[De vijf soorten bewijs|The five kinds of evidence]]</summary>
        <div class="scroll" role="region" aria-label="[[Soorten bewijs|Kinds of evidence]]" tabindex="0"><table>
        <thead><tr><th scope="col">[[Soort|Kind]]</th><th scope="col">[[Wat|What]]</th><th scope="col">[[Zekerheid, ten hoogste|Confidence, at most]]</th></tr></thead>
        <tbody>{{#kinds}}<tr><th scope="row">{{code}}</th><td>{{kindName}}</td><td>{{most}}</td></tr>{{/kinds}}</tbody></table></div>
        <p>[[Alleen E5 mag als feit openbaar worden. Adressen of landen van bronnen bewijzen niets.|Only E5 may be published as fact. Addresses or countries of sources prove nothing.]]</p></details>
        {{#mayFile}}<details class="card"><summary>[[Bewijs vastleggen|File evidence]]</summary>
        <form method="post" action="{{link}}/evidence">{{>key}}
        <p><label for="kind">[[Soort|Kind]]</label><select id="kind" name="kind">{{#kinds}}<option value="{{value}}">{{code}}: {{kindName}}</option>{{/kinds}}</select></p>
        <p><label for="source">[[Hoe betrouwbaar is de bron?|How reliable is the source?]]</label>
        <select id="source" name="source">{{#sources}}<option value="{{value}}">{{value}}: {{shown}}</option>{{/sources}}</select></p>
        <p><label for="credibility">[[Hoe geloofwaardig is de informatie?|How credible is the information?]]</label>
        <select id="credibility" name="credibility">{{#credibilities}}<option value="{{value}}">{{value}}: {{shown}}</option>{{/credibilities}}</select></p>
        <p><label for="evidence-text">[[Wat is het bewijs?|What is the evidence?]]</label><textarea id="evidence-text" name="text" rows="4" required maxlength="4000"></textarea></p>
        <p><button class="primary">[[Vastleggen|File]]</button></p></form></details>{{/mayFile}}</section>
        <section aria-labelledby="shared"><h2 id="shared">[[Gedeeld met|Shared with]]</h2>
        {{^hasSharings}}<p class="empty">[[Er is nog niets gedeeld.|Nothing has been shared yet.]]</p>{{/hasSharings}}
        <ul class="stack">{{#sharings}}<li class="card"><p>{{with}} <span class="badge is-unknown">{{#wasReceived}}[[Ontvangen|Received]]{{/wasReceived}}{{^wasReceived}}[[Gegeven|Given]]{{/wasReceived}}</span></p>
        <p class="sub">{{#at}}{{>time}}{{/at}} · <span class="code">{{fingerprint}}</span></p></li>{{/sharings}}</ul>
        {{#mayShare}}<details class="card"><summary>[[Noteren dat een kenmerk gedeeld is|Note that a fingerprint was shared]]</summary>
        <form method="post" action="{{link}}/sharings">{{>key}}
        <p><label for="fingerprint">[[Kenmerk|Fingerprint]]</label><select id="fingerprint" name="fingerprint">{{#known}}<option value="{{.}}">{{.}}</option>{{/known}}</select></p>
        <p><label for="with">[[Met wie?|With whom?]]</label><input id="with" name="with" required maxlength="200"></p>
        <p><button class="primary">[[Noteren|Note]]</button></p></form></details>{{/mayShare}}</section>
        """

    static let incidentFormsTemplate = """
        <details class="card" id="message"{{#prepared}} open{{/prepared}}><summary>[[Een bericht plaatsen|Post a message]]</summary>
        <p>[[Kies een tekst, pas hem aan, en plaats hem. Inwoners lezen beide talen.|Choose a text, change it, and post it. Citizens read both languages.]]</p>
        <ul class="pills">{{#texts}}<li><a href="{{textLink}}"{{#isChosen}} aria-current="true"{{/isChosen}}>{{textTitle}}</a></li>{{/texts}}</ul>
        <form method="post" action="{{link}}/posts">{{>key}}
        <div class="pair"><p><label for="nl">Nederlands</label><textarea id="nl" name="nl" lang="nl" rows="7" required maxlength="4000">{{preparedNl}}</textarea></p>
        <p><label for="en">[[Engels|English]]</label><textarea id="en" name="en" lang="en" rows="7" required maxlength="4000">{{preparedEn}}</textarea></p></div>
        <p><button class="primary">[[Plaatsen|Post]]</button></p></form></details>
        """

    static let attackTemplate = """
        <li class="card attack is-{{outcomeKind}}"><h3>{{site}}</h3>
        <p class="badges">{{#outcome}}{{>badge}}{{/outcome}}{{#isProvisional}} <span class="badge is-unknown">[[Voorlopig|Provisional]]</span>{{/isProvisional}}
        {{#isGoingOn}}<span class="badge is-down">[[Gaande|Ongoing]]</span>{{/isGoingOn}}</p>
        <p>{{service}}. {{basis}}</p>
        <dl class="facts">
        <div><dt>[[Begin|Start]]</dt><dd>{{#start}}{{>time}}{{/start}}</dd></div>
        <div><dt>[[Duur|Duration]]</dt><dd>{{duration}}</dd></div>
        <div><dt>[[Niet bereikbaar|Unreachable]]</dt><dd>{{downtime}}</dd></div>
        {{#traffic}}<div><dt>[[Piek|Peak]]</dt><dd>{{peakLine}}</dd></div>
        <div><dt>[[Op|At]]</dt><dd>{{target}}</dd></div>
        <div><dt>[[Pakketten|Packets]]</dt><dd>{{packets}}, {{megabytes}} MB</dd></div>
        <div><dt>[[Bronnen, geschat|Sources, estimated]]</dt><dd>{{trafficSources}}</dd></div>{{/traffic}}
        {{^traffic}}<div><dt>[[Piek|Peak]]</dt><dd>{{peak}} [[per seconde; normaal|a second; usual]] {{usual}}</dd></div>
        <div><dt>[[Verzoeken|Requests]]</dt><dd>{{requests}}, [[waarvan|of which]] {{excess}} [[te veel|in excess]]</dd></div>
        <div><dt>[[Toegelaten|Admitted]]</dt><dd>{{admitted}}</dd></div>
        <div><dt>[[Geweigerd|Refused]]</dt><dd>{{refused}}</dd></div>
        <div><dt>[[Bronnen, geschat|Sources, estimated]]</dt><dd>{{sources}}</dd></div>{{/traffic}}
        </dl>
        {{#traffic}}{{#vectors}}<h4>{{vectorKind}}</h4><p class="sub">{{#vectorStart}}{{>time}}{{/vectorStart}} · {{vectorPackets}} [[pakketten|packets]]</p>
        {{#vectorMark}}<ul class="plain">{{#conditions}}<li><span class="code">{{feature}} = {{value}}</span></li>{{/conditions}}</ul>
        <p class="sub">{{evidenceLine}}</p>{{/vectorMark}}{{/vectors}}{{/traffic}}
        {{#hasRoutes}}<h4>[[Meest gevraagd|Most asked for]]</h4><ul class="plain">{{#routes}}<li><span class="code">{{route}}</span> {{count}}</li>{{/routes}}</ul>{{/hasRoutes}}
        {{#mark}}<h4>[[Kenmerk|Fingerprint]]</h4><ul class="plain">{{#conditions}}<li><span class="code">{{feature}} = {{value}}</span></li>{{/conditions}}</ul>
        <p class="sub">{{evidenceLine}}</p>{{/mark}}
        </li>
        """
}
