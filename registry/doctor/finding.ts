/** What one check of a set-up found. Made by the checks of this folder, printed by doctor.ts and config-check.ts. */
import { REGISTRY_ERRORS } from '../../contract/errors.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { withoutPassword } from '../../contract/std/secret-text.ts';

/** `wrong` keeps something from working, `note` is worth knowing, `off` was not looked at. */
type FindingState = 'ok' | 'note' | 'wrong' | 'off';

export interface SetupFinding {
  /** What was looked at: `online store`, `log.kafka`. */
  readonly check: string;
  readonly state: FindingState;
  /** One sentence, without secrets. */
  readonly found: string;
  /** What to do; null: nothing. */
  readonly help: string | null;
}

export const ok = (check: string, found: string): SetupFinding => ({ check, state: 'ok', found, help: null });
export const off = (check: string, found: string): SetupFinding => ({
  check,
  state: 'off',
  found,
  help: null,
});
export const note = (check: string, found: string, help: string | null = null): SetupFinding => {
  return { check, state: 'note', found, help };
};

/** @returns a finding without secrets */
export function wrong(check: string, found: string, help: string): SetupFinding {
  return { check, state: 'wrong', found: withoutPassword(found), help };
}

/** @returns what an error says, with the help that is its own, or the one that is given */
export function failed(check: string, error: unknown, help: string): SetupFinding {
  const { message } = error as Error;
  const own = error instanceof CodedError ? error.details.help : undefined;
  // That of the table of errors fits every error of its code, and this one less.
  const isOfTable = Object.values(REGISTRY_ERRORS).some((entry) => entry.help === own);
  return wrong(check, message, isOfTable ? help : (own ?? help));
}

/** One line a finding, and below it what to do. */
export function renderFindings(findings: readonly SetupFinding[], color: boolean): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings
    .map(({ check, state, found, help }) => {
      const head = `${marked(state, color)}  ${check.padEnd(width)}  ${found}`;
      return help === null ? head : `${head}\n${' '.repeat(width + 9)}-> ${help}`;
    })
    .join('\n');
}

const COLORS: Readonly<Record<FindingState, number>> = { ok: 32, note: 33, wrong: 31, off: 2 };

function marked(state: FindingState, color: boolean): string {
  const text = state.padEnd(5);
  return color ? `\u001b[${COLORS[state]}m${text}\u001b[0m` : text;
}
