/** The text of a secret setting: given itself, in a file, or in a variable of the environment. */
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import type { SecretText } from '../../project/settings/monitor-settings.ts';

/** @throws Error that says which file or variable lacks it */
export function secretValue({ secret, file, variable }: SecretText): string {
  if (file !== null) {
    const text = readRegularText(file).trim();
    if (text === '') throw new Error(`${file} is empty`);
    return text;
  }
  if (variable === null) return secret!;
  const text = process.env[variable]?.trim() ?? '';
  if (text === '') throw new Error(`the environment has no ${variable}`);
  return text;
}
