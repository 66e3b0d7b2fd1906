/**
 * The page's style: quiet, with a light and a dark version. Data has the colours of Okabe and Ito, which people with
 * red-green colour blindness can tell apart; whatever a colour says is also said by a word, a shape or a line style.
 * What is within the promise is pale. Charts have their own sheet (chart-style.ts).
 */
export const PAGE_STYLE = `
:root{--paper:#fbfbf9;--card:#fff;--ink:#1c2430;--soft:#5a6472;--line:#e2e4e7;--faint:#f1f2f2;--link:#0b5394;
--served:#0072b2;--replayed:#c06a00;--pass:#0b7355;--alert:#8a5a00;--alarm:#b3261e;--none:#5a6472;
--unexplained:#d55e00;--timing:#56b4e9;--lost:#cc79a7;--changed:#6b7280;--history:#009e73;
--pass-bg:#e7f4ee;--alert-bg:#fdf3dc;--alarm-bg:#fdecea;--none-bg:#eef0f2;--mark:#fff1c9;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
@media screen and (prefers-color-scheme:dark){:root{--paper:#12161c;--card:#191e26;--ink:#e3e7ec;--soft:#9aa5b3;--line:#2b323c;
--faint:#20262f;--link:#7fbdf0;--served:#4fa8e0;--replayed:#f0a848;--pass:#58c9a0;--alert:#e8b44c;--alarm:#ff8a7a;
--none:#9aa5b3;--unexplained:#f07a28;--timing:#56b4e9;--lost:#d791b6;--changed:#8d97a5;--history:#1fb88c;
--pass-bg:#15271f;--alert-bg:#2a2313;--alarm-bg:#321a18;--none-bg:#20262f;--mark:#3a3113}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 var(--sans);overflow-wrap:anywhere}
main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
h1,h2,h3,h4,p,ul,dl,dd,figure,pre{margin:0}
h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.01em}
h1 .day{font-weight:400;color:var(--soft);white-space:nowrap}
h2{font-size:20px;font-weight:650;margin:52px 0 12px}
h3{font-size:15px;font-weight:650}
h4{font-size:14px;font-weight:650;margin:20px 0 6px}
a{color:var(--link);text-decoration-color:color-mix(in srgb,currentcolor 35%,transparent);text-underline-offset:3px}
a:hover{text-decoration-color:currentcolor}
a[href^="#w-"],a[href^="#c-"]{color:inherit;text-decoration-style:dotted}
[id]{scroll-margin-top:24px}
:target{outline:2px solid var(--link);outline-offset:6px;border-radius:4px}
:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}
code{font:.88em/1.4 var(--mono);background:var(--faint);padding:.1em .35em;border-radius:4px}
small{font-size:12.5px;color:var(--soft);font-weight:400}
small.warn{color:var(--alert)}
.soft{color:var(--soft)}
.soft+.soft{margin-top:2px}
.top{padding:32px 0 0}
.over{display:flex;flex-wrap:wrap;justify-content:space-between;gap:2px 20px;font-size:13px;color:var(--soft);margin-bottom:6px}
.over nav{display:flex;gap:16px}
.verdict{display:flex;gap:14px;margin-top:18px;padding:16px 20px 17px;background:var(--tint);border-left:4px solid var(--tone);
border-radius:8px;max-width:1072px}
.verdict strong{font-size:15px;color:var(--tone);margin-right:6px;text-transform:uppercase;letter-spacing:.04em}
.verdict a{font-size:13px}
.sentence{display:block;font-size:19px;line-height:1.4;max-width:74ch}
.verdict .soft{font-size:13px}
.icon{width:30px;height:30px;flex:none}
.icon circle,.icon path,.icon rect{fill:var(--tone)}
.icon .sign{fill:none;stroke:var(--paper);stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
.pass{--tone:var(--pass);--tint:var(--pass-bg)}
.alert{--tone:var(--alert);--tint:var(--alert-bg)}
.alarm{--tone:var(--alarm);--tint:var(--alarm-bg)}
.not-enough-data{--tone:var(--none);--tint:var(--none-bg)}
.findings{margin-top:8px;font-size:14px}
.findings ul,.notes{padding-left:18px}
.broke{list-style:none;padding:0}
.broke li+li{margin-top:6px}
.findings li+li{margin-top:2px}
.fine{font-size:13px;color:var(--soft);margin-top:12px}
.chip{display:inline-block;min-width:52px;text-align:center;font-size:12px;line-height:1.6;padding:0 8px;border:1px solid var(--line);
border-radius:20px;background:var(--card);margin-right:4px}
.chip.new,.chip.worse{color:var(--alarm);border-color:currentcolor}
.chip.gone{color:var(--pass);border-color:currentcolor}
.figures{display:grid;grid-template-columns:repeat(4,1fr);gap:1px;background:var(--line);border:1px solid var(--line);
border-radius:10px;overflow:hidden;margin-top:22px}
.figures>div{background:var(--card);padding:12px 18px}
.figures dt{font-size:13px;color:var(--soft)}
.figures b{display:block;font-size:25px;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums}
.figures span{font-size:13px;color:var(--soft)}
.figures .bad b{color:var(--alarm)}
.incident{border:1px solid var(--line);border-radius:10px;background:var(--card);padding:16px 20px 18px;margin-bottom:14px}
.incident header{display:grid;grid-template-columns:auto 1fr minmax(120px,220px);gap:4px 12px;align-items:center}
.incident h3{font-size:17px}
.incident h3 code{font-weight:500;font-size:.82em}
.incident h3 small{font-size:13px;margin:0 2px}
.rank{width:24px;height:24px;border-radius:12px;background:var(--ink);color:var(--paper);font-size:13px;font-weight:650;text-align:center;
line-height:24px}
.kept .rank{background:var(--faint);color:var(--soft)}
.size{margin-top:8px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:8px 24px;margin-top:12px;padding-top:12px;
border-top:1px solid var(--line)}
.facts .wide{grid-column:1/-1}
.facts dt{font-size:12.5px;color:var(--soft)}
.next{margin-top:12px;max-width:90ch}
.next span{font-size:12px;font-weight:650;color:var(--pass);border:1px solid currentcolor;border-radius:4px;padding:0 5px;margin-right:4px}
.command{margin-top:8px;background:var(--faint);border-radius:6px;padding:9px 14px;white-space:pre-wrap}
.command code{background:none;padding:0;font-size:13px;user-select:all}
.look{display:grid;grid-template-columns:1fr 1fr;gap:16px 28px;margin-top:16px}
.pair-of-rows{border-left:3px solid var(--line);padding-left:14px;min-width:0}
.pair-of-rows figcaption{display:block;margin-bottom:2px}
.pair-of-rows figcaption small{display:block}
.pair-of-rows td,.pair-of-rows tbody th{padding:3px 12px 3px 0;border:0}
.pair-of-rows thead th{padding:2px 0;border-bottom:1px solid var(--line)}
.pair-of-rows thead td{padding:0;width:74px}
.pair-of-rows tbody th{color:var(--soft);font-size:13px}
.pair-of-rows .differs td{background:var(--mark);font-weight:600}
.pair-of-rows .differs td:nth-child(2){box-shadow:-6px 0 0 var(--mark)}
.not-equal{margin-left:8px;color:var(--alarm)}
.evidence{margin-top:8px;font-size:13.5px}
.pair-of-rows .soft{font-size:12.5px;margin-top:4px}
.pair-of-rows code{font-size:11.5px;background:none;padding:0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:13px;color:var(--soft);padding:0 0 6px}
th,td{text-align:left;vertical-align:top;padding:8px 14px 8px 0;border-bottom:1px solid var(--line);font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{overflow-wrap:normal;font-size:12.5px;color:var(--soft);vertical-align:bottom;padding-top:4px;padding-bottom:6px}
tbody tr:last-child>*{border-bottom:0}
.n{text-align:right;white-space:nowrap}
.n+td:not(.n),.n+th:not(.n){padding-left:20px}
.cards td small,.cards th small{display:block;line-height:1.4}
.cards tbody th a{font-weight:550}
.features{margin-bottom:12px}
.features th:first-child{width:27%}
.features td:nth-child(6){width:20%}
.features td:nth-child(7){width:104px}
span.warn,.key.warn{color:var(--alert);font-weight:600}
span.alarm,.key.alarm{color:var(--alarm);font-weight:600}
.differs{color:var(--alert)}
tr.differs{color:inherit}
.pale,.zero,.zero small{color:var(--soft)}
.views{margin-top:24px}
.views th:first-child{width:21%}
.views td:nth-child(4){width:20%}
.views td:last-child{width:22%}
p.what-if{margin-top:16px}
.slices td small,.slices th small{display:inline;margin-left:6px}
.slices th small{margin:0 4px 0 0}
.account .pair{margin-top:0}
.account th small{display:inline;margin-left:4px}
.notes{margin-top:14px}
p.drift{margin-bottom:12px}
.notes+.soft{margin-top:8px}
summary{cursor:pointer;position:relative;padding:12px 18px 12px 36px;display:flex;flex-wrap:wrap;gap:0 14px;
align-items:baseline}
summary::-webkit-details-marker{display:none}
summary::before{content:"";position:absolute;left:18px;top:20px;width:6px;height:6px;border:solid var(--soft);
border-width:0 1.5px 1.5px 0;transform:rotate(-45deg)}
[open]>summary::before{transform:rotate(45deg);top:18px}
.more>summary{padding:8px 0 8px 16px;font-size:13px;color:var(--soft)}
.more>summary::before{left:1px;top:15px}
.more[open]>summary::before{top:13px}
.phone>summary{padding:9px 0 9px 16px;font-size:13.5px;color:var(--link)}
.phone>summary::before{left:1px;top:17px}
.phone[open]>summary::before{top:15px}
@supports selector(::details-content){@media screen and (min-width:861px){
.phone::details-content{content-visibility:visible;block-size:auto}.phone>summary{display:none}}}
.fold{border-radius:10px;background:var(--faint);margin-bottom:8px}
.fold[open]{padding-bottom:6px}
.fold>:not(summary){margin-left:14px;margin-right:14px}
.names{columns:3 220px;column-gap:24px;list-style:none;padding:0 0 8px;font-size:13.5px}
.feature{border:1px solid var(--line);border-radius:10px;background:var(--card);margin-bottom:10px}
.body{padding:2px 18px 20px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:16px 40px;margin-top:14px}
.plain th,.plain td{padding:5px 12px 5px 0}
.plain td,.plain thead th+th{text-align:right;white-space:nowrap}
.plain th:last-child,.plain td:last-child{padding-right:0}
.plain+.plain,.plain+p,.differences{margin-top:12px}
.plain caption{color:var(--ink);font-weight:600}
.states .none{color:var(--line)}
.states .off{font-weight:650;background:var(--mark)}
.differences div{display:flex;justify-content:space-between;gap:12px;padding:3px 0}
.differences dt{color:var(--soft)}
.differences dd{font-variant-numeric:tabular-nums}
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
h4 small{margin-left:6px}
.glossary{font-size:14px}
.words{columns:2;column-gap:40px}
.words>div{break-inside:avoid;margin-bottom:10px}
.words dt{font-weight:650}
.words dd{color:var(--soft)}
footer{padding-top:28px;padding-bottom:48px;font-size:13px;color:var(--soft)}
.shapes{display:grid;grid-template-columns:repeat(30,1fr);max-width:760px;list-style:none;margin:0 0 10px;padding:0;gap:2px}
.shapes li{display:flex;justify-content:center;align-items:center;height:26px}
.shapes a{display:flex}
.shapes .icon{width:18px;height:18px}
.no-day{width:5px;height:5px;border-radius:3px;background:var(--line)}
.unreadable{font-weight:700;color:var(--alarm);width:18px;text-align:center}
.days th{white-space:nowrap;width:150px}
.days td:nth-child(2){white-space:nowrap;width:190px}
.days .icon{width:16px;height:16px;vertical-align:-2px;margin-right:8px}
.days .unreadable{display:inline-block;margin-right:6px}
.verdict-cell{color:var(--tone);font-weight:600}
@media screen and (max-width:900px){.pair,.look,.words{grid-template-columns:1fr;columns:1}.figures{grid-template-columns:1fr 1fr}}
@media screen and (max-width:860px){
.cards,.cards tbody,.cards tr,.cards th,.cards td{display:block;width:auto!important}
.cards thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.cards caption{display:block}
.cards tr{padding:10px 0;border-bottom:1px solid var(--line)}
.cards tr:last-child{border-bottom:0}
.cards th,.cards td{border:0;padding:1px 0!important;text-align:left;white-space:normal}
.cards td{position:relative;padding-left:136px!important;min-height:25px}.cards td:empty{display:none}
.cards [data-l]::before{content:attr(data-l)}
.examples td:nth-child(2)::before{content:"Entity"}.examples td:nth-child(3)::before{content:"Served"}
.examples td:nth-child(4)::before{content:"Replayed"}.examples td:nth-child(5)::before{content:"Evidence"}
.cards td::before{position:absolute;left:0;top:2px;color:var(--soft);font-size:12.5px}}
@media screen and (max-width:640px){main,footer{padding-left:16px;padding-right:16px}
.top{padding-top:20px}h1{font-size:25px}h1 .day{display:block;font-size:18px}h2{margin-top:40px}
.verdict{padding:12px 14px;gap:10px}.sentence{font-size:17px}
.figures>div{padding:10px 14px}.figures b{font-size:21px}
.incident{padding:14px 14px 16px}.incident header{grid-template-columns:auto 1fr}.incident header svg{grid-column:1/-1}
.facts{grid-template-columns:1fr;gap:4px}.facts>div{display:grid;grid-template-columns:84px 1fr;gap:8px}
.body{padding-left:14px;padding-right:14px}
.shapes{grid-template-columns:repeat(15,1fr)}
.features td:nth-child(2),.features td:nth-child(5){display:none!important}
.days tr{display:block;padding:8px 0;border-bottom:1px solid var(--line)}.days th,.days td{display:inline-block;width:auto!important;border:0;padding:1px 12px 1px 0}
.days td:last-child{display:block}}
@page{margin:14mm 12mm}
@media print{:root{--paper:#fff;--card:#fff}*{print-color-adjust:exact}body{font-size:11px}
main,footer{max-width:none;padding:0}small,.key,.fine,figcaption,.figures span,.figures dt,.over,.facts dt,.glossary{font-size:10px}
h1{font-size:22px}.sentence{font-size:15px}.figures b{font-size:18px}.top{padding:0}.over nav{display:none}
h2{margin-top:26px;font-size:16px;break-after:avoid}h3,h4,thead,caption,summary,figcaption{break-after:avoid}
.incident header,.size{break-after:avoid}
.facts,.command,tr,figure,.words>div,.figures{break-inside:avoid}
.incident h3{font-size:14px}.findings,.evidence,.command code,.glossary,.examples,.pair-of-rows .soft,.pair-of-rows th{font-size:10.5px!important}
.features,.views{font-size:10px}.features th:first-child{width:32%}.features td:nth-child(6){width:24%}
.features th:nth-child(7),.features td:nth-child(7){display:none}.views th:first-child{width:27%}.views td:last-child{width:26%}
.incident{padding-top:10px}.next,.look,.facts{margin-top:8px}.facts{padding-top:8px}
.feature,.incident,.fold{border:0;border-top:1px solid var(--line);border-radius:0;padding-left:0;padding-right:0;background:none}
.fold>:not(summary){margin-left:0;margin-right:0}
.body{padding:0 0 16px}summary{padding:10px 0!important}.look{gap:12px 20px}.command{padding:6px 8px}
.pair{grid-template-columns:1fr 1fr}.figures{grid-template-columns:repeat(4,1fr)}
.feature::details-content,.fold::details-content,.phone::details-content{content-visibility:visible;block-size:auto}
summary::before,.more,.phone>summary{display:none}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`;
