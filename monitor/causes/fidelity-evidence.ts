/** What is wrong with a served row, in a sentence that can be understood at three in the morning. */
import { UNAVAILABLE } from '../../contract/status.ts';
import type { Cause, FidelityCause } from '../../contract/cause.ts';
import { rowText, shownValue, timeText } from './evidence-text.ts';
import type { RowFacts, ValueFacts } from './facts.ts';

/** @param cause  one that `decide` found in these facts, of fidelity or `unavailable` */
export function fidelityEvidence(facts: ValueFacts, cause: Cause): string {
  const { row } = facts;
  if (cause === 'unavailable' || row.status === UNAVAILABLE) return unavailable(row);
  const write = SENTENCES[cause as FidelityCause];
  const at = timeText(row.servedUs, row.servedUs);
  return row.served === null
    ? `${write(facts, 'no row')} (served at ${at})`
    : write(facts, rowText(row, row.served));
}

type Sentence = (facts: ValueFacts, servedRow: string) => string;

const SENTENCES: Readonly<Record<FidelityCause, Sentence>> = {
  'answer altered': ({ served, type }, servedRow) =>
    `${servedRow} gives ${shownValue(served, type)}, but the answer that was logged beside it says another value`,
  'on-demand differs': () => 'the function gives another output over the inputs that were logged',
  'foreign row': foreign,
  'null or default substituted': (facts, servedRow) =>
    `${sides(facts, servedRow)}, one of which stands for no value (${writtenText(facts)})`,
  'precision / type': (facts, servedRow) =>
    `${sides(facts, servedRow)}, which are the same but for rounding or a conversion (${writtenText(facts)})`,
  'changed in place': (facts, servedRow) => `${sides(facts, servedRow)}; ${earlierText(facts)}`,
  'missing in history': (_, servedRow) =>
    `${servedRow} was served, but the history has no row of this entity at all`,
  unexplained: (facts, servedRow) =>
    `${sides(facts, servedRow)}, and nothing tells why (${writtenText(facts)})`,
};

function foreign({ row }: ValueFacts, servedRow: string): string {
  const { fidelity } = row;
  if (fidelity?.answer !== 'foreign')
    return (
      `${servedRow} has values that the history has at this event for neither this entity nor exactly one other: ` +
      'whose they are is not known (rows that others have of other events are not searched)'
    );
  const { entity, createdUs } = fidelity;
  if (createdUs === undefined)
    return `${servedRow} has the values and times of another entity's row in the history: that of ${entity}`;
  const created =
    createdUs === null ? 'no created time' : `the created time ${timeText(createdUs, row.servedUs)}`;
  return (
    `${servedRow} has the values of another entity's row of this event in the history: that of ${entity}, which bears ` +
    `${created} now, as after a source was loaded again`
  );
}

/** Both values of an altered row, where they may be shown; of a value that is itself true, that another one is not. */
function sides({ alteration, held, served, type }: ValueFacts, servedRow: string): string {
  if (alteration === null) return `${servedRow} has another value online than in the history beside this one`;
  return held === undefined
    ? `${servedRow} has another value online than in the history`
    : `${servedRow} has ${shownValue(served, type)} online and ${shownValue(held, type)} in the history`;
}

/** A row of a value that was not changed may have others that were: the sentence is of this value, where it was. */
function earlierText({ earlier, row: { servedUs } }: ValueFacts): string {
  if (earlier === null) return 'an earlier commit of the history had what was served';
  const { version, atUs, until } = earlier;
  return (
    `entry ${version} of the history's log, of ${timeText(atUs, servedUs)}, had what was served, until entry ` +
    `${until.version} of ${timeText(until.atUs, servedUs)} took it out`
  );
}

/** When the row came online, and by whom: who else than a run writes there is the first suspect. */
function writtenText({ row: { served, servedUs, writer } }: ValueFacts): string {
  const by = writer === null ? 'when no run of the view was at work' : `when run ${writer.runId} was at work`;
  return `the row online bears the written time ${timeText(served!.writtenUs, servedUs)}, ${by}`;
}

function unavailable({ view, servedUs }: RowFacts): string {
  return (
    `the store gave no answer for ${view.id} when it was served at ${timeText(servedUs, servedUs)}, ` +
    'and nothing was cached'
  );
}
