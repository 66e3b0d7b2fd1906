/** What is wrong with settings, and where each of them came from. Called by settings.ts alone. */
import { dirname } from 'node:path';
import type { z } from 'zod';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { registryError } from '../../contract/errors.ts';
import { holdsSecret } from './secret-settings.ts';
import { knownNames, optionSentence, valueAt } from '../../contract/definitions/option-sentence.ts';
import type { SettingSources } from './setting-sources.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { withoutPassword } from '../../contract/std/secret-text.ts';

/** @throws REG_SETTINGS, each mistake with the place that gave the setting */
export function settingsError(
  schema: z.ZodObject,
  file: string,
  issues: readonly z.core.$ZodIssue[],
  sources: SettingSources,
): Error {
  const mistakes = issues.flatMap((issue) => {
    // Of a setting that was given in its short form, that form is at fault.
    const short = issue.path.slice(0, -1);
    const path = typeof valueAt(sources.raw, short) === 'string' ? short : issue.path;
    const name = path.map(String).join('.');
    if (issue.code !== 'unrecognized_keys') {
      const value = valueAt(sources.raw, path);
      const given = value !== undefined && holdsSecret(path) ? '***' : value;
      const said = withoutPassword(optionSentence(issue, given));
      const origin = given === undefined ? 'plumbline.yaml' : sources.placeOf(path);
      return [`${name || 'the file'}: ${said} (${origin})`];
    }
    const known = knownNames(schema, issue.path);
    return issue.keys.map((key) => {
      const at = sources.placeOf([...issue.path, key]);
      const where = name === '' ? 'there is no setting' : `${name} has no setting`;
      return `${where} "${key}"${didYouMean(key, known) || `; there are ${known.join(', ')}`} (${at})`;
    });
  });
  const many = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  const field = issues.length === 1 ? { field: issues[0]!.path.map(String).join('.') } : {};
  const message = `the settings of ${dirname(file)} have ${many}:\n  ${mistakes.join('\n  ')}`;
  return registryError('REG_SETTINGS', message, { file, ...field });
}

/** @returns an error about one setting, with the place that gave it added to its sentence */
export function withOrigin(error: Error, file: string, sources: SettingSources): Error {
  if (!(error instanceof CodedError) || error.details.field === undefined) return error;
  const path = error.details.field.split('.');
  // A fault of a store mostly lies in its URL.
  const origin = sources.originOf(path.length === 1 ? [...path, 'url'] : path);
  const at = origin === 'default' ? sources.placeOf(path) : origin;
  const line = /:(\d+)$/.exec(at)?.[1];
  const place = line === undefined ? {} : { file, line: Number(line) };
  return registryError('REG_SETTINGS', `${error.message} (${at})`, { ...error.details, ...place }, error);
}

/** By path, of every setting that is no object: `serve.port` -> `PLUMB_SERVE_PORT`, `default`, ... */
export function originsOf(parsed: object, sources: SettingSources): Map<string, string> {
  const origins = new Map<string, string>();
  const visit = (value: unknown, path: readonly string[]): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      origins.set(path.join('.'), sources.originOf(path));
    else for (const [name, inner] of Object.entries(value)) visit(inner, [...path, name]);
  };
  visit(parsed, []);
  return origins;
}
