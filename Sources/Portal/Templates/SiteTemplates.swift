extension PageLibrary {
    static let nowTemplate = """
        <h1>[[Nu|Now]]</h1>
        <p class="lead">{{summary}}</p>
        {{#networks}}<p class="badges"><a class="badge is-down" href="/incidents/{{number}}">Incident {{number}}: {{what}}</a></p>
        {{/networks}}
        {{#filter}}{{#alarm}}<p class="badges"><a class="badge is-{{kind}}" href="#packet-filter"><span class="sign" aria-hidden="true">{{sign}}</span>
        [[Pakketfilter|Packet filter]]: {{alarm}}</a></p>{{/alarm}}{{/filter}}
        {{^hasSites}}<p class="empty">[[Er zijn geen sites die u mag zien.|There are no sites that you may see.]]</p>{{/hasSites}}
        {{#groups}}<section>
        <h2>{{organisation}}</h2>
        <ul class="cards">{{#sites}}<li class="card site is-{{stateKind}}" id="{{key}}-card">
        <h3><a href="{{link}}">{{host}}</a></h3>
        <p class="sub">{{service}}</p>
        <p class="badges"><span class="badge is-{{stateKind}}" id="{{key}}-badge"><span class="sign" aria-hidden="true" id="{{key}}-sign">{{sign}}</span>
        <span id="{{key}}-state">{{stateName}}</span></span>
        {{#isUnderPressure}}<span class="badge is-degraded">[[Onder druk|Under pressure]]</span>{{/isUnderPressure}}
        {{#isObserving}}<span class="badge is-unknown">[[Laat alles door|Lets all through]]</span>{{/isObserving}}
        {{#number}}<a class="badge is-down" href="/incidents/{{number}}">Incident {{number}}</a>{{/number}}</p>
        <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <path class="is-admitted" id="{{key}}-bar-admitted" d="{{barAdmitted}}"/><path class="is-queued" id="{{key}}-bar-queued" d="{{barQueued}}"/><path class="is-refused" id="{{key}}-bar-refused" d="{{barRefused}}"/></svg>
        <dl class="figures">
        <div><dt>[[Verzoeken per seconde|Requests a second]]</dt><dd id="{{key}}-requests">{{requests}}</dd></div>
        <div><dt><span class="dot is-admitted" aria-hidden="true"></span>[[Toegelaten|Admitted]]</dt><dd id="{{key}}-admitted">{{admitted}}</dd></div>
        <div><dt><span class="dot is-queued" aria-hidden="true"></span>[[Moest wachten|Made to wait]]</dt><dd id="{{key}}-queued">{{queued}}</dd></div>
        <div><dt><span class="dot is-refused" aria-hidden="true"></span>[[Geweigerd|Refused]]</dt><dd id="{{key}}-refused">{{refused}}</dd></div>
        </dl>
        <p class="sub">{{origins}}</p>
        </li>{{/sites}}</ul>
        </section>{{/groups}}
        {{#filter}}{{>filter}}{{/filter}}
        """

    static let siteTemplate = """
        <p class="crumb"><a href="/">[[Nu|Now]]</a></p>
        <h1>{{host}}</h1>
        <p class="sub">{{organisation}} · {{service}}</p>
        <p class="badges">{{#state}}{{>badge}}{{/state}}
        {{#isUnderPressure}}<span class="badge is-degraded">[[Onder druk|Under pressure]]</span>{{/isUnderPressure}}
        {{#number}}<a class="badge is-down" href="/incidents/{{number}}">Incident {{number}}</a>{{/number}}</p>
        {{#isObserving}}<div class="notice"><p><strong>[[Alles wordt nu doorgelaten.|Everything is let through now.]]</strong>
        [[Het systeem telt alleen wat het zou doen.|The system only counts what it would do.]]</p>
        {{#mayUndo}}<form method="post" action="{{link}}/protect">{{>key}}<button class="primary">[[Weer beschermen|Protect again]]</button></form>{{/mayUndo}}</div>
        {{/isObserving}}{{>plot}}
        <dl class="facts">
        <div><dt>[[Bezig bij de site|In flight]]</dt><dd>{{inFlight}} [[van ten hoogste|of at most]] {{limit}}</dd></div>
        <div><dt>[[In de wachtrij|Waiting]]</dt><dd>{{waiting}}</dd></div>
        <div><dt>[[Servers gezond|Healthy origins]]</dt><dd>{{healthy}} [[van|of]] {{all}}</dd></div>
        </dl>
        <section aria-labelledby="measures"><h2 id="measures">[[Wat het systeem doet, en waarom|What the system does, and why]]</h2>
        {{^hasMitigations}}<p class="empty">[[Het systeem doet hier nu niets.|The system does nothing here now.]]</p>{{/hasMitigations}}
        {{#hasMitigations}}<ul class="cards">{{#mitigations}}{{>mitigation}}{{/mitigations}}</ul>{{/hasMitigations}}
        {{#mayObserve}}<details class="card"{{#reasonError}} open{{/reasonError}}><summary>[[Dit alles terugdraaien|Undo all of this]]</summary>
        <p>[[Dan gaat alles een tijd door naar de site. Ook een aanval.|Then everything goes to the site for a time. An attack too.]]
        [[Daarna beschermt het systeem weer vanzelf.|After that the system protects again by itself.]]</p>
        <form method="post" action="{{link}}/observe">{{>key}}
        <fieldset><legend>[[Hoe lang?|How long?]]</legend>
        <p><label class="choice"><input type="radio" name="time" value="900" checked> [[15 minuten|15 minutes]]</label>
        <label class="choice"><input type="radio" name="time" value="3600"> [[1 uur|1 hour]]</label>
        <label class="choice"><input type="radio" name="time" value="28800"> [[8 uur|8 hours]]</label></p></fieldset>
        <p><label for="reason">[[Waarom?|Why?]]</label> <span class="hint" id="reason-hint">[[Komt in het logboek, voor altijd. Geen naam en geen adres van iemand.|Goes into the audit log, for good. No name and no address of anybody.]]</span>
        {{#reasonError}}<span class="fault" id="reason-fault" role="alert">{{reasonError}}</span>{{/reasonError}}
        <input id="reason" name="reason" value="{{reason}}" aria-describedby="reason-hint{{#reasonError}} reason-fault{{/reasonError}}"{{#reasonError}} aria-invalid="true"{{/reasonError}} required maxlength="200"></p>
        <p><button class="danger">[[Alles doorlaten|Let everything through]]</button></p></form></details>{{/mayObserve}}
        <p class="sub"><a href="/orders">[[Met de hand: bronnen en regels|By hand: sources and rules]]</a></p>
        </section>
        {{#hasPast}}<section aria-labelledby="past"><h2 id="past">[[De laatste zeven dagen|The last seven days]]</h2>
        <ul class="cards">{{#past}}{{>mitigation}}{{/past}}</ul></section>{{/hasPast}}
        {{#hasDays}}<section aria-labelledby="days"><h2 id="days">[[De laatste 30 dagen|The last 30 days]]</h2>
        <svg class="days" viewBox="0 0 300 24" preserveAspectRatio="none" role="img" aria-label="{{daysText}}">{{#days}}
        <rect class="is-{{dayKind}}" x="{{x}}" y="{{y}}" width="8" height="{{height}}"/>{{/days}}</svg>
        <p class="sub">{{daysText}}</p></section>{{/hasDays}}
        """

    static let plotTemplate = """
        <figure class="plot" aria-labelledby="plot-title">
        <figcaption><h2 id="plot-title">[[Verzoeken per seconde|Requests a second]]</h2>
        <ul class="legend"><li><span class="dot is-admitted" aria-hidden="true"></span>[[Toegelaten|Admitted]] <strong id="n-admitted">{{admitted}}</strong></li>
        <li><span class="dot is-queued" aria-hidden="true"></span>[[Moest wachten|Made to wait]] <strong id="n-queued">{{queued}}</strong></li>
        <li><span class="dot is-refused" aria-hidden="true"></span>[[Geweigerd|Refused]] <strong id="n-refused">{{refused}}</strong></li></ul></figcaption>
        <div class="frame"><span class="tick" id="plot-top">{{plotTop}}</span>
        <svg viewBox="0 0 600 160" preserveAspectRatio="none" role="img" aria-label="{{plotText}}">
        <path class="grid" d="M0 2H600M0 81H600"/>
        <path class="is-refused" id="plot-refused" d="{{plotRefused}}"/><path class="is-queued" id="plot-queued" d="{{plotQueued}}"/>
        <path class="is-admitted" id="plot-admitted" d="{{plotAdmitted}}"/><path class="axis" d="M0 160H600"/></svg></div>
        <h3>[[Tijd tot het eerste antwoord, 95 van de 100 verzoeken|Time to first byte, 95 of 100 requests]]</h3>
        <div class="frame low"><span class="tick" id="plot-latency-top">{{latencyTop}}</span>
        <svg viewBox="0 0 600 160" preserveAspectRatio="none" role="img" aria-label="{{latencyText}}">
        <path class="grid" d="M0 2H600M0 81H600"/><path class="line" id="plot-latency" d="{{plotLatency}}"/><path class="axis" d="M0 160H600"/></svg></div>
        <p class="times"><span id="plot-from">{{plotFrom}}</span><span id="live" data-on="[[Live|Live]]"
        data-off="[[Verbinding weg, wordt hersteld|Connection lost, reconnecting]]">[[Stand bij het laden|As of loading]]</span><span id="plot-to">{{plotTo}}</span></p>
        <details><summary>[[Als tabel|As a table]]</summary><div class="scroll" role="region" aria-label="[[Tabel|Table]]" tabindex="0"><table>
        <thead><tr><th scope="col">[[Minuut|Minute]]</th><th scope="col">[[Toegelaten|Admitted]]</th><th scope="col">[[Moest wachten|Made to wait]]</th>
        <th scope="col">[[Geweigerd|Refused]]</th><th scope="col">[[Traagste|Slowest]]</th></tr></thead><tbody>
        {{#minutes}}<tr><th scope="row">{{minute}}</th><td>{{minuteAdmitted}}</td><td>{{minuteQueued}}</td><td>{{minuteRefused}}</td><td>{{minuteSlowest}}</td></tr>
        {{/minutes}}</tbody></table></div></details>
        </figure>
        """

    static let mitigationTemplate = """
        <li class="card measure"><h3>{{kind}}</h3>
        <p class="badges"><span class="badge is-{{statusKind}}">{{status}}</span></p>
        <p{{#isEnglish}} lang="en"{{/isEnglish}}>{{reason}}</p>
        <dl class="facts"><div><dt>[[Sinds|Since]]</dt><dd>{{#since}}{{>time}}{{/since}}</dd></div>
        <div><dt>[[Tot|Until]]</dt><dd>{{#until}}{{>time}}{{/until}}{{^until}}[[Tot de oorzaak weg is|Until the cause is gone]]{{/until}}</dd></div>
        {{^packets}}<div><dt>{{droppedTitle}}</dt><dd>{{dropped}}</dd></div>{{/packets}}
        {{#packets}}<div><dt>[[Waar|Where]]</dt><dd>[[Pakketfilter aan|Packet filter at]] {{interface}}, {{machine}}</dd></div>
        <div><dt>[[Pakketten tegengehouden|Packets dropped]]</dt><dd>{{packetsDropped}}</dd></div>
        {{#packetsSpared}}<div><dt>[[Pakketten alleen geteld|Packets only counted]]</dt><dd>{{packetsSpared}}</dd></div>{{/packetsSpared}}
        {{#packetsAnswered}}<div><dt>[[SYN met een cookie beantwoord|SYN answered with a cookie]]</dt><dd>{{packetsAnswered}}</dd></div>{{/packetsAnswered}}
        {{#isOfSources}}<div><dt>[[Bronnen, ten hoogste tegelijk|Sources, at most at a time]]</dt><dd>{{mostSources}}</dd></div>{{/isOfSources}}
        {{#hasMatch}}<div><dt>[[Welke pakketten|Which packets]]</dt><dd><span class="code">{{match}}</span></dd></div>{{/hasMatch}}{{/packets}}</dl></li>
        """
}
