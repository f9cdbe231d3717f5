extension PageLibrary {
    static let layoutTemplate = """
        <!DOCTYPE html>
        <html lang="[[nl|en]]">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{{title}} · Wasstraat</title>
        <link rel="stylesheet" href="/assets/console.css">
        {{#live}}<script src="/assets/live.js" defer></script>
        {{/live}}</head>
        <body{{#live}} data-events="{{live}}"{{/live}}>
        <a class="skip" href="#main">[[Naar de inhoud|Skip to content]]</a>
        <header class="top">
        <div class="top-line">
        <a class="brand" href="/"><svg class="brand-sign" viewBox="0 0 32 20" width="32" height="20" aria-hidden="true">
        <path d="M2 6c4-5 8-5 12 0s8 5 12 0M2 14c4-5 8-5 12 0s8 5 12 0"/></svg>Wasstraat</a>
        <ul class="tools">
        {{#who}}<li><a href="/account"{{#isHere}} aria-current="page"{{/isHere}}>{{name}}<span class="who-part">
        ({{role}}{{#organisation}}, {{organisation}}{{/organisation}})</span></a></li>
        <li><form method="post" action="/logout">{{>key}}<button class="link">[[Afmelden|Sign out]]</button></form></li>
        {{/who}}<li><a href="{{languageLink}}" lang="[[en|nl]]" hreflang="[[en|nl]]">[[English|Nederlands]]</a></li>
        </ul>
        </div>
        {{#hasMenu}}<nav aria-label="[[Hoofdmenu|Main menu]]"><ul class="menu">
        {{#menu}}<li><a href="{{link}}"{{#isHere}} aria-current="page"{{/isHere}}>{{name}}</a></li>
        {{/menu}}</ul></nav>
        {{/hasMenu}}</header>
        <main id="main">
        {{#done}}<p class="notice" role="status">{{done}}</p>
        {{/done}}{{{body}}}
        </main>
        <footer><p>[[Tijden zijn die van klokken in Nederland.|Times are those of clocks in the Netherlands.]]
        <span class="made">[[Gemaakt|Made]]: {{#made}}{{>time}}{{/made}}</span></p></footer>
        </body>
        </html>

        """

    static let keyTemplate = """
        <input type="hidden" name="form-key" value="{{formKey}}">
        """

    static let timeTemplate = """
        <time datetime="{{exact}}">{{shown}}</time>
        """

    static let badgeTemplate = """
        <span class="badge is-{{kind}}"><span class="sign" aria-hidden="true">{{sign}}</span> {{name}}</span>
        """

    static let refusalTemplate = """
        <h1>{{title}}</h1>
        <p class="error" role="alert">{{reason}}</p>
        {{#hasWait}}<p>[[Wacht|Wait]] {{wait}}.</p>{{/hasWait}}
        <p><a href="/">[[Naar het overzicht|To the overview]]</a></p>
        """

    static let loginTemplate = """
        <div class="narrow">
        <h1>[[Aanmelden|Sign in]]</h1>
        <p>[[De console van de wasstraat.|The console of the washing street.]]</p>
        {{#reason}}<p class="error" role="alert">{{reason}}</p>
        {{/reason}}<form method="post" action="/login" class="card">{{>key}}
        <p><label for="name">[[Naam|Name]]</label>
        <input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64"></p>
        <p><label for="password">[[Wachtwoord|Password]]</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256"></p>
        <p><label for="code">Code</label>
        <span class="hint" id="code-hint">[[Van uw app, als u een tweede factor hebt.|From your app, if you have a second factor.]]</span>
        <input id="code" name="code" aria-describedby="code-hint" inputmode="numeric" autocomplete="one-time-code" maxlength="16"></p>
        <p><button class="primary">[[Aanmelden|Sign in]]</button></p>
        </form>
        </div>
        """

    static let accountsTemplate = """
        <h1>Accounts</h1>
        <div class="scroll" role="region" aria-label="Accounts" tabindex="0"><table>
        <thead><tr><th scope="col">[[Naam|Name]]</th><th scope="col">[[Rol|Role]]</th>
        <th scope="col">[[Ziet|Sees]]</th><th scope="col">[[Tweede factor|Second factor]]</th></tr></thead>
        <tbody>{{#accounts}}<tr><th scope="row">{{account}}</th><td>{{accountRole}}</td><td>{{sees}}</td>
        <td>{{#hasFactor}}[[ja|yes]]{{/hasFactor}}{{^hasFactor}}[[nee|no]]{{/hasFactor}}</td></tr>
        {{/accounts}}</tbody></table></div>
        <h2>[[Account maken|Create an account]]</h2>
        <form method="post" action="/accounts" class="card">{{>key}}
        <p><label for="name">[[Naam|Name]]</label>
        <span class="hint" id="name-hint">[[1 tot 64 tekens: a-z, 0-9, punt, streepje.|1 to 64 characters: a-z, 0-9, dot, hyphen.]]</span>
        <input id="name" name="name" aria-describedby="name-hint" autocomplete="off" autocapitalize="none" required maxlength="64"></p>
        <p><label for="role">[[Rol|Role]]</label>
        <select id="role" name="role">{{#roles}}<option value="{{value}}">{{shown}}</option>{{/roles}}</select></p>
        <p><label for="organisation">[[Ziet|Sees]]</label>
        <select id="organisation" name="organisation"><option value="">[[De hele straat|The whole street]]</option>
        {{#organisations}}<option value="{{.}}">{{.}}</option>{{/organisations}}</select></p>
        <p><label for="password">[[Eerste wachtwoord|First password]]</label>
        <span class="hint" id="password-hint">[[Minstens 12 tekens.|At least 12 characters.]]</span>
        <input id="password" name="password" type="password" aria-describedby="password-hint" autocomplete="new-password"
        required minlength="12" maxlength="256"></p>
        <p><button class="primary">[[Account maken|Create account]]</button></p>
        </form>
        """

    static let accountTemplate = """
        <div class="narrow">
        <h1>[[Uw account|Your account]]</h1>
        {{#reason}}<p class="error" role="alert">{{reason}}</p>
        {{/reason}}<dl class="facts"><div><dt>[[Naam|Name]]</dt><dd>{{account}}</dd></div>
        <div><dt>[[Rol|Role]]</dt><dd>{{accountRole}}</dd></div><div><dt>[[Ziet|Sees]]</dt><dd>{{sees}}</dd></div></dl>
        <h2>[[Wachtwoord wijzigen|Change password]]</h2>
        <p>[[Daarna moet u zich overal opnieuw aanmelden.|After that you must sign in again everywhere.]]</p>
        <form method="post" action="/account/password" class="card">{{>key}}
        <p><label for="current">[[Wachtwoord van nu|Current password]]</label>
        <input id="current" name="current" type="password" autocomplete="current-password" required maxlength="256"></p>
        <p><label for="new">[[Nieuw wachtwoord|New password]]</label>
        <span class="hint" id="new-hint">[[Minstens 12 tekens.|At least 12 characters.]]</span>
        <input id="new" name="new" type="password" aria-describedby="new-hint" autocomplete="new-password" required
        minlength="12" maxlength="256"></p>
        <p><label for="repeat">[[Nieuw wachtwoord, nog eens|New password, once more]]</label>
        <input id="repeat" name="repeat" type="password" autocomplete="new-password" required maxlength="256"></p>
        {{#hasFactor}}<p><label for="code">Code</label>
        <input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="16"></p>
        {{/hasFactor}}<p><button class="primary">[[Wijzigen|Change]]</button></p>
        </form>
        <h2>[[Tweede factor|Second factor]]</h2>
        {{#hasFactor}}<p>[[Bij het aanmelden is ook een code van uw app nodig.|A code from your app is needed too to sign in.]]</p>
        {{/hasFactor}}{{#mayDrop}}<form method="post" action="/account/factor/drop" class="card">{{>key}}
        {{>proof}}
        <p><button>[[Tweede factor verwijderen|Remove second factor]]</button></p>
        </form>{{/mayDrop}}
        {{^hasFactor}}<p>[[Met een tweede factor is bij het aanmelden ook een code nodig, die een app op uw telefoon maakt. Zet deze sleutel in zo’n app, en geef de code die hij toont.|With a second factor, signing in needs a code too, which an app on your phone makes. Put this key into such an app, and give the code that it shows.]]</p>
        <form method="post" action="/account/factor" class="card">{{>key}}
        <p>[[Sleutel|Key]]: <span class="code">{{offered}}</span><br>
        <a href="{{link}}">[[Openen in een app op dit apparaat|Open in an app on this device]]</a></p>
        {{>proof}}
        <p><button class="primary">[[Tweede factor instellen|Set up second factor]]</button></p>
        </form>{{/hasFactor}}
        </div>
        """

    /// What shows that it is the account's owner who changes its second factor. Ids of its own, for there is another form
    /// on the page.
    static let proofTemplate = """
        <p><label for="factor-current">[[Wachtwoord van nu|Current password]]</label>
        <input id="factor-current" name="current" type="password" autocomplete="current-password" required maxlength="256"></p>
        <p><label for="factor-code">Code</label>
        <input id="factor-code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="16"></p>
        """

    static let notesTemplate = """
        <h1>[[Logboek|Audit log]]</h1>
        <p>[[Wie deed wat, de laatste 30 dagen, nieuwste eerst.|Who did what, the last 30 days, latest first.]]</p>
        {{^hasNotes}}<p class="empty">[[Er is nog niets genoteerd.|Nothing has been noted yet.]]</p>{{/hasNotes}}
        {{#hasNotes}}<div class="scroll" role="region" aria-label="[[Logboek|Audit log]]" tabindex="0"><table>
        <thead><tr><th scope="col">[[Tijd|Time]]</th><th scope="col">[[Wie|Who]]</th><th scope="col">[[Wat|What]]</th>
        <th scope="col">[[Waarover|About]]</th></tr></thead>
        <tbody>{{#notes}}<tr><td>{{#at}}{{>time}}{{/at}}</td><td>{{actor}}</td><td>{{action}}</td><td>{{object}}</td></tr>
        {{/notes}}</tbody></table></div>{{/hasNotes}}
        """

    static let fingerprintsTemplate = """
        <h1>[[Kenmerken|Fingerprints]]</h1>
        <p>[[Een kenmerk beschrijft een aanval, nooit wie erachter zit.|A fingerprint describes an attack, never who is behind it.]]</p>
        {{^hasFingerprints}}<p class="empty">[[Er zijn nog geen kenmerken.|There are no fingerprints yet.]]</p>{{/hasFingerprints}}
        <ul class="cards">{{#fingerprints}}<li class="card">
        <h2 class="code"><a href="/fingerprints/{{id}}" download>{{short}}</a></h2>
        <p><span class="badge is-{{useKind}}">{{use}}</span> {{#isImported}}[[Ontvangen|Received]]{{/isImported}}{{^isImported}}[[Zelf gemaakt|Our own]]{{/isImported}}</p>
        <dl class="facts"><div><dt>[[Van|From]]</dt><dd>{{origin}}</dd></div>
        <div><dt>[[In het register sinds|On file since]]</dt><dd>{{#filed}}{{>time}}{{/filed}}</dd></div></dl>
        </li>{{/fingerprints}}</ul>
        """
}
