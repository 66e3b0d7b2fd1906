/** The file of an ingest's state: it is replaced whole, and that is the commit of a batch. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function stateFile(served: string): string {
  return join(served, 'ingest.json');
}

/** @returns the text of the state; null when nothing was ever ingested here */
export function readStateText(served: string): string | null {
  try {
    return readFileSync(stateFile(served), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
