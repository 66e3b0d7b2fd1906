/**
 * Publishes what the registry says is in force: into the folder of bundles, then into each place of `bundles.from`
 * that can be written to. It reads the registry anew, and a place keeps a later pointer: of two applies at once the
 * later one stays everywhere, and an apply that was killed on its way is made good by the next `plumb apply`.
 */
import { bundlesOf, sha256Of, signedPointer } from '../../contract/bundles/bundle-pointer.ts';
import type { BundlePointer, NamedBundle } from '../../contract/bundles/bundle-pointer.ts';
import { registryError } from '../../contract/errors.ts';
import { openOrigin } from '../../project/bundles/open-origin.ts';
import type { BundleOrigin } from '../../project/bundles/bundle-origin.ts';
import { signingKey } from '../../project/bundles/travel-keys.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';

/** @throws REG_PUBLISH when a place could not be written to; the others have it. REG_STORE, REG_KEY */
export async function publishInForce(project: Project, database: RegistryDatabase): Promise<BundlePointer> {
  const { settings } = project;
  const { pointer, texts } = await inForce(project, database);
  const { signWith, from } = settings.bundleTravel;
  const signed = signWith === null ? pointer : signedPointer(pointer, signingKey(signWith));
  const own = await openOrigin(
    { kind: 'folder', folder: settings.bundles },
    settings.bundleTravel,
    settings.online,
  );
  await own.publish!(texts, signed);
  const faults: string[] = [];
  for (const place of from) {
    const origin = await openOrigin(place, settings.bundleTravel, settings.online);
    await published(origin, texts, signed).catch((error: Error) =>
      faults.push(`${origin.name}: ${error.message}`),
    );
    origin.close();
  }
  if (faults.length === 0) return signed;
  throw registryError(
    'REG_PUBLISH',
    `apply ${pointer.sequence} is in force, and could not be published everywhere: ${faults.join('; ')}`,
  );
}

async function published(
  { publish }: BundleOrigin,
  texts: ReadonlyMap<string, string>,
  pointer: BundlePointer,
): Promise<void> {
  if (publish !== null) await publish(texts, pointer);
}

/** @returns the pointer, not signed, and by hash the bundles that it names */
async function inForce(
  { settings }: Project,
  database: RegistryDatabase,
): Promise<{ pointer: BundlePointer; texts: ReadonlyMap<string, string> }> {
  const last = (await database.lastApplied())!;
  const rollout = (await database.rollouts.all()).find(({ sequence }) => sequence === last.sequence);
  const staged = rollout?.state === 'staged' ? rollout : null;
  const main = staged === null ? last : (await database.applied(last.sequence - 1))!;
  const named = ({ bundle, hash }: { bundle: string; hash: string }): NamedBundle => {
    return { hash: sha256Of(bundle), name: hash };
  };
  const pointer: BundlePointer = {
    project: settings.project,
    registry: await database.id(),
    sequence: last.sequence,
    revision: rollout?.revision ?? 0,
    ...named(main),
    staged: staged === null ? null : { ...named(last), share: staged.share, salt: staged.salt },
    signature: null,
  };
  const all = new Map([main, last].map(({ bundle }) => [sha256Of(bundle), bundle]));
  return { pointer, texts: new Map(bundlesOf(pointer).map(({ hash }) => [hash, all.get(hash)!])) };
}
