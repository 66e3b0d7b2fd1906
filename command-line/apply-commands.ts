/** The commands that apply definitions and look at what was applied, and those over bundles on their way. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { RunRecord } from '../contract/run-record.ts';
import type { CommandContext } from '../project/command.ts';
import type { Add } from './add-command.ts';

const registry = () => import('../registry/commands.ts');
const registryVersions = () => import('../registry/versions/commands.ts');
const bundles = () => import('../registry/bundles/commands.ts');
const materializer = () => import('../materializer/commands.ts');
/** Of an option that may be repeated. */
const list = (value: string, before: string[] = []): string[] => [...before, value];

export function applyCommands(add: Add): void {
  const apply = add(
    'apply [plan]',
    'apply the definitions, or a plan in a file, and publish the bundle',
    async (c, file, o) =>
      (await registry()).apply(c, file, {
        ...o,
        backfill: o.backfill === true ? backfillViews(c) : undefined,
      }),
  );
  applyOptions(apply);
  apply
    .option('--share <share>', 'a share of the pods takes it first, such as 10%')
    .addOption(new Option('--promote', 'all pods take what is staged').conflicts(['share', 'rollback']))
    .addOption(new Option('--rollback', 'take back what is staged').conflicts(['share']));
  add('versions', 'every apply: when, by whom, what and why', async (c) =>
    (await registryVersions()).versions(c),
  );
  add(
    'diff <from> [to]',
    'what differs between two applies, or one and what is in force',
    async (c, from, to) => (await registryVersions()).diff(c, from, to),
  );
  applyOptions(
    add('rollback <apply>', 'apply the definitions of an earlier apply again', async (c, sequence, o) =>
      (await registryVersions()).rollback(c, sequence, {
        ...o,
        backfill: o.backfill === true ? backfillViews(c) : undefined,
      }),
    ),
  );
}

export function bundleCommands(add: Add, bundle: Command): void {
  add(
    'key <file>',
    'make a key that signs bundles; of one that is there, print the public half',
    async (c, file) => (await bundles()).bundleKey(c, file),
    bundle,
  );
  add(
    'take',
    'take the newest bundle from where bundles come from',
    async (c) => (await bundles()).bundleTake(c),
    bundle,
  );
}

function applyOptions(command: Command): void {
  command
    .option(
      '--allow <name>',
      'take a change that is refused, by the name that plan prints (repeatable)',
      list,
    )
    .option('--reason <text>', 'why; the registry keeps it')
    .option('--author <name>', 'who; the login and the machine unless given')
    .option(
      '--backfill',
      'then compute the views that are new or changed, new features alone where that will do',
    );
}

function backfillViews(c: CommandContext) {
  return async (views: readonly string[], told: (run: RunRecord) => Promise<void>) =>
    (await materializer()).backfillApplied(c, views, told);
}
