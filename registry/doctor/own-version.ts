/** `plumb version`: what this program is, and which formats of other versions it reads. Asks nothing of a project. */
import { BUNDLE_FORMATS } from '../../contract/definitions/definition-json.ts';
import { SEGMENT_VERSIONS } from '../../contract/wire/log/spool-segment.ts';
import { printResult } from '../../project/command.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { REGISTRY_TABLES } from '../../project/database/migrations.ts';
import { OWN_PACKAGE } from '../../project/own-package.ts';

export async function version(context: CommandContext): Promise<ExitCode> {
  const { name, version: own } = OWN_PACKAGE;
  const { node, v8 } = process.versions;
  const platform = `${process.platform} ${process.arch}`;
  const reads = {
    bundles: [...BUNDLE_FORMATS],
    registryTables: REGISTRY_TABLES,
    spoolSegments: SEGMENT_VERSIONS,
  };
  await printResult(context, { name, version: own, node, v8, platform, reads }, () =>
    [
      `${name} ${own} on Node ${node}, V8 ${v8}, ${platform}`,
      `reads bundles of format ${reads.bundles.join(', ')}; segments of a spool of version ${SEGMENT_VERSIONS.join(', ')}`,
      `tables of a registry are of version ${REGISTRY_TABLES}, to which earlier ones are migrated`,
    ].join('\n'),
  );
  return 0;
}
