/// The style sheet of the report's page. Each pair of text and ground has a contrast of 4.5 or more, each mark of a
/// drawing 3 or more (WCAG 2.2, 1.4.3 and 1.4.11), in light and in dark.
enum DissectStyle {
    static let sheet = """
        :root{color-scheme:light dark;--page:#f4f6f7;--card:#fff;--ink:#17252d;--soft:#4b5c66;--line:#d5dde1;
        --attack:#b4231c;--all:#3a5a9b;--bar:#0b5a78;--good:#1b7046}
        @media (prefers-color-scheme:dark){:root{--page:#0f171c;--card:#172229;--ink:#e6edf0;--soft:#a8b8c1;
        --line:#2e3d46;--attack:#ff9087;--all:#a3bdf5;--bar:#84cbe8;--good:#6ccd98}}
        *{box-sizing:border-box}
        body{margin:0;font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
        background:var(--page);color:var(--ink);overflow-wrap:anywhere}
        main{padding:2rem max(1rem,(100% - 60rem)/2) 3rem}
        h1,h2,h3,h4,p,figure,dl{margin:0}
        h1{font-size:1.75rem;line-height:1.2;margin-bottom:.75rem}
        h2{font-size:1.375rem;line-height:1.3;margin:2.5rem 0 .75rem}
        h3{font-size:1.125rem;margin:1.75rem 0 .5rem}
        h4{font-size:1rem;margin:1.25rem 0 .25rem}
        figcaption h2,figcaption h3,.card>h4:first-child{margin-top:0}
        figure>h3{font-size:1rem;margin:1.25rem 0 .25rem}
        .card{background:var(--card);border:1px solid var(--line);border-radius:.625rem;padding:1rem 1.25rem;margin-top:.75rem}
        .quiet{color:var(--soft);font-size:.9375rem}
        .none{font-size:1.25rem;font-weight:600;color:var(--good)}
        dl{display:grid;grid-template-columns:minmax(7rem,auto) 1fr;gap:.25rem 1.5rem}
        dt{color:var(--soft)}dd{margin:0}
        .scroll{overflow-x:auto}
        .scroll:focus-visible,summary:focus-visible{outline:3px solid var(--bar);outline-offset:2px}
        table{border-collapse:collapse;width:100%;font-size:.9375rem;font-variant-numeric:tabular-nums}
        caption{text-align:left;color:var(--soft);padding:.25rem 0}
        th,td{text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;font-weight:400;
        border-bottom:1px solid var(--line)}
        thead th{font-weight:600}
        .wide th,.wide td{overflow-wrap:normal;min-width:5.5rem}
        .spread{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem 2.5rem;
        align-items:start;margin-top:.75rem}
        .shares{table-layout:fixed}.shares caption{font-weight:600;color:inherit}
        .shares thead th{padding:0;border:0;font-size:0;line-height:0}
        .shares th{width:46%}.shares td:nth-child(2){width:auto}
        .shares td:last-child,.shares thead th:last-child{width:5.25rem;text-align:right;padding-right:0;white-space:nowrap}
        .shares svg{display:block;width:100%;height:1rem;margin-top:.3rem}
        .shares rect{fill:var(--bar)}
        .panel{display:grid;grid-template-columns:4rem 1fr;gap:0 .625rem;margin-top:.75rem}
        .panel svg{display:block;width:100%;height:9rem;overflow:visible}
        .ticks,.ends{display:flex;justify-content:space-between;color:var(--soft);font-size:.875rem;white-space:nowrap;
        font-variant-numeric:tabular-nums}
        .ticks{flex-direction:column;text-align:right;line-height:1;margin:-.4375rem 0}
        .ends{grid-column:2;margin-top:.375rem;flex-wrap:wrap}
        .panel path{fill:none;stroke-width:2;stroke-linejoin:round}
        .panel .grid{stroke:var(--line);stroke-width:1}
        .panel .span{fill:var(--attack);fill-opacity:.12;stroke:var(--attack);stroke-opacity:.5}
        .attack{stroke:var(--attack)}.all,.whole{stroke:var(--all)}.all{stroke-dasharray:6 3}
        .key{display:flex;flex-wrap:wrap;gap:.125rem 1.25rem;list-style:none;padding:0;margin:.25rem 0 0;font-size:.9375rem}
        .key li{display:flex;gap:.5rem;align-items:center}
        .key svg{width:1.75rem;height:1.25rem;flex:none}
        .key path{fill:none;stroke-width:2}.key rect{fill:var(--attack);opacity:.25}
        code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9375em}
        @media (max-width:30rem){dl{display:block}dd+dt{margin-top:.5rem}.card{padding:.875rem 1rem}
        .panel{grid-template-columns:3.25rem 1fr}}
        @media (forced-colors:active){.panel path,.key path{stroke:CanvasText}.shares rect{fill:CanvasText}
        .panel .span,.key rect{fill:none;stroke:CanvasText;stroke-dasharray:2 2}}
        @media print{:root{color-scheme:light}html{font-size:9pt}body{background:#fff;color:#000}.card{break-inside:avoid}}
        """
}
