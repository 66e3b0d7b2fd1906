/** The rules of the house that a program can check, each with its reason and what to do instead. */
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isThere, listed, resolved, textOf } from './support/house/files.ts';

const files = listed('*.ts', '*.mjs');
const sources = files.filter((file) => !file.startsWith('test/'));

/** Import specifiers of a file; relative ones resolved against the root of the repository. */
function importsOf(file: string): string[] {
  const specifiers = [...textOf(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    (match) => match[1]!,
  );
  return specifiers.map((specifier) => resolved(file, specifier));
}

function offenders(in_: readonly string[], wrong: (file: string, imported: string) => boolean): string[] {
  return in_.flatMap((file) =>
    importsOf(file).flatMap((i) => (wrong(file, i) ? [`${file} imports ${i}`] : [])),
  );
}

const within = (folder: string): string[] => files.filter((file) => file.startsWith(`${folder}/`));
const isOurs = (imported: string): boolean => imported.includes('/') && imported.endsWith('.ts');
/** Each is started by its commands, and knows no other: they agree through contract/. */
const PROGRAMS = [
  'registry',
  'materializer',
  'training',
  'sidecar',
  'monitor',
  'catalogue',
  'deploy',
  'loadtest',
];

/** What a folder may import of ours; libraries and `node:` besides. */
const BELOW: Readonly<Record<string, RegExp>> = {
  'contract/std': /^contract\/std\//,
  'contract/wire': /^contract\/(std|wire)\/|^contract\/(model|value-type)\.ts$/,
  contract: /^contract\//,
  project: /^(contract|project)\//,
  'materializer/run': /^(contract|project)\/|^materializer\/(run\/|errors\.ts)/,
  'materializer/aggregate': /^(contract|project|materializer\/aggregate)\//,
  'materializer/history': /^(contract|project)\/|^materializer\/((run|aggregate|history)\/|errors\.ts)/,
  'materializer/snapshot':
    /^(contract|project)\/|^materializer\/((run|history|online|snapshot)\/|errors\.ts)/,
  'materializer/online': /^(contract|project)\/|^materializer\/((run|online)\/|errors\.ts)/,
};

describe('imports go one way', () => {
  test('contract/std imports node: and itself only, so that anything may stand on it', () => {
    const wrong = (_: string, i: string): boolean => !i.startsWith('node:') && !i.endsWith('.ts');
    expect(offenders(within('contract/std'), wrong)).toEqual([]);
  });

  test.each(Object.keys(BELOW))('%s imports nothing that stands above it', (folder) => {
    const wrong = (_: string, i: string): boolean => isOurs(i) && !BELOW[folder]!.test(i);
    expect(offenders(within(folder), wrong)).toEqual([]);
  });

  test.each(PROGRAMS)('%s imports contract and project, and no other program', (program) => {
    const wrong = (_: string, i: string): boolean =>
      isOurs(i) && !i.startsWith(`${program}/`) && !/^(contract|project)\//.test(i);
    // It conducts the others.
    const its = within(program).filter((file) => !file.startsWith('deploy/processes/'));
    expect(offenders(its, wrong)).toEqual([]);
  });

  test('a benchmark speaks HTTP or runs commands; only one of a part (`micro/`, `fleet/`) imports what it measures', () => {
    const wrong = (_: string, i: string): boolean =>
      /^(registry|materializer|training|sidecar|monitor)\//.test(i);
    const speakers = within('benchmarks').filter((file) => !/^benchmarks\/(micro|fleet)\//.test(file));
    expect(offenders(speakers, wrong)).toEqual([]);
  });

  test('nothing imports test/, but for what starts real servers on a developer machine: it is in no package', () => {
    const published = sources.filter((file) => !file.startsWith('deploy/processes/'));
    expect(offenders(published, (_, i) => i.startsWith('test/'))).toEqual([]);
  });
});

/** Client libraries, and the files that may import each: one a program and role. */
const CLIENTS: Readonly<Record<string, readonly RegExp[]>> = {
  '@duckdb/node-bindings': [/^project\/engine\/duckdb\/column\.ts$/],
  '@duckdb/node-api': [/^project\/engine\/duckdb\/duckdb\.ts$/, /^benchmarks\/contenders\/bare-join\.ts$/],
  kysely: [/^project\/database\//],
  pg: [/^project\/database\/postgres-connection\.ts$/],
  ioredis: [/^project\/connections\/redis-client\.ts$/],
  protobufjs: [
    /^contract\/wire\/log\/served-decoder\.ts$/,
    /^registry\/definitions\/schema\/proto-fields\.ts$/,
    /^registry\/feast\/feast-registry\.ts$/,
    /^benchmarks\/micro\/vector-log-bench\.ts$/,
  ],
  '@platformatic/kafka': [
    /^sidecar\/shipper\/(platformatic-producer|kafkajs-codecs)\.ts$/,
    /^monitor\/ingest\/platformatic-topic\.ts$/,
    /^registry\/doctor\/kafka-topics\.ts$/,
    /^materializer\/stream\/(source\/kafka-reader|group\/kafka-group|tiles\/tile-topic)\.ts$/,
    /^benchmarks\/micro\/kafka-bench\.ts$/,
  ],
  kafkajs: [
    /^sidecar\/shipper\/kafkajs-producer\.ts$/,
    /^benchmarks\/(micro\/(kafka|ingest)-bench|harness\/streamed-clicks)\.ts$/,
  ],
  'lru-cache': [/^sidecar\/(cache\/row-cache|plan\/bundle-plans)\.ts$/],
  'uWebSockets.js': [
    /^registry\/doctor\/machine\.ts$/,
    /^sidecar\/transport\/uws\.ts$/,
    /^benchmarks\/contenders\/bare-server\.ts$/,
  ],
  acorn: [/^registry\/code\/syntax-tree\.ts$/],
  esbuild: [/^registry\/code\/bundled-module\.ts$/, /^scripts\/joined-packages\.mjs$/],
  // Functions computed on demand run by one door, so that they give the same everywhere.
  'node:vm': [
    /^contract\/on-demand\/(realm|compile-function|isolated-process)\.ts$/,
    /^contract\/std\/garbage\.ts$/,
  ],
  jose: [/^project\/access\/oidc\/jwt-check\.ts$/, /^catalogue\/login\/sealed-cookie\.ts$/],
  'openid-client': [
    /^project\/access\/oidc\/issuer\.ts$/,
    /^catalogue\/login\/browser-login\.ts$/,
    /^registry\/access\/device-login\.ts$/,
  ],
  commander: [/^(command-line|plumb)\.ts$/, /^command-line\//],
  '@grpc/grpc-js': [/^sidecar\/transport\/grpc\.ts$/],
  minisearch: [/^project\/overview\/search-index\.ts$/],
  '@hono/node-server': [/^catalogue\/serving\.ts$/],
  '@modelcontextprotocol/sdk/server/mcp.js': [/^registry\/assistant\/(mcp-command|tools)\.ts$/],
  pino: [/^sidecar\/process\/log-lines\.ts$/],
};

describe('a client library is imported by one file for each program and role', () => {
  test.each(Object.keys(CLIENTS))('%s', (library) => {
    const wrong = (file: string, i: string): boolean =>
      i === library && !CLIENTS[library]!.some((allowed) => allowed.test(file));
    expect(offenders(sources, wrong)).toEqual([]);
  });
});

describe('what the rules and the tools name is there: an entry that outlives its file lets the next one through', () => {
  test('folders and files of the rules above', () => {
    const folders = [...Object.keys(BELOW), ...PROGRAMS];
    expect(folders.filter((folder) => within(folder).length === 0)).toEqual([]);
    const allowed = Object.values(CLIENTS).flat();
    expect(allowed.filter((one) => !sources.some((file) => one.test(file))).map(String)).toEqual([]);
  });

  test('.prettierignore: what git does not know is not in it', () => {
    const entries = textOf('.prettierignore').trim().split('\n');
    const made = textOf('.gitignore').split('\n');
    const known = (entry: string): boolean =>
      listed(entry).length > 0 || made.some((one) => one.startsWith(entry));
    expect(entries.filter((entry) => !known(entry))).toEqual([]);
  });
});

describe('calls with a trap have one door', () => {
  test('no mkdir with `recursive`, which never ends under /proc: makeFolder of contract/std/files/folder.ts', () => {
    const trapped = sources.filter(
      (f) => f.endsWith('.ts') && /mkdir(Sync)?\([^;]*recursive/.test(textOf(f)),
    );
    expect(trapped).toEqual([]);
  });

  test('DuckDB reads a path as a pattern: statements name files by project/engine/duckdb/file-sql.ts', () => {
    const read = /\b(?:read_\w+|parquet_\w+|sniff_csv|glob)\(\[?['"$](?!\{(?:quotePaths?|quoteFilesIn)\()/;
    const written = /\bTO '?\$(?!\{quoteTarget\()/;
    const trapped = sources
      .filter((f) => !f.startsWith('benchmarks/'))
      .flatMap((f) =>
        [read, written].flatMap((call) => (call.exec(textOf(f)) ?? []).map((it) => `${f}: ${it}`)),
      );
    expect(trapped).toEqual([]);
  });
});

describe('names and sizes', () => {
  test('a file is named by the noun it owns; utils, helpers, common, misc, types, manager, base own nothing', () => {
    const empty = /(^|\/)(utils?|helpers?|common|misc|types|interfaces|manager|base)\.ts$/;
    expect(files.filter((file) => empty.test(file))).toEqual([]);
  });

  test('files are named in kebab-case', () => {
    expect(files.filter((file) => !/^[a-z0-9/.-]+$/.test(file.replace(/^\.ci\//, '')))).toEqual([]);
  });

  test('a source file has at most 400 lines: past that it holds two nouns; give each its own file', () => {
    const long = sources.filter((file) => textOf(file).split('\n').length > 400);
    expect(long).toEqual([]);
  });

  test('a source file begins by saying what it owns', () => {
    const silent = sources.filter((file) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(textOf(file)));
    expect(silent).toEqual([]);
  });

  test('no export of everything: a public name is given explicitly', () => {
    expect(sources.filter((file) => /^export \*/m.test(textOf(file)))).toEqual([]);
  });
});

describe('documents are there', () => {
  const documents = listed('*.md').filter((file) => file !== 'CHANGELOG.md');

  test('a page that a comment, a message or another page names exists: name it from the root, or from beside', () => {
    const missing = [...files, ...documents].flatMap((file) =>
      [...textOf(file).matchAll(/[\w./-]*\w\.md\b/g)].flatMap(([name]) =>
        [name, join(dirname(file), name)].some(isThere) ? [] : [`${file} names ${name}`],
      ),
    );
    expect(missing).toEqual([]);
  });

  test('a link leads to a file that is there, and to a heading of it', () => {
    const broken = documents.flatMap((file) =>
      [...textOf(file).matchAll(/\]\(([^)\s:]+)\)/g)].flatMap(([, link]) => {
        const [path, heading] = link!.split('#') as [string, string?];
        const target = path === '' ? file : join(dirname(file), path);
        const leads = isThere(target) && (heading === undefined || headingsOf(target).has(heading));
        return leads ? [] : [`${file} links ${link}`];
      }),
    );
    expect(broken).toEqual([]);
  });
});

/** The anchors of a page's headings, as GitHub makes them. */
function headingsOf(file: string): Set<string> {
  const headings = [...textOf(file).matchAll(/^#+ (.*)$/gm)].map((match) => match[1]!.toLowerCase());
  return new Set(headings.map((text) => text.replace(/[^\w\- ]/g, '').replaceAll(' ', '-')));
}

describe('tests test', () => {
  const tests = files.filter((file) => file.endsWith('.test.ts') && !file.startsWith('test/tidy'));

  test('no test is skipped, focused or left for later', () => {
    expect(tests.filter((file) => /\b(it|test|describe)\.(only|skip|todo)\b/.test(textOf(file)))).toEqual([]);
  });

  test('no mock stands in for a module: tests use the real thing', () => {
    expect(tests.filter((file) => /\bvi\.mock\(/.test(textOf(file)))).toEqual([]);
  });

  test('no test sleeps to wait: it waits for the condition, with a limit', () => {
    const sleeping = tests.filter((file) =>
      /await (sleep|delay)\(\d|setTimeout\(resolve, \d/.test(textOf(file)),
    );
    expect(sleeping).toEqual([]);
  });
});
