/// The two files that pages load, both from our own host.
enum Assets {
    /// Puts live figures in their places; without it every page still says and does all.
    static let script = """
        "use strict";
        (function () {
          var place = document.body.getAttribute("data-events");
          if (!place || !window.EventSource) { return; }
          var note = document.getElementById("live");
          function say(which) { if (note) { note.textContent = note.getAttribute("data-" + which); } }
          var source = new EventSource(place);
          source.onopen = function () { say("on"); };
          source.onerror = function () { say("off"); };
          source.onmessage = function (event) {
            JSON.parse(event.data).forEach(function (change) {
              var part = document.getElementById(change[0]);
              if (!part) { return; }
              if (change[1] === "t") { part.textContent = change[2]; }
              else if (change[1] === "d") { part.setAttribute("d", change[2]); }
              else if (change[1] === "c") { part.setAttribute("class", change[2]); }
            });
          };
          window.addEventListener("pagehide", function () { source.close(); });
        })();

        """

    static let style = colours + text + parts + figures

    /// Names in the manner of NL Design System, values of our own. Text has a contrast of at least 4.5 to 1 on what it
    /// stands on, signs and lines of controls 3 to 1.
    private static let colours = """
        :root {
          color-scheme: light dark;
          --basis-color-document: #f4f7f8;
          --basis-color-surface: #ffffff;
          --basis-color-sunken: #e9eff1;
          --basis-color-text: #13232b;
          --basis-color-subtle: #465a65;
          --basis-color-border: #d3dde1;
          --basis-color-control: #667984;
          --basis-color-accent: #00586e;
          --basis-color-on-accent: #ffffff;
          --basis-color-accent-hover: #00414f;
          --basis-color-focus: #b3390b;
          --basis-color-up: #1a6a3c;
          --basis-color-up-soft: #e2f2e7;
          --basis-color-degraded: #7d5000;
          --basis-color-degraded-soft: #fbeecd;
          --basis-color-down: #a01f1f;
          --basis-color-down-soft: #fbe6e4;
          --basis-color-unknown: #4a5a64;
          --basis-color-unknown-soft: #e9eef1;
          --basis-color-maintenance: #1d5296;
          --basis-color-maintenance-soft: #e3edf9;
          --basis-color-admitted: #1f7f95;
          --basis-color-queued: #c08a1e;
          --basis-color-refused: #b5453a;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --basis-color-document: #0e161b;
            --basis-color-surface: #162128;
            --basis-color-sunken: #1e2b33;
            --basis-color-text: #e7eef1;
            --basis-color-subtle: #a9bac3;
            --basis-color-border: #2b3b45;
            --basis-color-control: #7f939e;
            --basis-color-accent: #79cbe0;
            --basis-color-on-accent: #07222b;
            --basis-color-accent-hover: #a5deed;
            --basis-color-focus: #ffb38a;
            --basis-color-up: #86d6a4;
            --basis-color-up-soft: #16352a;
            --basis-color-degraded: #f0c46a;
            --basis-color-degraded-soft: #3a2f14;
            --basis-color-down: #ff9d94;
            --basis-color-down-soft: #452222;
            --basis-color-unknown: #b3c2ca;
            --basis-color-unknown-soft: #26343d;
            --basis-color-maintenance: #9cc3f7;
            --basis-color-maintenance-soft: #1b304b;
            --basis-color-admitted: #4aa9c0;
            --basis-color-queued: #d9a63f;
            --basis-color-refused: #e0776b;
          }
        }

        """

    private static let text = """
        *, *::before, *::after { box-sizing: border-box; }
        html { font-size: 100%; -webkit-text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--basis-color-document); color: var(--basis-color-text);
          font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif;
          line-height: 1.5; overflow-wrap: break-word;
        }
        h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; letter-spacing: -.01em; }
        h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.25rem 0 .75rem; }
        h3 { font-size: 1.05rem; line-height: 1.3; margin: 0 0 .25rem; }
        h4 { font-size: .9rem; margin: 1rem 0 .25rem; }
        p { margin: 0 0 .75rem; max-width: 42rem; }
        a { color: var(--basis-color-accent); text-underline-offset: .15em; }
        a:hover { color: var(--basis-color-accent-hover); text-decoration-thickness: 2px; }
        :focus-visible { outline: 3px solid var(--basis-color-focus); outline-offset: 2px; border-radius: 2px; }
        .sub, .crumb, .hint, footer { color: var(--basis-color-subtle); font-size: .9rem; }
        .sub { margin: 0 0 .5rem; }
        .crumb { margin: 0 0 .5rem; }
        .lead { font-size: 1.1rem; color: var(--basis-color-subtle); }
        .code { font-family: ui-monospace, "SF Mono", "Liberation Mono", monospace; font-size: .9em; overflow-wrap: anywhere; }
        .empty { color: var(--basis-color-subtle); }
        .text { white-space: pre-line; margin: 0 0 .5rem; }
        .second { color: var(--basis-color-subtle); }
        .skip { position: absolute; left: -100vw; padding: .75rem 1rem; background: var(--basis-color-surface); z-index: 1; }
        .skip:focus { left: 0; }

        """

    private static let parts = """
        .top { background: var(--basis-color-surface); border-bottom: 1px solid var(--basis-color-border); }
        .top-line, .top nav, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
        .top-line { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 1.5rem; }
        .brand {
          display: inline-flex; align-items: center; gap: .6rem; padding: .75rem 0; font-weight: 700; font-size: 1.15rem;
          color: var(--basis-color-text); text-decoration: none;
        }
        .brand-sign { fill: none; stroke: var(--basis-color-accent); stroke-width: 3; stroke-linecap: round; }
        .tools, .menu, .cards, .stack, .rows, .legend, .pills, .plain, .timeline { list-style: none; margin: 0; padding: 0; }
        .tools { display: flex; flex-wrap: wrap; align-items: center; gap: 0 1.25rem; font-size: .9rem; }
        .tools a, .tools button { display: inline-block; padding: .4rem 0; min-height: 1.5rem; }
        .tools form { margin: 0; }
        .menu { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
        .menu a {
          display: block; padding: .6rem 0 .5rem; color: var(--basis-color-subtle); text-decoration: none;
          border-bottom: 3px solid transparent;
        }
        .menu a:hover { color: var(--basis-color-text); border-color: var(--basis-color-border); }
        .menu a[aria-current] { color: var(--basis-color-text); font-weight: 600; border-color: var(--basis-color-accent); }
        main { padding-top: 1.75rem; padding-bottom: 3rem; }
        footer { padding-top: 1rem; padding-bottom: 2rem; border-top: 1px solid var(--basis-color-border); }
        .made { display: block; }
        .narrow { max-width: 26rem; }
        .card {
          background: var(--basis-color-surface); border: 1px solid var(--basis-color-border); border-radius: 8px;
          padding: 1rem 1.15rem; margin: 0 0 1rem;
        }
        .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
        .cards > .card { margin: 0; }
        .card > :last-child, .notice > :last-child, form > :last-child, fieldset > :last-child { margin-bottom: 0; }
        .card h2:first-child { margin-top: 0; }
        .site, .attack, .row { border-left-width: 5px; }
        .card.is-up { border-left-color: var(--basis-color-up); }
        .card.is-degraded { border-left-color: var(--basis-color-degraded); }
        .card.is-down { border-left-color: var(--basis-color-down); }
        .card.is-unknown { border-left-color: var(--basis-color-control); }
        .card.is-maintenance { border-left-color: var(--basis-color-maintenance); }
        .row { display: grid; grid-template-columns: 9rem 1fr auto; gap: .25rem 1.5rem; align-items: start; }
        .row h2, .row p { margin: 0; }
        .row h2 { font-size: 1.05rem; }
        .badges { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin: .25rem 0 .75rem; }
        .badge {
          display: inline-flex; align-items: center; gap: .4em; padding: .1rem .6rem; border-radius: 999px; font-size: .85rem;
          font-weight: 600; min-height: 1.5rem; border: 1px solid transparent;
        }
        .sign { font-size: .8em; }
        .badge.is-up { color: var(--basis-color-up); background: var(--basis-color-up-soft); }
        .badge.is-degraded { color: var(--basis-color-degraded); background: var(--basis-color-degraded-soft); }
        .badge.is-down { color: var(--basis-color-down); background: var(--basis-color-down-soft); }
        .badge.is-unknown { color: var(--basis-color-unknown); background: var(--basis-color-unknown-soft); }
        .badge.is-maintenance { color: var(--basis-color-maintenance); background: var(--basis-color-maintenance-soft); }
        .notice, .error { padding: .75rem 1rem; border-radius: 8px; border-left: 5px solid; margin: 0 0 1.25rem; max-width: none; }
        .notice { background: var(--basis-color-maintenance-soft); border-color: var(--basis-color-maintenance); }
        .error { background: var(--basis-color-down-soft); border-color: var(--basis-color-down); }
        .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 11rem), 1fr)); gap: .5rem 1.5rem; margin: .5rem 0 .75rem; }
        .facts dt, .figures dt { color: var(--basis-color-subtle); font-size: .85rem; }
        .facts dd, .figures dd { margin: 0; font-variant-numeric: tabular-nums; }
        .plain li { display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; padding: .15rem 0; max-width: 42rem; }
        .timeline { border-left: 2px solid var(--basis-color-border); padding-left: 1.25rem; }
        .timeline li { position: relative; padding-bottom: 1rem; }
        .timeline li::before {
          content: ""; position: absolute; left: calc(-1.25rem - 6px); top: .45rem; width: 10px; height: 10px; border-radius: 50%;
          background: var(--basis-color-accent);
        }
        form p, fieldset { margin: 0 0 1rem; }
        fieldset { border: 0; padding: 0; }
        label, legend, summary { font-weight: 600; padding: 0; }
        .hint { display: block; }
        input:not([type=radio]), select, textarea {
          display: block; width: 100%; max-width: 42rem; margin-top: .25rem; padding: .5rem .65rem; font: inherit;
          color: inherit; background: var(--basis-color-surface); border: 1px solid var(--basis-color-control); border-radius: 4px;
        }
        .fault { display: block; color: var(--basis-color-down); font-weight: 600; }
        input[aria-invalid], select[aria-invalid] { border: 2px solid var(--basis-color-down); }
        .choice { display: inline-flex; align-items: center; gap: .4rem; margin-right: 1.25rem; padding: .35rem 0; font-weight: 400; }
        .choice input { width: 1.25rem; height: 1.25rem; margin: 0; accent-color: var(--basis-color-accent); }
        button { font: inherit; font-weight: 600; padding: .55rem 1.1rem; border-radius: 4px; border: 2px solid; cursor: pointer; }
        .primary { color: var(--basis-color-on-accent); background: var(--basis-color-accent); border-color: var(--basis-color-accent); }
        .primary:hover { background: var(--basis-color-accent-hover); border-color: var(--basis-color-accent-hover); }
        .danger { color: var(--basis-color-down); background: transparent; border-color: currentColor; }
        .danger:hover { background: var(--basis-color-down-soft); }
        .link { font-weight: 400; color: var(--basis-color-accent); background: none; border: 0; text-decoration: underline; text-underline-offset: .15em; }
        summary { cursor: pointer; padding: .25rem 0; color: var(--basis-color-accent); }
        * + details.card { margin-top: 1rem; }
        details[open] > summary { margin-bottom: .75rem; }
        .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 0 1.5rem; }
        .pills { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: 1rem; }
        .pills a {
          display: inline-block; padding: .25rem .8rem; border: 1px solid var(--basis-color-control); border-radius: 999px;
          text-decoration: none; font-size: .9rem;
        }
        .pills a[aria-current] { color: var(--basis-color-on-accent); background: var(--basis-color-accent); border-color: var(--basis-color-accent); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--basis-color-border); vertical-align: top; }
        thead th { color: var(--basis-color-subtle); font-size: .85rem; font-weight: 600; white-space: nowrap; }
        tbody th { font-weight: 600; }
        @media (max-width: 48rem) { .row { grid-template-columns: 1fr; } .who-part { display: none; } h1 { font-size: 1.5rem; } }

        """

    private static let figures = """
        .bar { display: block; width: 100%; height: 6px; background: var(--basis-color-sunken); border-radius: 3px; margin: 0 0 .75rem; }
        path.is-admitted { fill: var(--basis-color-admitted); }
        path.is-queued { fill: var(--basis-color-queued); }
        path.is-refused { fill: var(--basis-color-refused); }
        .dot { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .4em; }
        .dot.is-admitted { background: var(--basis-color-admitted); }
        .dot.is-queued { background: var(--basis-color-queued); border-radius: 50%; }
        .dot.is-refused { background: var(--basis-color-refused); transform: rotate(45deg) scale(.9); }
        .figures { display: grid; grid-template-columns: 1fr auto; gap: .15rem 1rem; margin: 0 0 .75rem; }
        .figures div { display: contents; }
        .figures dd { text-align: right; font-weight: 600; }
        .site h3 a { color: inherit; }
        .plot { margin: 1.25rem 0; padding: 1rem 1.15rem; background: var(--basis-color-surface); border: 1px solid var(--basis-color-border); border-radius: 8px; }
        .plot figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 2rem; margin-bottom: .5rem; }
        .plot h2, .plot h3 { margin: 0; font-size: 1.05rem; }
        .plot h3 { font-size: .9rem; margin: 1.25rem 0 .25rem; }
        .legend { display: flex; flex-wrap: wrap; gap: 0 1.25rem; font-size: .9rem; }
        .legend strong { font-variant-numeric: tabular-nums; }
        .frame { position: relative; }
        .frame svg { display: block; width: 100%; height: 12rem; }
        .frame.low svg { height: 5rem; }
        .tick { position: absolute; left: .25rem; top: .15rem; font-size: .8rem; color: var(--basis-color-subtle); background: var(--basis-color-surface); padding: 0 .25rem; border-radius: 3px; }
        .grid { stroke: var(--basis-color-border); stroke-width: 1; vector-effect: non-scaling-stroke; fill: none; }
        .axis { stroke: var(--basis-color-control); stroke-width: 1; vector-effect: non-scaling-stroke; fill: none; }
        .line { stroke: var(--basis-color-accent); stroke-width: 2; vector-effect: non-scaling-stroke; fill: none; }
        .times { display: flex; justify-content: space-between; gap: 1rem; max-width: none; font-size: .8rem; color: var(--basis-color-subtle); font-variant-numeric: tabular-nums; }
        .days { display: block; width: 100%; max-width: 42rem; height: 2.5rem; }
        rect.is-up { fill: var(--basis-color-up); }
        rect.is-degraded { fill: var(--basis-color-degraded); }
        rect.is-down { fill: var(--basis-color-down); }
        rect.is-unknown { fill: var(--basis-color-control); }
        rect.is-maintenance { fill: var(--basis-color-maintenance); }
        @media (forced-colors: active) {
          .dot, .bar, path, rect { forced-color-adjust: none; }
          .badge, .card { border: 1px solid; }
        }
        @media print { .top nav, .tools, form, details, .skip { display: none; } .card, .plot { break-inside: avoid; } }

        """
}
