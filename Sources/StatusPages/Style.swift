/// The style sheet, in every page. Custom properties carry the names of NL Design System's basis tokens, so that an
/// organisation's theme can take their place; the values are our own.
enum Style {
    static let sheet = colours + text + parts + drawings + media

    private static let colours = """
        :root{color-scheme:light dark;
        --basis-text-font-family-default:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
        --basis-color-default-bg-document:#f4f6f7;--basis-color-default-bg-default:#fff;
        --basis-color-default-color-document:#17252d;--basis-color-default-color-subtle:#4b5c66;
        --basis-color-default-border-subtle:#d5dde1;--basis-color-accent-1-color-default:#0b5a78;
        --basis-color-accent-1-bg-default:#0b4a63;--basis-color-accent-1-inverse-color-default:#fff;
        --basis-color-positive-color-default:#1b7046;--basis-color-warning-color-default:#8f5400;
        --basis-color-negative-color-default:#b4231c;--basis-color-info-color-default:#3a5a9b;
        --basis-color-disabled-color-default:#5d6b74;--basis-focus-outline-color:#0b5a78;
        --basis-border-radius-md:.625rem}
        @media (prefers-color-scheme:dark){:root{
        --basis-color-default-bg-document:#0f171c;--basis-color-default-bg-default:#172229;
        --basis-color-default-color-document:#e6edf0;--basis-color-default-color-subtle:#a8b8c1;
        --basis-color-default-border-subtle:#2e3d46;--basis-color-accent-1-color-default:#84cbe8;
        --basis-color-accent-1-bg-default:#12323f;--basis-color-accent-1-inverse-color-default:#fff;
        --basis-color-positive-color-default:#6ccd98;--basis-color-warning-color-default:#f0b25c;
        --basis-color-negative-color-default:#ff9087;--basis-color-info-color-default:#a3bdf5;
        --basis-color-disabled-color-default:#9babb4;--basis-focus-outline-color:#84cbe8}}

        """

    private static let text = """
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;font:1.0625rem/1.6 var(--basis-text-font-family-default);overflow-wrap:anywhere;
        background:var(--basis-color-default-bg-document);color:var(--basis-color-default-color-document)}
        h1,h2,h3,h4,p,ul,ol,dl,figure{margin:0}
        h1{font-size:1.875rem;line-height:1.2;letter-spacing:-.015em;margin-bottom:.75rem}
        h2{font-size:1.375rem;line-height:1.3;margin:2.5rem 0 1rem}
        h3{font-size:1.125rem;line-height:1.4}
        h4{font-size:1.0625rem;line-height:1.4}
        p+p,p+ul,ul+p{margin-top:.5rem}p+.card{margin-top:1rem}
        a{color:var(--basis-color-accent-1-color-default);text-underline-offset:.2em}
        a:hover{text-decoration-thickness:.15em}
        :focus-visible{outline:3px solid var(--basis-focus-outline-color);outline-offset:2px}
        .quiet{color:var(--basis-color-default-color-subtle);font-size:.9375rem}
        .age:has(b:empty){display:none}
        .skip{position:absolute;left:-99rem;padding:.5rem 1rem;background:var(--basis-color-default-bg-default)}
        .skip:focus{left:1rem;top:.5rem;z-index:1}

        """

    private static let parts = """
        header,main,footer{padding-inline:max(1rem,(100% - 54rem)/2)}
        header{background:var(--basis-color-accent-1-bg-default);display:flex;flex-wrap:wrap;gap:0 1.5rem;
        justify-content:space-between;align-items:center;padding-block:.75rem}
        header a{color:var(--basis-color-accent-1-inverse-color-default);padding:.375rem 0;display:inline-block}
        header a:focus-visible{outline-color:var(--basis-color-accent-1-inverse-color-default)}
        header>a{font-weight:700;text-decoration:none}
        main{padding-block:2rem 3rem}
        main:focus{outline:0}
        footer{border-top:1px solid var(--basis-color-default-border-subtle);padding-block:1.5rem 2.5rem}
        footer ul,.cards,.rows,.time,.plain{list-style:none;padding:0}
        footer ul{display:flex;flex-wrap:wrap;gap:0 1.5rem}
        footer li a,.more a,.crumb a{display:inline-block;padding:.25rem 0}
        .crumb{margin-bottom:.5rem}
        .card,.now{background:var(--basis-color-default-bg-default);border-radius:var(--basis-border-radius-md);
        border:1px solid var(--basis-color-default-border-subtle);padding:1rem 1.25rem}
        .cards>li+li,.card+.card,.cards+.card{margin-top:.75rem}
        .card h3 a,.card h4 a,.rows a{display:inline-block;min-height:1.5rem}
        .now{border-left:.5rem solid;border-left-color:var(--c,currentColor);margin:1.25rem 0 .75rem}
        .now h2{margin:0 0 .25rem;font-weight:600}
        .now .lead{font-size:1.25rem;font-weight:600;line-height:1.4}
        .state{display:flex;gap:.5rem;align-items:flex-start;color:var(--c)}
        .state svg{flex:none;fill:none;stroke:currentColor;stroke-width:2;width:1.25rem;height:1.25rem;margin-top:.2em}
        .lead.state svg{width:1.5rem;height:1.5rem;margin-top:.15em}
        .top{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1.5rem}
        .rows>li{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1.5rem;padding:.625rem 0}
        .rows>li>div{flex:1 1 20rem}
        .rows>li+li{border-top:1px solid var(--basis-color-default-border-subtle)}
        .up{--c:var(--basis-color-positive-color-default)}.degraded,.busy{--c:var(--basis-color-warning-color-default)}
        .down{--c:var(--basis-color-negative-color-default)}.unknown{--c:var(--basis-color-disabled-color-default)}
        .maintenance{--c:var(--basis-color-info-color-default)}
        dl{display:grid;grid-template-columns:minmax(8rem,auto) 1fr;gap:.375rem 1.5rem}
        dt{color:var(--basis-color-default-color-subtle)}dd{margin:0}
        .time{border-left:2px solid var(--basis-color-default-border-subtle);margin:.75rem 0 0 .375rem;padding-left:1.25rem}
        .time li{position:relative}.time li+li{margin-top:1rem}
        .time li::before{content:"";position:absolute;left:calc(-1.25rem - 7px);top:.55em;width:12px;height:12px;
        border-radius:50%;border:2px solid var(--basis-color-accent-1-color-default);
        background:var(--basis-color-default-bg-default)}
        details{margin-top:.5rem}
        summary{cursor:pointer;padding:.25rem 0;color:var(--basis-color-accent-1-color-default)}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;width:100%;font-size:.9375rem;font-variant-numeric:tabular-nums}
        caption{text-align:left;padding:.25rem 0;color:var(--basis-color-default-color-subtle)}
        th,td{overflow-wrap:normal;text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;font-weight:400;
        border-bottom:1px solid var(--basis-color-default-border-subtle)}
        thead th{font-weight:600}

        """

    private static let drawings = """
        .bars{display:block;width:100%;height:2rem;margin-top:.75rem}
        .bars path,.key path{stroke:var(--c);fill:none}
        .capital::first-letter{text-transform:uppercase}
        .ends,.ticks{display:flex;white-space:nowrap;justify-content:space-between;font-size:.875rem;
        color:var(--basis-color-default-color-subtle);font-variant-numeric:tabular-nums}
        .key{display:flex;flex-wrap:wrap;gap:.125rem 1.25rem;list-style:none;padding:0;margin:.25rem 0 1rem;font-size:.9375rem}
        .key li{display:flex;gap:.5rem;align-items:center}
        .key svg{width:1.75rem;height:1.25rem;flex:none;margin:0}
        .plot h3{margin:1.25rem 0 .25rem;font-size:1rem}
        .panel{display:grid;grid-template-columns:3.5rem 1fr;gap:0 .625rem;margin-top:.75rem}
        .panel svg{display:block;width:100%;height:9rem;overflow:visible}
        .panel .low{height:5rem}.panel .strip{height:2rem}
        .ticks{flex-direction:column;text-align:right;line-height:1;margin:-.4375rem 0}
        .panel .ends{grid-column:2;margin-top:.375rem}
        .plot path{fill:none;stroke-linejoin:round;stroke:var(--c)}
        .plot .grid{stroke:var(--basis-color-default-border-subtle);stroke-width:1}
        .plot .line{stroke-width:2}.plot .fill{fill:var(--c);stroke:none;opacity:.14}
        .admitted{--c:var(--basis-color-positive-color-default)}
        .queued{--c:var(--basis-color-info-color-default);stroke-dasharray:8 4}
        .refused{--c:var(--basis-color-negative-color-default);stroke-dasharray:2 3}
        .usual{--c:var(--basis-color-default-color-subtle);stroke-dasharray:12 3 2 3}
        .latency{--c:var(--basis-color-accent-1-color-default)}
        .bars path,.strip path{stroke-dasharray:none}.bars path{stroke-dasharray:3 1}

        """

    private static let media = """
        @media (max-width:30rem){h1{font-size:1.5rem}dl{display:block}dd+dt{margin-top:.5rem}
        .card,.now{padding:.875rem 1rem}.panel{grid-template-columns:3.25rem 1fr}}
        @media (forced-colors:active){.card,.now{border-color:CanvasText}.bars path,.plot path,.key path{stroke:CanvasText}
        .plot .fill{fill:none}.state svg{forced-color-adjust:auto;color:CanvasText}}
        @media print{:root{color-scheme:light}html{font-size:9pt}body{background:#fff;color:#000}header{background:none}
        header a,a{color:#000}.skip,nav,.more{display:none}.card,.now{break-inside:avoid}}

        """
}
