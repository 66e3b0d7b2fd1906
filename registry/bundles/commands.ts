/** The commands over bundles on their way: `bundle key`, `bundle take`. */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { bundlesOf, publicKeyText } from '../../contract/bundles/bundle-pointer.ts';
import { readPointer } from '../../contract/definitions/bundle-folder.ts';
import { registryError } from '../../contract/errors.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { noBundle, takeNewest } from '../../project/bundles/bundle-taker.ts';
import { signingKey } from '../../project/bundles/travel-keys.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { requireDatabase } from '../../project/database/connect-registry.ts';
import { loadSettings } from '../../project/settings/settings.ts';
import { projectOf } from '../../project/project.ts';

/** Makes a private key of Ed25519 in a file that nobody else may read, unless there is one; prints its public half. */
export async function bundleKey(context: CommandContext, file: string): Promise<ExitCode> {
  const path = resolve(context.folder, file);
  const isNew = !existsSync(path);
  if (isNew) {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
    try {
      makeFolder(dirname(path), 0o700);
      writeFileSync(path, pem, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      const message = `cannot write ${path}: ${(error as Error).message}`;
      throw registryError('REG_STORE', message, { file: path }, error);
    }
  }
  const key = publicKeyText(signingKey(path));
  await printResult(context, { file: path, key }, () => key);
  if (isNew)
    context.logger.info(
      `the private key is in ${path}: bundles.signWith names it, bundles.keys the line above`,
    );
  return 0;
}

/**
 * Takes the newest bundle into the folder, and says which is there; the exit code is 1 where none could be taken, and
 * one from before is there.
 *
 * @throws REG_NOT_APPLIED or REG_BUNDLE when none is
 */
export async function bundleTake(context: CommandContext): Promise<ExitCode> {
  const { settings, logger } = projectOf(context);
  const taken = await takeNewest(settings, logger);
  const pointer = readPointer(settings.bundles);
  if (pointer === null) throw noBundle(settings.bundles, taken);
  const { sequence, name, staged } = pointer;
  const files = bundlesOf(pointer).map((one) => join(settings.bundles, `${one.name}.json`));
  const more = staged === null ? '' : `, and ${staged.name} is staged`;
  const isNone = taken?.isAlone === true;
  const said = isNone
    ? `Nothing was taken: bundle ${name} of apply ${sequence}, taken before, stays in force${more}.`
    : `Bundle ${name} of apply ${sequence} is in force${more}.`;
  await printResult(context, { ...pointer, files, taken: !isNone }, () => said);
  return isNone ? 1 : 0;
}

/**
 * What a command does first that works with bundles; where they come from nowhere else, nothing.
 *
 * @param isInDatabase  whether it works in the database of the registry, too
 * @throws              REG_SETTINGS where it does, and the registry is a server's
 */
export async function takeNewestFor(
  { folder, flags, logger }: CommandContext,
  isInDatabase = false,
): Promise<void> {
  // Whether there is a project at all, the command itself says.
  if (!existsSync(join(folder, 'plumbline.yaml'))) return;
  const settings = loadSettings(folder, process.env, flags);
  if (isInDatabase) requireDatabase(settings.registry);
  const taken = await takeNewest(settings, logger);
  if (taken?.isAlone === true && !existsSync(join(settings.bundles, 'current')))
    throw noBundle(settings.bundles, taken);
}
