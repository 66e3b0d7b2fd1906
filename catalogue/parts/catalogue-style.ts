/** What the catalogue's pages have beside the style of reports, whose colours they share. */
export const CATALOGUE_STYLE = `
.skip{position:absolute;left:-9999px;padding:8px 14px;background:var(--card);border:2px solid var(--link);border-radius:6px;z-index:1}
.skip:focus{left:12px;top:8px}
.catalogue main:focus{outline:0}
.bar{display:flex;flex-wrap:wrap;align-items:center;gap:8px 24px;max-width:1120px;margin:0 auto;padding:14px 24px;border-bottom:1px solid var(--line)}
.bar .home{font-weight:650;color:inherit;text-decoration:none}
.bar form{display:flex;flex:1 1 260px;max-width:480px}
.bar input{flex:1;min-width:0;font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px 0 0 6px;padding:6px 12px}
.bar button{font:inherit;color:inherit;background:var(--faint);border:1px solid var(--line);border-left:0;border-radius:0 6px 6px 0;padding:6px 14px;cursor:pointer}
.bar nav{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14px}
.bar [aria-current]{color:inherit;font-weight:650;text-decoration:none}
.catalogue main{padding-top:28px}
.catalogue h1{margin-top:2px}
.kind{font-size:13px;color:var(--soft)}
.lead{margin-top:10px;max-width:74ch}
.lead+.lead{margin-top:6px}
.page .verdict{max-width:none}
.note{margin-top:14px;padding:10px 16px;border-left:4px solid var(--alert);background:var(--alert-bg);border-radius:8px}
.about{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:12px 28px;margin-top:20px}
.about dt{font-size:12.5px;color:var(--soft)}
.two{display:grid;grid-template-columns:1fr 1fr;gap:24px 36px;margin-top:22px}
.two figure{min-width:0}
.state{font-weight:600;white-space:nowrap}
.state.alert,.state.late{color:var(--alert)}.state.alarm,.state.stale,.state.failed{color:var(--alarm)}.state.ok,.state.fresh,.state.complete{color:var(--pass)}
.state.too-few,.state.never,.state.running{color:var(--none)}
.level{display:inline-block;width:10px;height:10px;border-radius:5px;margin-right:8px;background:var(--none)}
.level.ok{background:var(--pass)}.level.alert{background:var(--alert);border-radius:0;clip-path:polygon(50% 0,100% 100%,0 100%)}
.level.alarm{background:var(--alarm);border-radius:0}
.tags{display:flex;flex-wrap:wrap;gap:4px;list-style:none;padding:0}
.list{list-style:none;padding:0}
.list li{padding:9px 0;border-bottom:1px solid var(--line)}
.list li:last-child{border-bottom:0}
.list b{font-weight:600}
.list small{display:block}
.found mark{background:var(--mark);color:inherit}
.pages{display:flex;gap:18px;margin-top:16px;font-size:14px}
.picture{overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:#fff}
@media screen and (prefers-color-scheme:dark){.picture{background:var(--card)}.picture .ground{fill:var(--card)}.picture .edge{stroke:#64748b}
.picture .box{stroke:#475569}.picture .source{fill:#17304f}.picture .column,.picture .input{fill:#152538}.picture .view{fill:#143524}
.picture .feature{fill:#12291d}.picture .service{fill:#3b2f0f}.picture .model{fill:#3d1c1c}.picture .name{fill:var(--ink)}.picture .small{fill:var(--soft)}}
.picture svg{display:block;width:100%;min-width:900px;height:auto}
.catalogue .command{margin-top:6px}
.catalogue .command code{overflow-wrap:anywhere}
.catalogue .cards{margin-top:4px}
.spark.wide{width:100%;max-width:360px;height:60px}
.age-line{fill:none;stroke:var(--served);stroke-width:1.7;stroke-linejoin:round}
.age-dot{fill:var(--alarm)}
.scroll{overflow-x:auto}
.bar form.who{flex:0 0 auto;align-items:center;gap:10px;font-size:14px}
.bar .who button{border-left:1px solid var(--line);border-radius:6px;padding:4px 10px}
details.ask{margin-top:8px}
.gone{color:var(--soft)}
@media screen and (max-width:900px){.two{grid-template-columns:1fr}}
@media screen and (max-width:640px){.bar{padding:12px 16px}.bar form{flex-basis:100%;max-width:none}.bar input,.bar button{padding:9px 12px;font-size:16px}
.bar nav{gap:2px 0;margin:0 -8px}.bar nav a{padding:8px}.about{grid-template-columns:1fr 1fr;gap:10px 16px}.about .wide{grid-column:1/-1}
.catalogue .figures{grid-template-columns:1fr 1fr}}
`;
