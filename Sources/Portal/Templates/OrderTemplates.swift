extension PageLibrary {
    static let ordersTemplate = """
        <h1>[[Met de hand|By hand]]</h1>
        <p class="lead">[[Wat mensen het systeem hebben gezegd. Alles houdt vanzelf op, en is met één knop terug te nemen.|What people told the system. All of it ends by itself, and is taken back with one button.]]</p>
        {{#refused}}<p class="error" role="alert">[[De opdracht is niet gegeven:|The order was not given:]] {{refused}}</p>
        {{/refused}}<section aria-labelledby="modes"><h2 id="modes">Sites</h2>
        <ul class="cards">{{#special}}<li class="card"><h3><a href="{{link}}">{{host}}</a></h3><p class="sub">{{organisation}}</p>
        <p class="badges"><span class="badge is-{{modeKind}}">{{mode}}</span></p>
        {{#order}}{{>order}}{{/order}}{{^order}}<p>[[Zo staat het in de configuratie.|So the configuration says.]]</p>{{/order}}</li>{{/special}}</ul>
        {{#hasUsual}}<details class="card"><summary>{{usualText}}</summary><ul class="plain">{{#usual}}<li><a href="{{link}}">{{host}}</a></li>{{/usual}}</ul></details>{{/hasUsual}}
        {{#mayOrder}}{{#modeForm}}<details class="card"{{#isOpen}} open{{/isOpen}}><summary>[[Een site alles laten doorlaten, of weer beschermen|Let everything through at a site, or protect it again]]</summary>
        <form method="post" action="/orders/mode">{{>key}}
        <p><label for="mode-site">Site</label>{{>place-error}}
        <select id="mode-site" name="site"{{#siteError}} aria-invalid="true" aria-describedby="site-error"{{/siteError}}><option value="">[[Kies een site|Choose a site]]</option>
        {{#places}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{shown}}</option>{{/places}}</select></p>
        <fieldset><legend>[[Wat?|What?]]</legend>
        <p><label class="choice"><input type="radio" name="mode" value="observe" checked> [[Alles doorlaten en alleen tellen. Ook een aanval gaat door.|Let everything through and only count. An attack gets through too.]]</label>
        <label class="choice"><input type="radio" name="mode" value="protect"{{#is-protect}} checked{{/is-protect}}> [[Beschermen|Protect]]</label></p></fieldset>
        <p><label for="mode-time">[[Hoe lang?|How long?]]</label>{{#timeError}}<span class="fault" id="time-error">{{timeError}}</span>{{/timeError}}
        <select id="mode-time" name="time">{{#times}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{shown}}</option>{{/times}}</select></p>
        <p><label for="mode-reason">[[Waarom?|Why?]]</label> <span class="hint" id="mode-hint">[[Komt in het logboek, voor altijd. Geen naam en geen adres van iemand.|Goes into the audit log, for good. No name and no address of anybody.]]</span>
        {{#reasonError}}<span class="fault" id="mode-fault">{{reasonError}}</span>{{/reasonError}}
        <input id="mode-reason" name="reason" value="{{reason}}" aria-describedby="mode-hint{{#reasonError}} mode-fault{{/reasonError}}"{{#reasonError}} aria-invalid="true"{{/reasonError}} required maxlength="200"></p>
        <p><button class="primary">[[Opdracht geven|Give the order]]</button></p></form></details>{{/modeForm}}{{/mayOrder}}
        </section>
        <section aria-labelledby="sources"><h2 id="sources">[[Bronnen|Sources]]</h2>
        {{#elsewhere}}<p class="notice">[[Opdrachten van de wasstraat zelf, die bij alle sites gelden|Orders of the street itself that hold at all sites]]: {{elsewhere}}. [[Alleen haar beheerders zien ze.|Only its operators see them.]]</p>{{/elsewhere}}
        {{^hasOrders}}<p class="empty">[[Er is niemand met de hand toegelaten of geweigerd.|Nobody is let in or denied by hand.]]</p>{{/hasOrders}}
        {{#hasOrders}}{{^seesSources}}<p class="sub">[[Adressen zijn gegevens van mensen: alleen beheerders zien ze.|Addresses are data of people: only operators see them.]]</p>{{/seesSources}}
        <ul class="cards">{{#orders}}<li class="card">{{#address}}<h3 class="code">{{address}}</h3>{{/address}}{{^address}}<h3>[[Een bron|A source]]</h3>{{/address}}
        <p class="sub">[[bij|at]] {{place}}</p><p class="badges"><span class="badge is-{{kind}}">{{kindName}}</span></p>
        {{>order}}</li>{{/orders}}</ul>
        {{#older}}<p><a href="/orders?before={{older}}#sources">[[Oudere opdrachten|Older orders]]</a></p>{{/older}}{{/hasOrders}}
        {{#mayOrder}}{{#sourceForm}}<details class="card"{{#isOpen}} open{{/isOpen}}><summary>[[Een bron toelaten of weigeren|Let a source in, or deny it]]</summary>
        <form method="post" action="/orders">{{>key}}
        <fieldset><legend>[[Wat?|What?]]</legend>
        <p><label class="choice"><input type="radio" name="kind" value="deny" checked> [[Weigeren: elk verzoek krijgt 403|Deny: each request is answered with 403]]</label>
        <label class="choice"><input type="radio" name="kind" value="allow"{{#is-allow}} checked{{/is-allow}}> [[Toelaten: gaat voor, ook onder druk|Let in: goes first, also under pressure]]</label></p></fieldset>
        <p><label for="source">[[Adres of blok|Address or block]]</label> <span class="hint" id="source-hint">[[Zoals|Such as]] 192.0.2.7, 192.0.2.0/24, 2001:db8::/48.</span>
        {{#sourceError}}<span class="fault" id="source-fault">{{sourceError}}</span>{{/sourceError}}
        <input id="source" name="source" value="{{typed}}" aria-describedby="source-hint{{#sourceError}} source-fault{{/sourceError}}"{{#sourceError}} aria-invalid="true"{{/sourceError}} autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="64"></p>
        <p><label for="source-site">Site</label>{{>place-error}}
        <select id="source-site" name="site"{{#siteError}} aria-invalid="true" aria-describedby="site-error"{{/siteError}}><option value="">[[Kies een site|Choose a site]]</option>
        {{#isOfStreet}}<option value="*"{{#isEverywhere}} selected{{/isEverywhere}}>[[Alle sites|All sites]]</option>{{/isOfStreet}}
        {{#places}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{shown}}</option>{{/places}}</select></p>
        <p><label for="source-time">[[Hoe lang?|How long?]]</label>{{#timeError}}<span class="fault" id="time-error">{{timeError}}</span>{{/timeError}}
        <select id="source-time" name="time">{{#times}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{shown}}</option>{{/times}}</select></p>
        <p><label for="source-reason">[[Waarom?|Why?]]</label> <span class="hint" id="reason-hint">[[Komt in het logboek, voor altijd. Geen naam en geen adres van iemand.|Goes into the audit log, for good. No name and no address of anybody.]]</span>
        {{#reasonError}}<span class="fault" id="reason-fault">{{reasonError}}</span>{{/reasonError}}
        <input id="source-reason" name="reason" value="{{reason}}" aria-describedby="reason-hint{{#reasonError}} reason-fault{{/reasonError}}"{{#reasonError}} aria-invalid="true"{{/reasonError}} required maxlength="200"></p>
        <p><button class="primary">[[Opdracht geven|Give the order]]</button></p>
        {{^isOfStreet}}<p class="sub">[[Wat het pakketfilter al tegenhoudt, laten alleen de beheerders van de straat los.|What the packet filter holds back already is let go by the street's operators only.]]</p>{{/isOfStreet}}</form></details>{{/sourceForm}}{{/mayOrder}}
        </section>
        <section aria-labelledby="rules"><h2 id="rules">[[Regels op verzoeken|Rules on requests]]</h2>
        {{^hasRules}}<p class="empty">[[Er is nu geen regel die iets vindt.|There is no rule now that finds anything.]]</p>{{/hasRules}}
        <ul class="cards">{{#rules}}<li class="card"><h3><a href="{{ruleLink}}">[[Regel|Rule]] <span class="code">{{number}}</span></a></h3>
        <p class="sub">{{ruleHost}}{{#isFromElsewhere}} · [[elders gevonden|found elsewhere]]{{/isFromElsewhere}}</p>
        <p class="badges"><span class="badge is-{{stateKind}}">{{stateName}}</span></p>
        <ul class="plain">{{#conditions}}<li><span class="code">{{feature}} = {{value}}</span></li>{{/conditions}}</ul>
        {{>rule-facts}}</li>{{/rules}}</ul>
        {{#moreRules}}<p class="sub">[[Niet getoond, want zij vonden hier niets, of zij passen er niet bij|Not shown, for they found nothing here, or there is no room]]: {{moreRules}}.</p>{{/moreRules}}
        </section>
        """

    static let orderTemplate = """
        <dl class="facts"><div><dt>[[Wie|Who]]</dt><dd>{{author}}</dd></div><div><dt>[[Waarom|Why]]</dt><dd>{{why}}</dd></div>
        <div><dt>[[Sinds|Since]]</dt><dd>{{#since}}{{>time}}{{/since}}</dd></div><div><dt>[[Tot|Until]]</dt><dd>{{#until}}{{>time}}{{/until}}</dd></div></dl>
        {{#mayOrder}}<form method="post" action="/orders/{{id}}/expire">{{>key}}<button class="danger" aria-label="[[Terugnemen: opdracht|Take back: order]] {{id}}">[[Terugnemen|Take back]]</button></form>{{/mayOrder}}
        """

    static let placeErrorTemplate = """
        {{#siteError}}<span class="fault" id="site-error">{{siteError}}</span>{{/siteError}}
        """

    static let ruleFactsTemplate = """
        <dl class="facts"><div><dt>[[Dekt van de aanval|Covers of the attack]]</dt><dd>{{coverage}}</dd></div>
        <div><dt>[[Raakt van gewone verzoeken|Hits of usual requests]]</dt><dd>{{collateral}}</dd></div>
        <div><dt>[[Herkende verzoeken|Requests matched]]</dt><dd>{{hits}}</dd></div>
        <div><dt>[[Van vaste bezoekers|Of known visitors]]</dt><dd>{{known}}</dd></div>
        <div><dt>[[Achteraan gezet|Marked to go last]]</dt><dd>{{marked}}</dd></div>
        <div><dt>[[Tot|Until]]</dt><dd>{{#until}}{{>time}}{{/until}}</dd></div></dl>
        """

    static let ruleTemplate = """
        <p class="crumb"><a href="/orders#rules">[[Met de hand|By hand]]</a></p>
        <h1>[[Regel|Rule]] <span class="code">{{number}}</span></h1>
        <p class="sub"><a href="{{link}}">{{host}}</a>{{#isFromElsewhere}} · [[elders gevonden|found elsewhere]]{{/isFromElsewhere}}</p>
        {{#reasonError}}<p class="error" role="alert">[[De opdracht is niet gegeven:|The order was not given:]] {{reasonError}}</p>
        {{/reasonError}}<p class="badges"><span class="badge is-{{stateKind}}">{{stateName}}</span></p>
        <p>{{stateText}}</p>
        <section aria-labelledby="conditions"><h2 id="conditions">[[Welke verzoeken|Which requests]]</h2>
        <ul class="plain">{{#conditions}}<li><span class="code">{{feature}} = {{value}}</span></li>{{/conditions}}</ul>
        {{>rule-facts}}</section>
        {{#mayOrder}}<section aria-labelledby="word"><h2 id="word">[[Uw woord over deze regel|Your word on this rule]]</h2>
        <form method="post" action="{{action}}" class="card">{{>key}}
        <fieldset><legend>[[Wat?|What?]]</legend>{{#words}}
        <p><label class="choice"><input type="radio" name="word" value="{{value}}"{{#isChosen}} checked{{/isChosen}} aria-describedby="word-{{value}}"> {{name}}</label>
        <span class="hint" id="word-{{value}}">{{effect}}</span></p>{{/words}}</fieldset>
        {{#isOfStreet}}<fieldset><legend>[[Waar?|Where?]]</legend>
        <p><label class="choice"><input type="radio" name="where" value="site" checked> [[Alleen bij|Only at]] {{host}}</label>
        <label class="choice"><input type="radio" name="where" value="all"{{#isEverywhere}} checked{{/isEverywhere}}> [[Bij alle sites|At all sites]]</label></p></fieldset>{{/isOfStreet}}
        {{^isOfStreet}}<input type="hidden" name="where" value="site">{{/isOfStreet}}
        <p><label for="reason">[[Waarom?|Why?]]</label> <span class="hint" id="reason-hint">[[Komt in het logboek, voor altijd. Geen naam en geen adres van iemand.|Goes into the audit log, for good. No name and no address of anybody.]]</span>
        {{#reasonError}}<span class="fault" id="reason-fault">{{reasonError}}</span>{{/reasonError}}
        <input id="reason" name="reason" value="{{reason}}" aria-describedby="reason-hint{{#reasonError}} reason-fault{{/reasonError}}"{{#reasonError}} aria-invalid="true"{{/reasonError}} required maxlength="200"></p>
        <p><button class="primary">[[Opdracht geven|Give the order]]</button></p></form></section>{{/mayOrder}}
        """
}
