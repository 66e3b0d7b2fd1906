/**
 * Sends the event of a run where the settings say: a line of a file, or one POST. What fails is warned of: no run fails
 * for its lineage.
 */
import { appendFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { CallError, httpCall, shownServer } from '../connections/http-call.ts';
import type { Project } from '../project.ts';
import { runEvent } from './run-event.ts';
import type { LineageRun } from './run-event.ts';

const LIMIT_MS = 5_000;

/** @param make  is called where somebody is to be told alone */
export async function emitLineage({ settings, logger }: Project, make: () => LineageRun): Promise<void> {
  const { url, file, tokenFile } = settings.lineage;
  if (url === null && file === null) return;
  try {
    const text = JSON.stringify(runEvent(settings.project, make()));
    if (file !== null) {
      makeFolder(dirname(file));
      appendFileSync(file, `${text}\n`);
    }
    if (url !== null) await posted(url, text, tokenFile === null ? {} : bearerIn(tokenFile));
  } catch (error) {
    logger.warn(`the run's lineage was not told: ${(error as Error).message}`);
  }
}

function bearerIn(file: string): Record<string, string> {
  return { authorization: `Bearer ${readRegularText(file).trim()}` };
}

async function posted(url: string, body: string, login: Record<string, string>): Promise<void> {
  const headers = { 'content-type': 'application/json', ...login };
  try {
    const { status } = await httpCall({ method: 'POST', url, headers, body, limitMs: LIMIT_MS, ca: null });
    if (status >= 300) throw new Error(`it answered ${status}`);
  } catch (error) {
    const { message } = error as CallError;
    throw new Error(`${shownServer(url)}: ${message}`, { cause: error });
  }
}
