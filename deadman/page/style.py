"""How the page looks: one column of cards on a phone, a table where there is room, light or dark as the reader is."""

from __future__ import annotations

import hashlib
from base64 import b64encode

STYLE = """
:root{color-scheme:light dark;--ink:#1b2330;--soft:#5b6675;--paper:#f4f6f9;--card:#fff;--line:#dde3ea;
--good:#0b7a46;--warn:#8f5a00;--bad:#c0182b;--calm:#44506a;--on:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e7ebf1;--soft:#9aa6b6;--paper:#0f141b;--card:#171e28;--line:#2a3442;
--good:#4cc38a;--warn:#e2a43b;--bad:#ff6b74;--calm:#9fb0cc;--on:#0f141b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,sans-serif;
-webkit-text-size-adjust:100%}
header,main,footer{max-width:90rem;margin:0 auto;padding:0 1rem}
header{display:flex;gap:.9rem;align-items:flex-start;padding-top:1.1rem;padding-bottom:.4rem}
h1{margin:0;padding:.1rem .7rem;border-radius:.4rem;font-size:1.3rem;color:var(--on);letter-spacing:.02em}
h1.good{background:var(--good)}h1.warn{background:var(--warn)}h1.bad{background:var(--bad)}
header ul{flex:1;min-width:0;margin:.25rem 0 0;padding:0;list-style:none}
header li{overflow-wrap:anywhere}
time{color:var(--soft);white-space:nowrap;margin-top:.25rem;font-variant-numeric:tabular-nums}
h2{margin:1.4rem 0 .5rem;font-size:.8rem;text-transform:uppercase;letter-spacing:.08em;color:var(--soft)}
table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line)}
thead th{font-size:.75rem;text-align:left;color:var(--soft);font-weight:600;white-space:nowrap}
th,td{padding:.55rem .75rem;border-top:1px solid var(--line);vertical-align:top;text-align:left}
thead th{border-top:0}
tbody th{border-left:.3rem solid var(--calm);font-weight:600;overflow-wrap:anywhere;min-width:9rem;max-width:18rem}
tr.good>th{border-left-color:var(--good)}tr.warn>th{border-left-color:var(--warn)}tr.bad>th{border-left-color:var(--bad)}
td{min-width:10rem}td.state{min-width:15rem}
td.figure{min-width:0;white-space:nowrap;font-variant-numeric:tabular-nums}
b{font-weight:650}b.good{color:var(--good)}b.warn{color:var(--warn)}b.bad{color:var(--bad)}b.calm{color:var(--calm)}b.plain{font-weight:400}
small{display:block;overflow-wrap:anywhere;color:var(--soft);font-size:.82rem;font-weight:400}
small.todo{color:var(--ink);font-weight:600}
footer{padding-top:1rem;padding-bottom:2rem;color:var(--soft);font-size:.82rem}
footer a{color:inherit}
@media (max-width:70rem){
table{border:0;background:none}thead{display:none}tbody,tr,th,td{display:block}
tr{background:var(--card);border:1px solid var(--line);border-left:.3rem solid var(--calm);border-radius:.5rem;
margin-bottom:.7rem;padding:.6rem .8rem}
tr.good{border-left-color:var(--good)}tr.warn{border-left-color:var(--warn)}tr.bad{border-left-color:var(--bad)}
tbody th,td{border:0;padding:.15rem 0;max-width:none}tbody th{font-size:1.05rem}
td,td.state{min-width:0}td{display:grid;grid-template-columns:7.5rem minmax(0,1fr);gap:0 .6rem}
td::before{content:attr(data-head);color:var(--soft);font-size:.82rem;padding-top:.1rem}
td.figure{white-space:normal}
td.state{display:block}td.state::before{content:none}
}
@media (max-width:36rem){
header{flex-wrap:wrap}header ul{order:1;flex-basis:100%}time{margin-left:auto}
td{grid-template-columns:7rem minmax(0,1fr)}td>span{display:contents}small{grid-column:1/-1}
}
"""

HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Nothing is loaded and nothing runs; of styles only this very one counts, so that none can be smuggled in."""
