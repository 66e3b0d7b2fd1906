/** The style of charts, of their keys, and of the bars in tables; colours are those of page-style.ts. */
export const CHART_STYLE = `
.cause-bar,.account-bar{display:block;width:100%;max-width:220px;height:8px;margin:7px 0 5px;border-radius:2px;overflow:hidden}
.account-bar,.cause-list caption .cause-bar{max-width:none}
.account-bar{height:10px;margin:2px 0 12px}
.cause-bar rect{height:8px;stroke:var(--paper);stroke-width:1px}
.cause-bar rect.kept{opacity:.35}
rect.rest{fill:var(--faint)}
.unexplained{fill:var(--unexplained)}.timing{fill:var(--timing)}.lost{fill:var(--lost)}.changed{fill:var(--changed)}.history{fill:var(--history)}
.present{fill:var(--pass)}.absent{fill:var(--line)}.unjudged{fill:var(--timing)}.undecoded{fill:var(--unexplained)}.dropped{fill:var(--changed)}
.swatch{display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:7px;background:var(--line)}
.swatch.unexplained,.swatch.undecoded{background:var(--unexplained)}.swatch.timing,.swatch.unjudged{background:var(--timing)}
.swatch.lost{background:var(--lost)}.swatch.changed,.swatch.dropped{background:var(--changed)}.swatch.history{background:var(--history)}
.swatch.present{background:var(--pass)}
.shared{position:absolute;width:0;height:0}
.spark{display:block;width:96px;height:22px;margin-top:1px}
.range{display:block;width:100%;min-width:120px;max-width:220px;height:16px}
.when{display:block;width:100%;height:10px;border-radius:3px}
.charts{display:grid;grid-template-columns:repeat(3,1fr);gap:20px 28px;margin-top:22px}
.charts .wide{grid-column:span 2}
.charts .wide svg{max-width:400px}
figcaption{font-size:13px;font-weight:600;display:flex;align-items:baseline;flex-wrap:wrap;gap:2px 12px;margin-bottom:4px}
.key{font-weight:400;color:var(--soft);font-size:12.5px}
p.key{margin:8px 0 2px}
.key span{white-space:nowrap;margin-right:10px}
.key i{display:inline-block;width:12px;height:9px;margin:0 5px 0 0;border-radius:2px}
.key .line{height:0;border-top:2px solid;border-radius:0;vertical-align:middle;width:14px}
.key .line.stopped{border-top:3px dashed var(--alarm)}
.key .line.deploy{width:0;height:12px;border-top:0;border-left:2px dotted var(--ink)}
i.served{background:color-mix(in srgb,var(--served) 45%,transparent)}
.line.replayed{border-color:var(--replayed)}
.line.within{border-color:var(--served)}
.line.exact{border-color:var(--soft);border-top-style:dotted}
i.interval{background:color-mix(in srgb,var(--served) 18%,transparent)}
i.age{background:color-mix(in srgb,var(--served) 26%,transparent)}
i.over,i.beyond{background:var(--alarm)}
i.kept{background:color-mix(in srgb,var(--alarm) 28%,transparent)}
i.outage{background:repeating-linear-gradient(115deg,var(--lost) 0 2px,transparent 2px 4px)}
i.run{background:var(--ink)}
i.broken{background:none;border:1.5px solid var(--alarm)}
.strip{margin-top:20px;break-inside:avoid}
.strip figcaption{font-weight:400}
.strip figcaption b{font-weight:650}
svg.day{display:block;width:100%;overflow:visible}
svg.day+svg.day{margin-top:3px}
svg.day path{vector-effect:non-scaling-stroke}
.hours{position:relative;height:18px;font-size:11px;color:var(--soft);font-variant-numeric:tabular-nums}
.hours span{position:absolute;white-space:nowrap;transform:translateX(-50%)}
.hours span:first-child{transform:none}
.hours span:last-child{transform:translateX(-100%)}
.quiet{fill:var(--faint)}
.catch{fill:transparent}
rect.hour-beyond{fill:var(--alarm)}
rect.hour-kept{fill:var(--alarm);fill-opacity:.28}
path.outage{stroke:var(--lost);stroke-width:2;fill:none}
path.stopped{stroke:var(--alarm);stroke-width:3;stroke-dasharray:6 3;fill:none}
path.deploy{stroke:var(--ink);stroke-width:1.6;stroke-dasharray:2 3;fill:none}
figure svg:not(.day):not(.icon){display:block;width:100%;height:auto;overflow:visible}
svg text,.tick text{font:11px var(--sans);fill:var(--soft);font-variant-numeric:tabular-nums}
.end,.end text{text-anchor:end}
.mid text{text-anchor:middle}
.mid text.start{text-anchor:start}
.mid text.end{text-anchor:end}
.grid{stroke:var(--line);fill:none}
.base{stroke:var(--soft);fill:none;opacity:.7}
.served-area{fill:var(--served);fill-opacity:.4}
.served-fill{fill:var(--served);fill-opacity:.75}
.replayed-fill{fill:var(--replayed)}
.served-line,.replayed-line,.within-line,.exact-line{fill:none;stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}
.served-line,.within-line{stroke:var(--served)}
.replayed-line{stroke:var(--replayed)}
.exact-line{stroke:var(--soft);stroke-width:1.3;stroke-dasharray:1.5 3;stroke-linecap:round}
.within-dot{fill:var(--served)}
.within-dot.open{fill:var(--card);stroke:var(--served);stroke-width:1.4}
.interval-area{fill:var(--served);fill-opacity:.18}
.band{fill:var(--faint)}
.limit{stroke:var(--alarm);stroke-dasharray:5 4;fill:none;opacity:.75}
.gap{stroke:var(--ink);stroke-width:1.6;fill:none}
.gap-label{fill:var(--ink)!important;font-weight:600!important;paint-order:stroke;stroke:var(--card);stroke-width:4px}
.age-area{fill:var(--served);fill-opacity:.22}
.age-over{fill:var(--alarm);fill-opacity:.75}
.run{fill:var(--ink)}
.run.other{fill:var(--history)}
.run.broken{fill:none;stroke:var(--alarm);stroke-width:1.5;vector-effect:non-scaling-stroke}
@media screen and (max-width:900px){.charts{grid-template-columns:1fr}.charts figure{max-width:440px}.charts .wide{grid-column:auto}}
@media print{.charts{grid-template-columns:repeat(3,1fr)}}
`;
