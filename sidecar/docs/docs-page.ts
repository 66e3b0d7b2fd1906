/**
 * The page at /docs: what is served here and how to request it, for people. HTML and CSS only, without scripts, and
 * complete in itself, since a pod may have no way out.
 */
import { formatType } from '../../contract/value-type.ts';
import type { BundlePlans } from '../plan/bundle-plans.ts';
import { fallbackText } from '../surface/native/native-plan.ts';
import type { Plan } from '../plan/plan.ts';
import { tensorPlan } from '../surface/oip/tensor-plan.ts';
import { inferExample } from '../surface/oip/oip-request.ts';
import type { ExampleBody } from '../request/surface.ts';
import { feastExample, feastSurface } from '../surface/feast/feast.ts';
import { nativeExample, nativeSurface } from '../surface/native/native.ts';

const CSS = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: light-dark(#0b57a4, #8ab8f0) }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem }
h3 { font-size: 1rem; margin-bottom: .25rem }
a { color: var(--accent) }
code, pre { font: .85rem/1.5 ui-monospace, monospace }
pre { background: var(--soft); padding: .75rem; border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; min-width: 44rem; font-size: .9rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.quiet { opacity: .7 }`;

/** @param origin  the address of the page, for examples that can be pasted: `http://localhost:6566` */
export function docsPage(plans: BundlePlans, origin: string): string {
  const services = [...plans.services()];
  const title = `Features of ${plans.bundle.project}`;
  const links = services
    .map(({ service }) => `<a href="#${escape(service)}">${escape(service)}</a>`)
    .join(', ');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title><style>${CSS}</style></head>
<body>
<h1>${escape(title)}</h1>
<p>Bundle <code>${escape(plans.bundle.hash)}</code>. Services: ${links === '' ? 'none are applied yet' : links}.
For programs: <a href="/openapi.json">OpenAPI document</a>.</p>
${STATUSES_HTML}
${services.map((plan) => serviceSection(plan, origin)).join('\n')}
</body></html>
`;
}

const STATUSES_HTML = `<p>Beside each value stands its status: <b>PRESENT</b>; <b>NULL</b>, the value is null; <b>MISSING</b>,
there is no row; <b>OUTSIDE_TTL</b>, the row is too old; <b>UNAVAILABLE</b>, the store could not be read in time. Where
a feature has a fallback, it stands in for the value of the last three, never for the status. In tensors the statuses
are 0 to 4 in this order.</p>`;

function serviceSection(plan: Plan, origin: string): string {
  const { definition } = plan;
  const tensor = tensorPlan(plan);
  const consumers = definition.consumers.map(({ model, owner }) => `${model} (${owner})`).join(', ');
  const keys = plan.keys.map(({ name, type }) => `<code>${escape(name)}</code> ${type}`).join(', ');
  const leftOut = tensor.leftOut.map(({ name }) => `<code>${escape(name)}</code>`).join(', ');
  const infer = `/v2/models/${plan.service}/infer`;
  const description = definition.description === null ? '' : `<p>${escape(definition.description)}</p>`;
  return `<h2 id="${escape(plan.service)}">${escape(plan.service)} <span class="quiet">version ${plan.version}</span></h2>
${description}<p>Join keys: ${keys}.${inputsText(plan)}${consumers === '' ? '' : ` For: ${escape(consumers)}.`}</p>
<div class="wide"><table><thead><tr><th>feature, in this order<th>type<th>fallback<th>description</thead>
<tbody>${featureRows(plan)}</tbody></table></div>
<h3>One result a row</h3>${curl(origin, nativeSurface.route, nativeExample(plan))}
<h3>As Feast's client asks</h3>${curl(origin, feastSurface.route, feastExample(plan))}
<h3>As tensors</h3>${curl(origin, infer, inferExample(plan))}
<p><code>features</code> is ${tensor.datatype} [rows, ${tensor.names.length}], <code>status</code> UINT8 of that shape.
${leftOut === '' ? '' : `Left out, since they are no numbers: ${leftOut}.`}
More in the <a href="/v2/models/${escape(plan.service)}">model's metadata</a>.</p>`;
}

function inputsText({ inputs }: Plan): string {
  if (inputs.length === 0) return '';
  const texts = inputs.map(({ name, type, optional }) => {
    return `<code>${escape(name)}</code> (${escape(formatType(type))}${optional ? ', optional' : ''})`;
  });
  return ` Context, for features computed on demand: ${texts.join(', ')}.`;
}

function featureRows(plan: Plan): string {
  return plan.fullNames
    .map((name, i) => {
      const of = plan.featureDefinitions[i]!;
      const cells = [
        `<code>${escape(name)}</code>`,
        formatType(of.type),
        fallbackText(of),
        of.description ?? '',
      ];
      return `<tr><td>${cells[0]!}${cells
        .slice(1)
        .map((cell) => `<td>${escape(cell)}`)
        .join('')}`;
    })
    .join('\n');
}

function curl(origin: string, path: string, body: ExampleBody): string {
  return `<pre>${escape(`curl -s ${origin}${path} -d '${JSON.stringify(body)}'`)}</pre>`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
