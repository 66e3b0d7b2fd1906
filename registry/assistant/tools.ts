/** The tools of `plumb mcp`: what an assistant may ask. None of them changes anything. */
import { existsSync } from 'node:fs';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { registryError } from '../../contract/errors.ts';
import type { Bundle } from '../../contract/model.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { formatType } from '../../contract/value-type.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { LineageGraph } from '../../project/overview/lineage-graph.ts';
import { SearchIndex } from '../../project/overview/search-index.ts';
import { freshnessOf, freshnessToJson } from '../../project/overview/view-freshness.ts';
import type { Project } from '../../project/project.ts';
import { renderDefinition, viewNamed } from '../show.ts';

/** As the protocol has it. */
export interface ToolAnswer {
  [more: string]: unknown;
  content: { type: 'text'; text: string }[];
  isError?: boolean;
}

const DAY_US = 86_400_000_000;
const READ_ONLY = { readOnlyHint: true, openWorldHint: false };
const days = z.number().int().min(1).max(400).default(7).describe('how many days up to the newest verdict');
const service = z.string().optional().describe('only this feature service');
const MOST_INCIDENTS = 20;

/** @param answer  makes the form of the protocol of what a tool gives */
export function addTools(
  server: McpServer,
  project: Project,
  answer: (make: () => Promise<unknown>) => Promise<ToolAnswer>,
): void {
  const tools = new Tools(project);
  server.registerTool(
    'search',
    {
      description:
        'Finds features, views, services, entities, models and sources by what people call them: names, meaning, tags, owners.',
      inputSchema: {
        text: z.string().min(1).describe('such as: purchases in the last week'),
        most: z.number().int().min(1).max(100).default(10),
      },
      annotations: READ_ONLY,
    },
    ({ text, most }) => answer(() => tools.search(text, most)),
  );
  server.registerTool(
    'explain',
    {
      description:
        'All about one view, feature, service or entity: its definition, where it comes from, what and who depends on it, ' +
        'how fresh it is, and how its served values have matched what a training set holds.',
      inputSchema: { name: z.string().min(1).describe('such as purchases, purchases:count_7d, churn_v1') },
      annotations: READ_ONLY,
    },
    ({ name }) => answer(() => tools.explain(name)),
  );
  server.registerTool(
    'verdicts',
    {
      description:
        'The daily verdicts: whether what each service served is what its model was trained on, in a sentence.',
      inputSchema: { service, days },
      annotations: READ_ONLY,
    },
    (asked) => answer(() => tools.verdicts(asked)),
  );
  server.registerTool(
    'mismatches',
    {
      description:
        'Why served values were not what training holds: incidents with their cause, harm, runs, models, owners, ' +
        'examples and the command that shows more, and of features how many values each cause has.',
      inputSchema: {
        name: z.string().optional().describe('only this view, or feature as view:feature'),
        service,
        days,
      },
      annotations: READ_ONLY,
    },
    (asked) => answer(() => tools.mismatches(asked)),
  );
}

/** What is asked of verdicts. */
interface AskedVerdicts {
  readonly name?: string | undefined;
  readonly service?: string | undefined;
  readonly days: number;
}

class Tools {
  readonly #project: Project;

  constructor(project: Project) {
    this.#project = project;
  }

  async search(text: string, most: number): Promise<object> {
    return { found: new SearchIndex(this.#bundle()).find(text, most) };
  }

  async explain(name: string): Promise<object> {
    const bundle = this.#bundle();
    const view = viewNamed(bundle, name);
    const graph = new LineageGraph(bundle, ({ type }) => formatType(type));
    // Entities are no part of lineage.
    const id = bundle.entities.has(name) ? null : graph.named(name).id;
    const from = id === null ? [] : graph.reached(id, (one) => graph.above(one)).slice(1);
    const to = id === null ? [] : graph.reached(id, (one) => graph.below(one)).slice(1);
    return await this.#using(async (database) => {
      const runs = view === null ? [] : await database.runs({ view: view.id });
      const nowUs = this.#project.clock.nowUs();
      const freshness = view === null ? null : freshnessOf(view, runs, nowUs);
      const allowances = await database.allowances();
      const kept = { runs, freshness, allowances: allowances.filter((one) => one.name === name) };
      return {
        definition: renderDefinition(bundle, name, kept),
        comesFrom: from,
        feeds: to,
        freshness: freshness === null ? null : freshnessToJson(freshness),
        match: view === null ? [] : await this.#matches(database, { name, days: 7 }),
      };
    });
  }

  async verdicts({ service: of, days: count }: AskedVerdicts): Promise<object> {
    return await this.#using(async (database) => {
      const range = await this.#range(database, count);
      if (range === null) return { days: [], note: 'nothing was judged yet: run `plumb monitor run`' };
      return {
        days: await database.verdicts.days({ ...range, ...(of === undefined ? {} : { service: of }) }),
      };
    });
  }

  async mismatches(asked: AskedVerdicts): Promise<object> {
    return await this.#using(async (database) => {
      const range = await this.#range(database, asked.days);
      if (range === null) return { incidents: [], features: [], note: 'nothing was judged yet' };
      const of = {
        ...range,
        ...this.#placeOf(asked.name),
        ...(asked.service === undefined ? {} : { service: asked.service }),
      };
      const incidents = await database.verdicts.incidents({ ...of, most: MOST_INCIDENTS });
      const { feature } = of;
      return {
        incidents: incidents.filter(
          (one) => feature === undefined || one.features.some((full) => full.endsWith(`__${feature}`)),
        ),
        features: await this.#matches(database, asked),
      };
    });
  }

  /** How features matched by day; those that all match are left out unless one is asked for. */
  async #matches(
    database: RegistryDatabase,
    { name, service: of, days: count }: AskedVerdicts,
  ): Promise<object[]> {
    const range = await this.#range(database, count);
    if (range === null) return [];
    const filter = { ...range, ...this.#placeOf(name), ...(of === undefined ? {} : { service: of }) };
    const features = await database.verdicts.features(filter);
    return features
      .filter((one) => name !== undefined || one.exact < one.present)
      .map(
        ({
          date,
          service: judged,
          name: full,
          level,
          present,
          exact,
          withinPromise,
          beyondPromise,
          causes,
        }) => {
          return {
            date,
            service: judged,
            name: full,
            level,
            present,
            exact,
            withinPromise,
            beyondPromise,
            causes,
          };
        },
      );
  }

  /** Of a name the view's id, and the feature where it names one. */
  #placeOf(name: string | undefined): { readonly view?: string; readonly feature?: string } {
    if (name === undefined) return {};
    const [first, feature] = name.split(/:|__/, 2) as [string, string?];
    const bundle = this.#bundle();
    const view = viewNamed(bundle, first)?.id ?? bundle.onDemand.get(first)?.id;
    if (view === undefined) return {};
    return feature === undefined ? { view } : { view, feature };
  }

  async #range(database: RegistryDatabase, count: number): Promise<{ from: string; to: string } | null> {
    const to = await database.verdicts.newestDate();
    if (to === null) return null;
    const from = formatTimestamp(Date.parse(to) * 1_000 - (count - 1) * DAY_US).slice(0, 10);
    return { from, to };
  }

  #bundle(): Bundle {
    return loadCurrentBundle(this.#project.settings.bundles);
  }

  /** The registry is not made where it is not there. */
  async #using<T>(work: (database: RegistryDatabase) => Promise<T>): Promise<T> {
    const { registry } = this.#project.settings;
    if (registry.kind === 'sqlite' && !existsSync(registry.url))
      throw registryError('REG_NOT_APPLIED', `${registry.url} is not there yet`);
    return await RegistryDatabase.using(registry, work);
  }
}
