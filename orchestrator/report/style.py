"""The page's style sheet: light and dark, a phone and paper; nothing is fetched. It colours the pictures too."""

from __future__ import annotations

# Colours of the outcomes, in their order: what is over in greens and blue, what needs a person in warm ones.
_LIGHT = ("#2f9e63", "#7cc7a0", "#5b8def", "#8e5bd0", "#d1383d", "#b8a04a", "#e8853a", "#e0b13c", "#a9b1ba")
_DARK = ("#3fbf7b", "#2a7350", "#6ea0ff", "#b184f0", "#ff6b6b", "#a3935a", "#f59a55", "#e8c25a", "#6b7683")


def _colours(colours: tuple[str, ...]) -> str:
    return ";".join(f"--o{place}:{colour}" for place, colour in enumerate(colours))


_DAY = f"""--ink:#1b2027;--soft:#5b6572;--paper:#fff;--card:#f5f7f9;--line:#dde2e8;--good:#1a7f4b;--warn:#8a5c00;
--bad:#b42318;--accepted:#3b6fb5;--done:#2f9e63;--answered:#5b8def;--throttled:#d1383d;--quota:#1b2027;
{_colours(_LIGHT)}"""
_NIGHT = f"""--ink:#e6e9ee;--soft:#9aa5b3;--paper:#12161b;--card:#1b2129;--line:#303945;--good:#4cc38a;--warn:#e2b340;
--bad:#ff8a7a;--accepted:#8ab4ff;--done:#3fbf7b;--answered:#6ea0ff;--throttled:#ff6b6b;--quota:#e6e9ee;
{_colours(_DARK)}"""
_SECTORS = "".join(f".ring .serie-{n} path{{fill:var(--o{n})}}i.o{n}{{background:var(--o{n})}}" for n in range(9))

STYLE = f"""
:root{{color-scheme:light dark;{_DAY}}}
@media (prefers-color-scheme:dark){{:root{{{_NIGHT}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}}
main{{max-width:72rem;margin:0 auto;padding:1.25rem}}
h1{{font-size:1.05rem;font-weight:600;color:var(--soft);margin:0 0 .25rem;overflow-wrap:anywhere}}
h2{{font-size:1.15rem;margin:2.25rem 0 .5rem}}
h3{{font-size:.95rem;font-weight:600;margin:0 0 .25rem}}
.verdict{{font-size:1.6rem;line-height:1.25;font-weight:650;margin:0 0 .5rem;overflow-wrap:anywhere}}
.succeeded{{color:var(--good)}}.partial,.interrupted{{color:var(--warn)}}.aborted{{color:var(--bad)}}
.facts{{color:var(--soft);margin:.25rem 0;overflow-wrap:anywhere}}
.wide{{overflow-x:auto}}
table{{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;margin:0 0 .75rem}}
th,td{{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}}
th{{font-weight:600;color:var(--soft);white-space:nowrap}}
td.n,th.n{{text-align:right;white-space:nowrap}}
tr.zero,tr.zero b{{color:var(--soft)}}
code{{font:.9em ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}}
pre{{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.7rem .9rem;overflow-x:auto;
margin:.5rem 0;font-size:.85rem;line-height:1.45}}
ul{{padding-left:1.2rem;margin:.5rem 0}}li{{overflow-wrap:anywhere}}
.message{{overflow-wrap:anywhere;min-width:14rem}}
.commands{{margin:.5rem 0}}
.commands dt{{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.35rem .7rem;
width:fit-content;max-width:100%}}
.commands dd{{margin:.15rem 0 .6rem;color:var(--soft)}}
.beside{{display:flex;gap:2rem;align-items:center}}.beside .wide{{flex:1;min-width:0}}.beside .ring{{flex:0 0 15rem}}
.figures{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.5rem 2rem}}
figure{{margin:0;min-width:0;break-inside:avoid}}
figcaption{{font-size:.85rem;color:var(--soft)}}figcaption p{{margin:.25rem 0}}
figcaption b{{color:var(--ink)}}
.key{{display:inline-block;margin-right:1rem}}
i[class]{{display:inline-block;width:.75em;height:.75em;border-radius:2px;margin-right:.45em;
print-color-adjust:exact;-webkit-print-color-adjust:exact}}
.progress i.s0{{background:var(--done)}}.progress i.s1{{background:var(--accepted)}}
.requests i.s0{{background:var(--answered)}}.requests i.s1{{background:var(--throttled)}}
.requests i.s2{{height:0;border-top:2px dashed var(--quota);border-radius:0;vertical-align:middle;width:1.2em}}
svg.chart{{display:block;width:100%;height:auto;print-color-adjust:exact;-webkit-print-color-adjust:exact}}
.chart text{{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--soft);stroke:none}}
.chart .axis.x text{{text-anchor:middle}}.chart .axis.y text{{text-anchor:end}}
.chart .axis .line{{fill:none;stroke:var(--line);stroke-width:1}}.chart .axis.x .guide{{opacity:0}}
.chart .series .line{{fill:var(--c);fill-opacity:.3;stroke:var(--c);stroke-width:2;stroke-linejoin:round}}
.chart .series .line.nofill{{fill:none}}
.progress .serie-0{{--c:var(--done)}}.progress .serie-1{{--c:var(--accepted)}}
.requests .serie-0{{--c:var(--answered)}}.requests .serie-1{{--c:var(--throttled)}}
.requests .serie-2{{--c:var(--quota)}}.requests .serie-2 .line{{stroke-dasharray:6 4;stroke-width:1.5}}
.durations .rect{{fill:var(--done);stroke:var(--paper);stroke-width:1}}
.ring .slice{{stroke:var(--paper);stroke-width:1.5}}
{_SECTORS}
footer{{color:var(--soft);font-size:.85rem;margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.75rem}}
@media (max-width:46rem){{main{{padding:.9rem}}.verdict{{font-size:1.3rem}}th,td{{padding:.3rem .4rem}}
.beside{{flex-direction:column;gap:1rem}}.beside .wide{{width:100%;flex:none}}.beside .ring{{flex:none;width:13rem}}
.message{{min-width:0}}
.cards thead{{display:none}}.cards,.cards tbody,.cards tr,.cards td{{display:block}}
.cards tr{{border:1px solid var(--line);border-radius:6px;padding:.4rem .6rem;margin:0 0 .6rem}}
.cards td{{border:0;padding:.1rem 0}}.cards td:empty{{display:none}}
.cards td::before{{content:attr(data-label) " ";color:var(--soft);font-size:.85rem}}.cards td.n{{text-align:left}}}}
@media print{{:root{{color-scheme:light;{_DAY}}}body{{font-size:10pt}}main{{max-width:none;padding:0}}
.wide,pre{{overflow:visible}}pre{{white-space:pre-wrap}}thead{{display:table-header-group}}tr{{break-inside:avoid}}
h2,h3{{break-after:avoid}}.figures{{grid-template-columns:1fr 1fr}}}}
""".strip()
