/**
 * The page's style: quiet, with a light and a dark version. Data has the colours of Okabe and Ito, which people with
 * red-green colour blindness can tell apart; whatever a colour says is also said by a word, a shape or a line style.
 */
export const PAGE_STYLE = `
:root{--paper:#fbfbf9;--card:#fff;--ink:#1c2430;--soft:#5a6472;--line:#e4e6e8;--faint:#f1f2f2;--link:#0b5394;
--served:#0072b2;--replayed:#c06a00;--pass:#0b7355;--alert:#8a5a00;--alarm:#b3261e;--none:#5a6472;
--unexplained:#d55e00;--timing:#56b4e9;--lost:#cc79a7;--changed:#6b7280;--history:#009e73;
--pass-bg:#e7f4ee;--alert-bg:#fdf3dc;--alarm-bg:#fdecea;--none-bg:#eef0f2;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
@media screen and (prefers-color-scheme:dark){:root{--paper:#12161c;--card:#191e26;--ink:#e3e7ec;--soft:#9aa5b3;--line:#2b323c;
--faint:#20262f;--link:#7fbdf0;--served:#4fa8e0;--replayed:#f0a848;--pass:#58c9a0;--alert:#e8b44c;--alarm:#ff8a7a;
--none:#9aa5b3;--unexplained:#f07a28;--timing:#56b4e9;--lost:#d791b6;--changed:#8d97a5;--history:#1fb88c;
--pass-bg:#15271f;--alert-bg:#2a2313;--alarm-bg:#321a18;--none-bg:#20262f}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 var(--sans);overflow-wrap:anywhere}
main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
h1,h2,h3,h4,p,ul,dl,dd,figure{margin:0}
h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.01em}
h1 .day{font-weight:400;color:var(--soft);white-space:nowrap}
h2{font-size:19px;font-weight:650;margin:44px 0 12px}
h3{font-size:15px;font-weight:650}
h4{font-size:14px;font-weight:650;margin:20px 0 6px}
a{color:var(--link);text-decoration-color:color-mix(in srgb,currentcolor 35%,transparent);text-underline-offset:3px}
a:hover{text-decoration-color:currentcolor}
:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}
code{font:.88em/1.4 var(--mono);background:var(--faint);padding:.1em .35em;border-radius:4px}
small{font-size:12.5px;color:var(--soft)}
.soft{color:var(--soft)}
.soft+.soft{margin-top:2px}
.top{padding:40px 0 0}
.over{font-size:13px;color:var(--soft);margin-bottom:4px}
.verdict{display:flex;flex-wrap:wrap;align-items:center;gap:4px 8px;margin-top:18px}
.verdict strong{font-size:19px;color:var(--tone);margin-right:4px}
.icon{width:22px;height:22px;flex:none}
.icon circle,.icon path{fill:var(--tone)}
.icon .sign{fill:none;stroke:var(--paper);stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
.pass{--tone:var(--pass);--tint:var(--pass-bg)}
.alert{--tone:var(--alert);--tint:var(--alert-bg)}
.alarm{--tone:var(--alarm);--tint:var(--alarm-bg)}
.not-enough-data{--tone:var(--none);--tint:var(--none-bg)}
.reasons ul{list-style:none;padding:0}
.reasons .more>summary{color:inherit}
.reasons{padding:12px 18px;margin-top:12px;background:var(--tint);border-radius:8px;
border-left:3px solid var(--tone)}
.reasons li+li{margin-top:4px}
.reason{margin-top:8px}
.fine{font-size:13px;color:var(--soft);margin-top:12px}
.chip{display:inline-block;font-size:12px;line-height:1.5;padding:0 8px;border:1px solid var(--line);
border-radius:99px;color:var(--soft);white-space:nowrap}
.figures{display:grid;grid-template-columns:repeat(4,1fr);gap:1px;margin-top:28px;background:var(--line);
border:1px solid var(--line);border-radius:10px;overflow:hidden}
.figures>div{background:var(--card);padding:14px 18px}
.figures dt{font-size:13px;color:var(--soft)}
.figures b{display:block;font-size:26px;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums}
.figures span{font-size:13px;color:var(--soft)}
.figures .bad b{color:var(--alarm)}
.left-out ul{padding-left:18px}
.unexplained-first{border-left:3px solid var(--unexplained);padding-left:20px;margin-top:36px}
.unexplained-first h2{margin-top:0}
.unexplained-first h3{margin-top:16px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:13px;color:var(--soft);padding:0 0 6px}
th,td{text-align:left;vertical-align:top;padding:8px 14px 8px 0;border-bottom:1px solid var(--line);font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{overflow-wrap:normal;font-size:12.5px;color:var(--soft);vertical-align:bottom;padding-top:4px;padding-bottom:6px}
tbody tr:last-child>*{border-bottom:0}
.n{text-align:right;white-space:nowrap}
.n+td:not(.n),.n+th:not(.n){padding-left:20px}
.cards td small{display:block;line-height:1.4}
.cards tbody th a{font-weight:550}
.features th:first-child{width:30%}
.features td:nth-child(6){width:21%}
.features td:nth-child(7){width:104px}
span.warn,.key.warn{color:var(--alert);font-weight:600}
span.alarm,.key.alarm{color:var(--alarm);font-weight:600}
.changes b{font-weight:600}
.changes td:last-child{width:30%}
.differs{color:var(--alert)}
.cause-bar{display:block;width:100%;max-width:220px;height:8px;margin:7px 0 5px;border-radius:2px;overflow:hidden}
.cause-bar rect{height:8px;stroke:var(--paper);stroke-width:1px}
rect.rest{fill:var(--faint)}
rect.unexplained,.swatch.unexplained{fill:var(--unexplained);background:var(--unexplained)}
rect.timing,.swatch.timing{fill:var(--timing);background:var(--timing)}
rect.lost,.swatch.lost{fill:var(--lost);background:var(--lost)}
rect.changed,.swatch.changed{fill:var(--changed);background:var(--changed)}
rect.history,.swatch.history{fill:var(--history);background:var(--history)}
.swatch{display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:7px}
.spark{display:block;width:96px;height:22px;margin-top:1px}
.causes{border-top:1px solid var(--line)}
.cause{display:grid;grid-template-columns:150px 1fr;gap:28px;padding:16px 0;border-bottom:1px solid var(--line)}
.cause-size b{font-size:22px;font-weight:600;font-variant-numeric:tabular-nums}
.cause-size span{color:var(--soft);margin-left:6px}
.cause p{max-width:78ch;margin-top:2px}
.next span{font-size:12px;font-weight:650;color:var(--pass);border:1px solid currentcolor;border-radius:4px;
padding:0 5px;margin-right:4px}
.scroll{overflow-x:auto;margin-top:10px}
.scroll svg{min-width:760px}
.views{margin-top:20px}
.views td:last-child{width:30%}
.feature{border:1px solid var(--line);border-radius:10px;background:var(--card);margin-bottom:10px}
summary{cursor:pointer;position:relative;padding:12px 18px 12px 36px;display:flex;flex-wrap:wrap;gap:0 14px;
align-items:baseline}
summary::-webkit-details-marker{display:none}
summary::before{content:"";position:absolute;left:18px;top:20px;width:6px;height:6px;border:solid var(--soft);
border-width:0 1.5px 1.5px 0;transform:rotate(-45deg)}
[open]>summary::before{transform:rotate(45deg);top:18px}
.more>summary{padding:8px 0 8px 16px;font-size:13px;color:var(--soft)}
.more>summary::before{left:1px;top:15px}
.more[open]>summary::before{top:13px}
.body{padding:2px 18px 20px;scroll-margin-top:60px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:16px 40px;margin-top:14px}
.plain th,.plain td{padding:5px 12px 5px 0}
.plain td,.plain thead th+th{text-align:right;white-space:nowrap}
.plain th:last-child,.plain td:last-child{padding-right:0}
.plain+.plain,.plain+p,.differences{margin-top:12px}
.plain caption{color:var(--ink);font-weight:600}
.cause-list caption .cause-bar{max-width:none}
.states .none{color:var(--line)}
.states .off{font-weight:650;background:var(--faint)}
.differences div{display:flex;justify-content:space-between;gap:12px;padding:3px 0}
.differences dt{color:var(--soft)}
.differences dd{font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:repeat(3,1fr);gap:20px 28px;margin-top:22px}
.charts .wide{grid-column:span 2}
.charts .wide svg{max-width:400px}
figcaption{font-size:13px;font-weight:600;display:flex;flex-wrap:wrap;gap:2px 12px;margin-bottom:4px}
.key{font-weight:400;color:var(--soft);font-size:12.5px}
.key i{display:inline-block;width:12px;height:9px;margin:0 4px 0 8px;border-radius:2px}
.key i:first-child{margin-left:0}
.key .line{height:0;border-top:2px solid;border-radius:0;vertical-align:middle;width:14px}
.served{background:color-mix(in srgb,var(--served) 45%,transparent)}
.line.replayed{border-color:var(--replayed)}
.line.within{border-color:var(--served)}
.line.exact{border-color:var(--soft);border-top-style:dotted}
.age{background:color-mix(in srgb,var(--served) 26%,transparent)}
i.over{background:var(--alarm)}
i.run{background:var(--ink)}
i.other{background:var(--history)}
i.broken{background:none;border:1.5px solid var(--alarm)}
.examples{font-size:13.5px}
.examples caption{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.examples tbody th{width:9%;white-space:nowrap}
.examples td:nth-child(2){width:14%}
.examples td:nth-child(3),.examples td:nth-child(4){width:17%}
.examples td:nth-child(2) small{display:inline}
.examples code{background:none;padding:0;font-size:11.5px}
.examples b{font-weight:600}
.examples-head{font-size:13px;margin-top:24px;padding-top:16px;border-top:1px solid var(--line)}
.examples-head+h4{margin-top:8px}
h4 small{font-weight:400;margin-left:6px}
footer{padding-top:28px;padding-bottom:48px;font-size:13px;color:var(--soft)}
figure svg,.scroll svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font:11px var(--sans);fill:var(--soft);font-variant-numeric:tabular-nums}
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
.limit{stroke:var(--alarm);stroke-dasharray:5 4;fill:none;opacity:.75}
.gap{stroke:var(--ink);stroke-width:1.6;fill:none}
.gap-label{fill:var(--ink)!important;font-weight:600!important;paint-order:stroke;stroke:var(--card);stroke-width:4px}
.lane-name{font-size:13px!important;font-weight:600!important;fill:var(--ink)!important}
tspan.lane-age{font-size:11.5px;font-weight:400;fill:var(--soft)}
tspan.lane-late{font-size:11.5px;fill:var(--alarm)}
.age-area{fill:var(--served);fill-opacity:.22}
.age-over{fill:var(--alarm);fill-opacity:.75}
.run{fill:var(--ink)}
.run.other{fill:var(--history)}
.run.broken{fill:none;stroke:var(--alarm);stroke-width:1.5}
@media screen and (max-width:900px){.charts,.pair{grid-template-columns:1fr}.charts figure{max-width:440px}
.charts .wide{grid-column:auto}.figures{grid-template-columns:1fr 1fr}}
@media screen and (max-width:860px){
.cards,.cards tbody,.cards tr,.cards th,.cards td{display:block;width:auto!important}
.cards thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.cards caption{display:block}
.cards tr{padding:10px 0;border-bottom:1px solid var(--line)}
.cards tr:last-child{border-bottom:0}
.cards th,.cards td{border:0;padding:1px 0!important;text-align:left;white-space:normal}
.cards td{position:relative;padding-left:136px!important;min-height:25px}
.cards [data-l]::before{content:attr(data-l)}
.examples td:nth-child(2)::before{content:"Entity"}.examples td:nth-child(3)::before{content:"Served"}
.examples td:nth-child(4)::before{content:"Replayed"}.examples td:nth-child(5)::before{content:"Evidence"}
.cards td::before{position:absolute;left:0;top:2px;color:var(--soft);font-size:12.5px}}
@media screen and (max-width:640px){main,footer{padding-left:16px;padding-right:16px}
.top{padding-top:24px}h1{font-size:25px}h1 .day{display:block;font-size:18px}
.figures>div{padding:10px 14px}.figures b{font-size:21px}
.cause{grid-template-columns:1fr;gap:6px}
.body{padding-left:14px;padding-right:14px}}
@media print{:root{--paper:#fff;--card:#fff}*{print-color-adjust:exact}body{font-size:11px}
main,footer{max-width:none;padding:0}small,.key,.fine,figcaption,.figures span,.figures dt{font-size:10px}h1{font-size:24px}
h2{margin-top:28px;break-after:avoid}h3,h4,caption,summary{break-after:avoid}
.cause,tr,figure{break-inside:avoid}.feature{border:0;border-top:1px solid var(--line)}.body{padding:0 0 16px}summary{padding:10px 0!important}
.charts{grid-template-columns:repeat(3,1fr)}.pair{grid-template-columns:1fr 1fr}.figures{grid-template-columns:repeat(4,1fr)}
.feature::details-content{content-visibility:visible;block-size:auto}summary::before,.more{display:none}
.scroll{overflow:visible}.scroll svg{min-width:0}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`;
