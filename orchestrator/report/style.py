"""The page's style sheet: light and dark, a phone and paper; nothing is fetched."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ink:#1b2027;--soft:#5b6572;--paper:#fff;--card:#f5f7f9;--line:#dde2e8;
--good:#1a7f4b;--warn:#9a6700;--bad:#b42318;--bar:#3b6fb5}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b3;--paper:#12161b;--card:#1b2129;--line:#303945;
--good:#4cc38a;--warn:#e2b340;--bad:#ff8a7a;--bar:#6ea0e6}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:72rem;margin:0 auto;padding:1.25rem}
h1{font-size:1.05rem;font-weight:600;color:var(--soft);margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
.verdict{font-size:1.6rem;line-height:1.25;font-weight:650;margin:0 0 .5rem;overflow-wrap:anywhere}
.succeeded{color:var(--good)}.partial,.interrupted{color:var(--warn)}.aborted{color:var(--bad)}
.facts{color:var(--soft);margin:.25rem 0;overflow-wrap:anywhere}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}
td.share{width:45%;min-width:6rem}
.bar{display:block;height:.8rem;margin-top:.35rem;min-width:2px;border-radius:2px;background:var(--bar);
print-color-adjust:exact;-webkit-print-color-adjust:exact}
.bar.attention{background:var(--bad)}
tr.zero{color:var(--soft)}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.7rem .9rem;overflow-x:auto;
margin:.5rem 0}
ul{padding-left:1.2rem;margin:.5rem 0}li{overflow-wrap:anywhere}
.message{overflow-wrap:anywhere;min-width:14rem}
footer{color:var(--soft);font-size:.85rem;margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.75rem}
@media (max-width:40rem){main{padding:.9rem}.verdict{font-size:1.3rem}td.share{display:none}th.share{display:none}
th,td{padding:.3rem .4rem}}
@media print{body{font-size:10pt}main{max-width:none;padding:0}.wide{overflow:visible}thead{display:table-header-group}
tr{break-inside:avoid}h2{break-after:avoid}}
""".strip()
