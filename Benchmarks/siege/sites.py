"""The sites of the siege: what visitors do there, what the origin answers, and what the flood asks for."""

WORDS = ("paspoort;rijbewijs;verhuizen;afspraak maken;afvalkalender;milieustraat;parkeervergunning;dakkapel;leges;subsidie;"
         "huurwoning;zonnepanelen;zwembad;bibliotheek;raadsvergadering;stempas;vacatures;archief;privacy;bezwaar").split(";")
HTML = "text/html; charset=utf-8"
PLACES = 4  # with 10 ms a request the origin saturates at 400 a second
LINE = 1_000


def answer(path, word, milliseconds, type=HTML, size=6_000, caching="", cookie=False):
    return {"path": path, "type": type, "word": word, "bytes": size, "milliseconds": milliseconds, "caching": caching,
            "sets_cookie": cookie}


def site(names, milliseconds, search, search_share, shapes, *, assets=True, type=HTML, caching="", cookie=False, form=None,
         form_share=0.0, file=None, file_share=0.0, program=False):
    """`names`: paths of pages, each with its own word; `search`, `form`, `file`: (path, milliseconds); shapes: of the flood."""
    answers = [answer(path, f"Woord-{number}-hier", milliseconds, type, caching=caching, cookie=cookie)
               for number, path in enumerate(names)]
    visited = {"pages": [{"path": one["path"], "word": one["word"]} for one in answers], "searches": WORDS,
               "search_share": search_share, "style": "/stijl.css" if assets else "", "image": "/beeld.svg"}
    answers += [answer("/stijl.css", "body", 1, "text/css", 3_000, "public, max-age=86400"),
                answer("/beeld.svg", "<svg", 1, "image/svg+xml", 2_000, "public, max-age=86400")]
    path, cost = search or ("/zoeken", milliseconds)
    answers.append(answer(path, "Zoekresultaten", cost, type, cookie=cookie))
    visited["search"] = {"path": f"{path}?q=", "word": "Zoekresultaten"}
    if form:
        answers.append(answer(form[0], "Ontvangen-dank", form[1], type, 1_500, "no-store", cookie))
        visited |= {"form": {"path": form[0], "word": "Ontvangen-dank"}, "form_share": form_share}
    if file:
        answers.append(answer(file[0], "%PDF-bestand", file[1], "application/pdf", 1 << 19))
        visited |= {"file": {"path": file[0], "word": "%PDF-bestand"}, "file_share": file_share}
    requests = [{"type": "http", "method": "POST" if path.startswith("POST ") else "GET", "path": path.split(" ")[-1],
                 "body_bytes": 180 if path.startswith("POST ") else 0} for path in shapes]
    return {"visited": visited, "program": program, "origin": {"places": PLACES, "line": LINE, "answers": answers},
            "shapes": {"randoms": RANDOMS, "requests": requests}}


# Kinds of random text, and how often each kind of route is asked for, after the shapes of the tool that hit Dutch sites:
# half of them search routes, then pages by number or date, then forms.
RANDOMS = [{"digit": True, "upper": True, "lower": True, "min": 6, "max": 12},
           {"digit": True, "upper": False, "lower": False, "min": 1, "max": 2},
           {"digit": True, "upper": False, "lower": False, "min": 4, "max": 4}]
SEARCHES = ["/zoeken?q=$_0", "/zoeken?q=$_0&pagina=$_1", "/zoeken?q=$_0&jaar=$_2&sorteer=datum"]

MUNICIPALITY = site(["/", "/paspoort", "/rijbewijs", "/afval", "/parkeren", "/bouwen", "/belastingen", "/contact"], 10,
                    ("/zoeken", 10), 0.2, SEARCHES + ["/nieuws?pagina=$_1", "POST /contact", "/?$_0"], cookie=True)

# Nothing is configured for any of these: they differ in what they are.
KINDS = {
    "static": site(["/", "/over-ons", "/diensten", "/team", "/contact"], 10, None, 0,
                   ["/?$_0", "/?$_0=$_1", "/over-ons?v=$_0", "/team?$_2", "/$_0.html"], caching="public, max-age=60"),
    "search-heavy": site(["/", "/catalogus", "/nieuw"], 4, ("/zoeken", 14), 0.6,
                         SEARCHES + ["/catalogus?pagina=$_1", "/catalogus?auteur=$_0"], cookie=True),
    "forms": site(["/", "/formulier", "/melding"], 7, ("/zoeken", 10), 0.1,
                  ["POST /verstuur", "POST /verstuur", "/formulier?id=$_2", "/zoeken?q=$_0", "POST /inloggen"],
                  form=("/verstuur", 17), form_share=0.3, cookie=True),
    "json-api": site(["/api/v1/status", "/api/v1/lijnen", "/api/v1/haltes", "/api/v1/storingen"], 10,
                     ("/api/v1/zoeken", 10), 0.4,
                     ["/api/v1/zoeken?q=$_0", "/api/v1/haltes/$_2", "/api/v1/reis?van=$_0&naar=$_0", "POST /api/v1/melding"],
                     assets=False, type="application/json", caching="no-store", program=True),
    "downloads": site(["/", "/documenten", "/archief"], 10, ("/zoeken", 10), 0.1,
                      ["/documenten?pagina=$_1", "/zoeken?q=$_0", "/bestand.pdf?$_0", "/archief?jaar=$_2"],
                      file=("/bestand.pdf", 10), file_share=0.05),
}

# Pages that the origin makes at once: what a flash crowd reads must be servable at all.
POPULAR = site(["/", "/nieuws", "/bericht"], 0.5, ("/zoeken", 10), 0.1, SEARCHES, cookie=True)
