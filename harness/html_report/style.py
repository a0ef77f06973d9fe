"""How the report looks: one sheet, light and dark, from a phone's width on."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--page:#fff;--ink:#1c2024;--soft:#5b6570;--line:#d9dee3;--card:#f5f7f9;--bar:#2a6fb0;
--alert:#b3261e;--good:#1b6e3c;--good-page:#e3f4e8;--bad-page:#fbe6e4;--warn-page:#fdf3d6;--warn:#6b4e00}
@media (prefers-color-scheme:dark){:root{--page:#14171a;--ink:#e7eaed;--soft:#a3adb7;--line:#333a41;--card:#1d2226;
--bar:#6fb1ec;--alert:#ff8a80;--good:#7fd69c;--good-page:#15301f;--bad-page:#3d1a18;--warn-page:#352b10;--warn:#f0d48a}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0 .6rem}h2{font-size:1.25rem;line-height:1.3;margin:0 0 .6rem}
h3{font-size:1.05rem;margin:1.6rem 0 .5rem}p{margin:.4rem 0}a{color:var(--bar)}
article{border-top:2px solid var(--line);margin-top:2rem;padding-top:1.2rem}
.soft,figcaption,caption{color:var(--soft);font-size:.9rem}figcaption strong{color:var(--ink)}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.verdict{border-radius:.5rem;padding:.6rem .9rem;margin:.4rem 0}
.verdict strong{font-size:1.15rem}.verdict ul{margin:.3rem 0;padding-left:1.2rem}
.valid{background:var(--good-page)}.valid strong:first-child{color:var(--good)}
.bad{background:var(--bad-page)}.bad strong:first-child{color:var(--alert)}
.warn{background:var(--warn-page)}.warn strong:first-child{color:var(--warn)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
figure{margin:0;padding:.7rem;background:var(--card);border-radius:.5rem;min-width:0}
figure svg{display:block;width:100%;height:auto;margin:.4rem 0}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;margin:.8rem 0}
.numbers div{background:var(--card);border-radius:.5rem;padding:.5rem .7rem}
.numbers dt{color:var(--soft);font-size:.85rem}.numbers dd{margin:0;font-size:1.2rem;font-variant-numeric:tabular-nums}
pre{white-space:pre;font-size:.85rem;line-height:1.45}code,pre{font-family:ui-monospace,Menlo,Consolas,monospace}
.scrolls{overflow-x:auto;max-width:100%}.scrolls:focus-visible,summary:focus-visible,a:focus-visible
{outline:2px solid var(--bar);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem;width:100%;position:relative}
th,td{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);
unicode-bidi:isolate;min-width:4.5rem;overflow-wrap:break-word}
.long{overflow-wrap:anywhere}tbody th{font-weight:500;width:min(40%,15rem)}thead th{color:var(--soft);font-weight:500}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;padding-right:.3rem;padding-left:.8rem}
summary{cursor:pointer;color:var(--soft);font-size:.9rem;padding:.25rem 0}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr));gap:.8rem}
.gallery img{display:block;width:100%;height:auto;border-radius:.3rem;background:#888}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(4rem,1fr));gap:.3rem}
.boxed{position:relative}.boxed svg{position:absolute;inset:0;width:100%;height:100%;margin:0}
.boxed rect{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}
.boxed .points{fill:none;stroke-width:3;stroke-linecap:round;stroke-dasharray:none;vector-effect:non-scaling-stroke}
.said-right{stroke:#2fbf71}.said-wrong{stroke:#ff5c4d}.true{stroke:#fff;stroke-dasharray:5 3}
dl.answers{margin:.4rem 0 0;font-size:.88rem}dl.answers dt{color:var(--soft);float:left;clear:left;margin-right:.4rem}
dl.answers dd{margin:0}.right{color:var(--good)}.wrong{color:var(--alert)}
@media print{body{max-width:none}details{display:none}article{break-before:page}}
"""
