/**
 * The verdict as one sentence that a person would say: what is wrong, since when, how much, whose it is, which model
 * takes it. Pure.
 *
 *   Alert: basket__avg_order_value_30d is 0 where it should be null for 103 of 549 values present since 09:20; owner
 *   ml-platform; model basket-value.
 */
import { timeText } from '../causes/evidence-text.ts';
import type { Cause } from '../../contract/cause.ts';
import { parseTimestamp } from '../../contract/std/timestamp.ts';
import { LIMITS } from '../limits.ts';
import { percentText } from '../../contract/std/percent-text.ts';
import { counted, incidentBehind, sum } from './findings.ts';
import type { FeatureSnapshot, Finding, Incident, SideOfExample, Snapshot } from './snapshot.ts';

type Told = Pick<Snapshot, 'verdict' | 'findings' | 'incidents' | 'features' | 'date'>;

const WORDS: Readonly<Record<Snapshot['verdict'], string>> = {
  pass: 'Pass',
  alert: 'Alert',
  alarm: 'Alarm',
  'not-enough-data': 'Not enough data',
};

/** @param lastUs  when the last vector of the day was served */
export function sentenceOf(told: Told, lastUs: number): string {
  const word = WORDS[told.verdict];
  const [finding] = told.findings;
  if (finding === undefined) return `${word}: ${passText(told.features)}`;
  const incident = incidentOf(finding, told.incidents);
  const text = incident === undefined ? finding.text : incidentText(incident, finding, told, lastUs);
  const beside = told.findings.slice(1).filter(isOfAge);
  return `${word}: ${[text, ...beside.map((one) => `Besides, ${one.text}`)].join(' ')}`;
}

/** What no match rate shows: a source that stopped, or a view past its alert age. */
function isOfAge({ verdict, cause }: Finding): boolean {
  return verdict === 'alarm' && (cause === 'source stopped' || cause === 'past its alert age');
}

function passText(features: readonly FeatureSnapshot[]): string {
  const beyond = sum(features, ({ beyondPromise }) => beyondPromise);
  const present = sum(features, (feature) => feature.present);
  if (beyond > 0)
    return (
      `${beyond.toLocaleString('en-US')} of ${counted(present, 'value')} present ${beyond === 1 ? 'is' : 'are'} ` +
      `beyond the promise; no feature is surely below ${percentText(LIMITS.alertBelow)}.`
    );
  const within = sum(features, ({ withinPromise }) => withinPromise);
  return within === 0
    ? `all ${counted(present, 'value')} present match.`
    : `${within.toLocaleString('en-US')} of ${counted(present, 'value')} present differ, all within the promise.`;
}

/** The incident of the first cause that made the finding; a finding with a name of its own is told by its text. */
function incidentOf(finding: Finding, incidents: readonly Incident[]): Incident | undefined {
  const { cause, causes: [first] = [] } = finding;
  if (first === undefined || (cause !== null && cause !== first)) return undefined;
  return incidentBehind(finding, first, incidents);
}

function incidentText(incident: Incident, { feature }: Finding, told: Told, lastUs: number): string {
  const { features, beyondPromise, slice } = incident;
  const { rows, from, to } = incident.beyond ?? incident;
  const own = told.features.filter(({ name }) => features.includes(name));
  const present = sum(own, (one) => one.present);
  const others = features.length - 1;
  const first = feature ?? features[0]!;
  const who = others === 0 ? first : `${first} and ${counted(others, 'more feature')}`;
  const what = wrong(incident, others === 0);
  const where = slice === undefined ? '' : `, nearly all where ${sliceText(slice)}`;
  const few = rows < 10 && beyondPromise > 2 * rows ? ` (${counted(rows, 'row')})` : '';
  const much = `${muchText(beyondPromise, present)}${few}`;
  return `${who} ${what} for ${much} ${whenText(from, to, lastUs)}${where}${ofWhom(incident)}.`;
}

/** An incident may have values that are unjudged, which are in no rate. */
function muchText(beyondPromise: number, present: number): string {
  if (beyondPromise > present) return counted(beyondPromise, 'value');
  return `${beyondPromise.toLocaleString('en-US')} of ${counted(present, 'value')} present`;
}

/** Told by the values of an example, or by that nothing is known; a vector of an outage is in no incident. */
type OtherCause = 'unavailable' | 'null or default substituted' | 'unexplained';

/** A verb and what follows it. */
const WRONG: Readonly<Record<Exclude<Cause, OtherCause>, readonly [one: string, many: string]>> = {
  'answer altered': [
    'was answered otherwise than it was logged',
    'were answered otherwise than they were logged',
  ],
  'on-demand differs': ['is computed otherwise on demand', 'are computed otherwise on demand'],
  'foreign row': ['is of a row that is not its entity’s', 'are of rows that are not their entity’s'],
  'precision / type': ['is rounded or of another type', 'are rounded or of another type'],
  'changed in place': ['was changed in place in the history', 'were changed in place in the history'],
  'missing in history': ['is not in the history', 'are not in the history'],
  'definition changed': ['is of another definition', 'are of another definition'],
  'clock skew': ['was served by a clock that was stepped', 'were served by a clock that was stepped'],
  'cache age': ['came from a cache', 'came from a cache'],
  'materialization lag': ['is older than promised', 'are older than promised'],
  'TTL boundary': ['is too old on one side only', 'are too old on one side only'],
  'missing online': ['was lost online', 'were lost online'],
  'late arrival': ['was served before its rows came in late', 'were served before their rows came in late'],
  'rewritten history': ['was rewritten after it was served', 'were rewritten after they were served'],
  'served ahead': ['is newer than what training sees', 'are newer than what training sees'],
  duplicate: ['is of one of two rows of the same times', 'are of one of two rows of the same times'],
  'not proved': [
    'is of another row than training sees, and no record tells why,',
    'are of another row than training sees, and no record tells why,',
  ],
};

function wrong({ cause, examples: [first] }: Incident, isOne: boolean): string {
  if (isWorded(cause)) return WRONG[cause][isOne ? 0 : 1];
  const verb = isOne ? 'is' : 'are';
  if (cause === 'unexplained')
    return `${isOne ? 'differs' : 'differ'} from what training sees, and nothing explains it,`;
  if (first === undefined) return `${verb} null or a default on one side only`;
  return `${verb} ${valueText(first.served)} where ${isOne ? 'it' : 'they'} should be ${valueText(first.replayed)}`;
}

function isWorded(cause: Cause): cause is Exclude<Cause, OtherCause> {
  return cause in WRONG;
}

const MOST_CHARACTERS = 40;

function valueText({ state, value }: SideOfExample): string {
  if (state !== 'value' && state !== 'zero') return state;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}

const HOUR_US = 3_600_000_000;

/** An incident that lasted to the last hour of the traffic is told as going on. */
function whenText(from: string, to: string, lastUs: number): string {
  const [fromUs, toUs] = [from, to].map((time) => Number(parseTimestamp(time))) as [number, number];
  const clock = (us: number): string => timeText(Math.floor(us / 60_000_000) * 60_000_000, lastUs);
  if (toUs > lastUs - HOUR_US) return `since ${clock(fromUs)}`;
  return clock(fromUs) === clock(toUs) ? `at ${clock(fromUs)}` : `from ${clock(fromUs)} to ${clock(toUs)}`;
}

function sliceText({ by, value }: NonNullable<Incident['slice']>): string {
  if (by === 'entityIsNew') return `the entity was ${value}`;
  return `${by === 'serviceVersion' ? 'service version' : by} is ${value}`;
}

/** The first owner is the view's, where it has one: whoever can mend it. */
function ofWhom({ owners: [owner], models }: Incident): string {
  const more = models.length > 3 ? ` and ${models.length - 3} more` : '';
  const noun = models.length === 1 ? 'model' : 'models';
  const taking = models.length === 0 ? '' : `; ${noun} ${models.slice(0, 3).join(', ')}${more}`;
  return `${owner === undefined ? '' : `; owner ${owner}`}${taking}`;
}
