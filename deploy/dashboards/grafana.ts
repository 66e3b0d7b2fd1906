/**
 * A dashboard as the JSON that Grafana imports (schema 39, Grafana 10 and later), two panels a line. The data source is
 * a variable, so that the same file works everywhere.
 */
import type { Board, BoardVariable, Panel } from './panel.ts';

const WIDTH = 12;
const HEIGHT = 8;
const NUMBER_WIDTH = 6;
const NUMBER_HEIGHT = 4;
const COLUMNS = 24;
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const TYPES = { number: 'stat', table: 'table', lines: 'timeseries' } as const;

/** @returns the text of the file */
export function grafanaJson(board: Board): string {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: own } of board.rows) {
    panels.push({ id: panels.length + 1, type: 'row', title, gridPos: { h: 1, w: COLUMNS, x: 0, y } });
    y += 1;
    let x = 0;
    let lineHeight = 0;
    for (const panel of own) {
      const { w, h } = sizeOf(panel);
      if (x + w > COLUMNS) [x, y, lineHeight] = [0, y + lineHeight, 0];
      panels.push(panelJson(panel, panels.length + 1, { h, w, x, y }));
      x += w;
      lineHeight = Math.max(lineHeight, h);
    }
    y += lineHeight;
  }
  const whole = {
    uid: `plumbline-${board.id}`,
    title: board.title,
    description: board.description,
    tags: ['plumbline'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    timezone: 'utc',
    templating: { list: [DATA_SOURCE, ...board.variables.map(variableJson)] },
    links: [
      { type: 'dashboards', tags: ['plumbline'], title: 'Plumbline', asDropdown: true, keepTime: true },
    ],
    panels,
  };
  return `${JSON.stringify(whole, null, 1)}\n`;
}

const DATA_SOURCE = { type: 'datasource', name: 'datasource', label: 'data source', query: 'prometheus' };

function variableJson({ name, metric }: BoardVariable): object {
  const query = `label_values(${metric}, ${name})`;
  return {
    type: 'query',
    name,
    datasource: SOURCE,
    definition: query,
    query: { query, refId: name },
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
    refresh: 2,
    sort: 1,
  };
}

function sizeOf({ kind }: Panel): { readonly w: number; readonly h: number } {
  return kind === 'number' ? { w: NUMBER_WIDTH, h: NUMBER_HEIGHT } : { w: WIDTH, h: HEIGHT };
}

function panelJson(
  { title, description, unit, kind = 'lines', queries }: Panel,
  id: number,
  gridPos: object,
) {
  const isTable = kind === 'table';
  const present = { calcs: ['lastNotNull'], fields: '', values: false };
  const options = {
    number: { reduceOptions: present, colorMode: 'none', graphMode: 'area' },
    table: { showHeader: true },
    lines: { legend: { showLegend: true, displayMode: 'list' }, tooltip: { mode: 'multi', sort: 'desc' } },
  };
  return {
    id,
    type: TYPES[kind],
    title,
    description,
    gridPos,
    datasource: SOURCE,
    fieldConfig: { defaults: { unit }, overrides: [] },
    options: options[kind],
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(0x41 + i),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
      ...(isTable ? { instant: true, format: 'table' } : {}),
    })),
  };
}
